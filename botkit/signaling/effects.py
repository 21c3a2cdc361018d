"""Effects: what a session does to others, as frozen values.

Every verb of a session, channel or call that others would notice makes one of these and hands it to the session's gate
(``outgoing``), where it is numbered, held back in a dry run, put in its turn, and becomes a request. Questions are no
effects. A test compares them: ``SendToChannel(channel="lobby", text="hello")``.

What a moderator does is in ``moderation_effects``.
"""

from abc import abstractmethod
from enum import IntEnum
from typing import ClassVar

from msgspec import UNSET, Struct

from botkit.wire import requests as ask
from botkit.wire.messages import dtmf_digits
from botkit.wire.replies import OK, Invited, Ok
from botkit.wire.request import Request
from botkit.wire.requests import flag_of


class Lane(IntEnum):
    """Who goes first among the messages of an account that wait for the service's limits.

    ``MODERATION``: what a moderator has to say. ``ALERT``: what somebody has to learn soon. ``CHAT``: all else.
    Acts that no limit holds up (a kick, a mute, a call's end) wait in no lane. What a session sends to one target in
    one lane keeps its order; what is in different lanes may overtake. A lane that was passed over nine times in a row
    has its turn, so none starves.
    """

    MODERATION = 0
    ALERT = 1
    CHAT = 2


class Effect(Struct, frozen=True, kw_only=True, tag_field="verb"):
    """The base of all effects. Its ``verb`` is what it is called in logs and traces."""

    when_dry: ClassVar[bool] = False
    """Whether it is carried out in a dry run, too: where a session is, it has to be in order to hear."""

    @property
    def verb(self) -> str:
        """What it is called, e.g. ``send_to_channel``."""
        return str(self.__struct_config__.tag)

    @property
    @abstractmethod
    def target(self) -> str:
        """Whom or what it is aimed at: an account, or a channel."""

    @property
    def where(self) -> str:
        """The channel that it takes place in; empty for none."""
        return ""

    @property
    def words(self) -> str:
        """What it says that somebody wrote: a text, a reason, the value of an attribute. Logged by policy only."""
        return ""

    @abstractmethod
    def request(self) -> Request:
        """What asks the gateway for it."""

    def dry_answer(self) -> Ok:
        """What a dry run answers in the gateway's place."""
        return OK


class _InChannel(Effect, frozen=True, kw_only=True):
    channel: str

    @property
    def target(self) -> str:
        return self.channel

    @property
    def where(self) -> str:
        return self.channel


class Join(_InChannel, frozen=True, kw_only=True, tag="join"):
    """Enter a channel (``channelJoin``)."""

    when_dry = True

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.JoinChannel(channel=self.channel)


class Leave(_InChannel, frozen=True, kw_only=True, tag="leave"):
    """Leave a channel (``channelLeave``)."""

    when_dry = True

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.LeaveChannel(channel=self.channel)


class SendToChannel(_InChannel, frozen=True, kw_only=True, tag="send_to_channel"):
    """A message to the members of a channel (``messageChannelSend``)."""

    text: str

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.text

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.SendChannelMessage(channel=self.channel, text=self.text)


class SendInstant(Effect, frozen=True, kw_only=True, tag="send_instant"):
    """A message to one account (``messageInstantSend``) that waits ``ttl`` seconds for it."""

    account: str
    text: str
    ttl: int

    @property
    def target(self) -> str:
        """See ``Effect``."""
        return self.account

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.text

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.SendMessage(peer=self.account, content=self.text, flag=flag_of(self.ttl))


class SetUserAttribute(Effect, frozen=True, kw_only=True, tag="set_user_attribute"):
    """Set an attribute of the session's own account (``userSetAttr``)."""

    name: str
    value: str

    @property
    def target(self) -> str:
        """See ``Effect``."""
        return self.name

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.value

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.SetUserAttribute(name=self.name, value=self.value)


class SetChannelAttribute(_InChannel, frozen=True, kw_only=True, tag="set_channel_attribute"):
    """Set an attribute of a channel (``channelSetAttr``)."""

    name: str
    value: str

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return f"{self.name}={self.value}"

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.SetChannelAttribute(channel=self.channel, name=self.name, value=self.value)


class DeleteChannelAttribute(_InChannel, frozen=True, kw_only=True, tag="delete_channel_attribute"):
    """Remove an attribute of a channel (``channelDelAttr``)."""

    name: str

    @property
    def words(self) -> str:
        """See ``Effect``."""
        return self.name

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.DeleteChannelAttribute(channel=self.channel, name=self.name)


class ClearChannelAttributes(_InChannel, frozen=True, kw_only=True, tag="clear_channel_attributes"):
    """Remove all attributes of a channel (``channelClearAttr``)."""

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.ClearChannelAttributes(channel=self.channel)


class _OfCall(Effect, frozen=True, kw_only=True):
    """``call`` is the gateway's number of the call; 0 is whichever the two have in that channel."""

    channel: str
    account: str
    extra: str = ""
    call: int = 0

    @property
    def target(self) -> str:
        return self.account

    @property
    def where(self) -> str:
        return self.channel

    @property
    def words(self) -> str:
        return self.extra


class Invite(_OfCall, frozen=True, kw_only=True, tag="invite"):
    """Invite an account to a call (``channelInviteUser2``)."""

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.Invite(channel=self.channel, peer=self.account, extra=self.extra)

    def dry_answer(self) -> Invited:
        """See ``Effect``."""
        return Invited()


class AcknowledgeInvite(_OfCall, frozen=True, kw_only=True, tag="acknowledge_invite"):
    """Tell the caller that its phone rings here. Sessions do this by themselves."""

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.AcknowledgeInvite(channel=self.channel, peer=self.account, extra=self.extra, call=self.call or UNSET)


class AcceptInvite(_OfCall, frozen=True, kw_only=True, tag="accept_invite"):
    """Take a call (``channelInviteAccept``)."""

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.AcceptInvite(channel=self.channel, peer=self.account, extra=self.extra, call=self.call or UNSET)


class RefuseInvite(_OfCall, frozen=True, kw_only=True, tag="refuse_invite"):
    """Decline a call (``channelInviteRefuse``)."""

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.RefuseInvite(channel=self.channel, peer=self.account, extra=self.extra, call=self.call or UNSET)


class EndCall(_OfCall, frozen=True, kw_only=True, tag="end_call"):
    """End a call, or withdraw an invitation (``channelInviteEnd``)."""

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.EndCall(channel=self.channel, peer=self.account, extra=self.extra, call=self.call or UNSET)


class SendInCall(_OfCall, frozen=True, kw_only=True, tag="send_in_call"):
    """A message within a call, such as DTMF digits (``channelInviteDTMF``)."""

    @property
    def words(self) -> str:
        """What it says; nothing for digits, which may be a secret and are never logged."""
        return "" if dtmf_digits(self.extra) is not None else self.extra

    def request(self) -> Request:
        """See ``Effect``."""
        return ask.CallMessage(channel=self.channel, peer=self.account, extra=self.extra, call=self.call or UNSET)
