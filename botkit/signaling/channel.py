"""A channel that a session is in."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from botkit.errors import ErrorCode, LeaveFailed, RequestFailed, SendFailed
from botkit.signaling import checks
from botkit.signaling.effects import (
    ClearChannelAttributes,
    DeleteChannelAttribute,
    Lane,
    Leave,
    SendToChannel,
    SetChannelAttribute,
)
from botkit.signaling.membership import Membership
from botkit.signaling.outgoing import Outgoing
from botkit.types import Account, ChannelName, Uid
from botkit.wire.replies import Failure, Ok


class Channel:
    """The session's channel; ``LoginSession.join`` makes it.

    It stays the same through a reconnect, and is of no more use once the session has left: joined another, logged
    out, lost its connection for good. Then ``joined`` is false and its verbs raise.
    """

    def __init__(self, membership: Membership, outgoing: Outgoing, on_left: Callable[[Membership], None]) -> None:
        self._membership = membership
        self._outgoing = outgoing
        self._on_left = on_left
        self._members = MappingProxyType(membership.members)
        self._attributes = MappingProxyType(membership.attributes)

    def __repr__(self) -> str:
        return f"<Channel {self.name!r}{'' if self.joined else ', left'}>"

    @property
    def name(self) -> ChannelName:
        """The channel's name."""
        return self._membership.channel

    @property
    def joined(self) -> bool:
        """Whether the session is in the channel."""
        return self._membership.joined

    @property
    def members(self) -> Mapping[Account, Uid]:
        """A live view of the members with their uids (``onChannelUserList`` and what came after).

        Joining tells the latest 200 members only; ``LoginSession.list_channel_users`` asks for all.
        """
        return self._members

    @property
    def attributes(self) -> Mapping[str, str]:
        """A live view of the channel's attributes."""
        return self._attributes

    async def send(self, text: str, *, lane: Lane = Lane.CHAT) -> None:
        """Send ``text`` (at most 8192 bytes of UTF-8) to all members, this session included.

        The vendor's ``messageChannelSend``; returns when the gateway has taken it. Under a governor it waits for its
        turn first, in ``lane``; a cancel then leaves it unsent. Raises ``ParameterError``, ``OutgoingQueueFull`` (400),
        ``SendFailed``: 400 when refused (60 messages a second per user, 200 per channel, muted, not a member),
        401 when no answer came: then it may have been sent. A cancel leaves the message under way.
        """
        checks.check_message(text)
        if not self.joined:
            raise SendFailed(ErrorCode.SENDMESSAGE_E_OTHER, self._left())
        await self._outgoing.act(SendToChannel(channel=self.name, text=text), Ok, lane=lane)

    async def set_attribute(self, name: str, value: str) -> None:
        """Set an attribute: a name of at most 128 bytes, a value of at most 8096. All members are told.

        The vendor's ``channelSetAttr``. Raises ``ParameterError``, ``RequestFailed`` (1001; 1002 when no answer
        came: then it may have been set). A cancel leaves the request under way.
        """
        checks.check_channel_attribute(name, value)
        self._require_joined()
        await self._outgoing.act(SetChannelAttribute(channel=self.name, name=name, value=value), Ok)

    async def delete_attribute(self, name: str) -> None:
        """Remove an attribute (``channelDelAttr``); raises and cancels like ``set_attribute``."""
        checks.check_channel_attribute(name)
        self._require_joined()
        await self._outgoing.act(DeleteChannelAttribute(channel=self.name, name=name), Ok)

    async def clear_attributes(self) -> None:
        """Remove all attributes (``channelClearAttr``); raises and cancels like ``set_attribute``."""
        self._require_joined()
        await self._outgoing.act(ClearChannelAttributes(channel=self.name), Ok)

    async def leave(self) -> None:
        """Leave the channel (``channelLeave``), told as ``ChannelLeft`` with 602. A second time does nothing.

        Raises ``LeaveFailed`` (600); without an answer it may have been carried out. A cancel leaves the
        request under way: when the gateway carries it out, ``joined`` turns false.
        """
        if not self.joined:
            return

        def on_answer(answer: Ok | Failure | None) -> None:
            if isinstance(answer, Ok):
                self._on_left(self._membership)

        try:
            await self._outgoing.act(Leave(channel=self.name), Ok, on_answer)
        except LeaveFailed:
            if self.joined:
                raise

    def _require_joined(self) -> None:
        if not self.joined:
            raise RequestFailed(ErrorCode.GENERAL_E_FAILED, self._left())

    def _left(self) -> str:
        return f"this session has left {self.name!r}; join it again"
