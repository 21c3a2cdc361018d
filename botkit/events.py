"""What a bot can be told: frozen values with ids, never live handles.

Each class names the vendor's callback that it stands for. ``ms`` is the gateway's time in milliseconds since
1970; ``uid`` the number that the gateway gave the account.
"""

from typing import Literal

from msgspec import Struct

from botkit.errors import ErrorCode
from botkit.types import Account, ChannelName, Uid


class Event(Struct, frozen=True, kw_only=True):
    """The base of all events."""


class LoggedIn(Event, frozen=True, kw_only=True):
    """``onLoginSuccess``: the session is up."""

    account: Account
    uid: Uid


class LoggedOut(Event, frozen=True, kw_only=True):
    """``onLogout``: the session is over; the last event of a session. ``reason`` has the words."""

    account: Account
    code: ErrorCode
    reason: str = ""


class Reconnecting(Event, frozen=True, kw_only=True):
    """``onReconnecting``: the connection was lost; attempt number ``attempt`` (from 1) is about to start."""

    account: Account
    attempt: int


class Reconnected(Event, frozen=True, kw_only=True):
    """``onReconnected``: logged in again.

    ``resumed`` is true when the gateway still held the session, so that nothing was missed; otherwise
    ``rejoined`` is the channel that was joined again, if any, and what happened meanwhile is lost.
    """

    account: Account
    resumed: bool
    rejoined: ChannelName | None = None


class EventsLost(Event, frozen=True, kw_only=True):
    """Events are missing here: ``count`` of them, or an unknown number (None). ``cause`` says why.

    Of what a feed tells also where, as far as that is known: in ``epoch`` of the ledger those behind the number
    ``after`` and before the number ``before``. ``LoginSession.read_ledger`` has what there still is of them.
    """

    cause: str
    count: int | None = None
    epoch: str = ""
    after: int | None = None
    before: int | None = None


class ConversationTimedOut(Event, frozen=True, kw_only=True):
    """The conversation of ``kind`` with ``account`` in ``channel`` (empty: in private) was not gone on with in time.

    botkit's own: the vendor has no such callback. Told once; after a crash in the middle of it, again.
    """

    kind: str
    account: Account
    channel: str


class CommandRefused(Event, frozen=True, kw_only=True):
    """``account`` wanted a command that it has no role for, in ``channel`` (empty: in private).

    botkit's own: the vendor has no such callback. ``roles`` are those that ``command`` is for.
    """

    account: Account
    channel: str
    command: str
    roles: tuple[str, ...]


class InstantMessage(Event, frozen=True, kw_only=True):
    """``onMessageInstantReceive``: a message from ``account`` to this session's account."""

    account: Account
    uid: Uid
    text: str
    ms: int


class ChannelMessage(Event, frozen=True, kw_only=True):
    """``onMessageChannelReceive``: a message in the session's channel, one's own included."""

    channel: ChannelName
    account: Account
    uid: Uid
    text: str
    ms: int
    message_id: int


class ChannelJoined(Event, frozen=True, kw_only=True):
    """``onChannelJoined``, ``onChannelUserList``: this session is in; the latest 200 members, and attributes."""

    channel: ChannelName
    members: tuple[tuple[Account, Uid], ...]
    attributes: dict[str, str]


class ChannelLeft(Event, frozen=True, kw_only=True):
    """``onChannelLeaved``: this session is out of the channel, for ``code`` (600 to 604)."""

    channel: ChannelName
    code: ErrorCode


class UserJoined(Event, frozen=True, kw_only=True):
    """``onChannelUserJoined``: somebody else came into the session's channel."""

    channel: ChannelName
    account: Account
    uid: Uid
    ms: int


class UserLeft(Event, frozen=True, kw_only=True):
    """``onChannelUserLeaved``: somebody else is gone from the session's channel."""

    channel: ChannelName
    account: Account
    uid: Uid
    ms: int


class ChannelAttributeUpdated(Event, frozen=True, kw_only=True):
    """``onChannelAttrUpdated``: ``kind`` is ``update``, ``del`` or ``clear`` (then name and value are empty)."""

    channel: ChannelName
    account: Account
    name: str
    value: str
    kind: Literal["update", "del", "clear"]
    ms: int


class MessageHeld(Event, frozen=True, kw_only=True):
    """A message in a channel that this session holds: it waits ``budget_ms`` for the verdict (``judge``)."""

    number: int
    channel: ChannelName
    account: Account
    uid: Uid
    text: str
    budget_ms: int


class CallEvent(Event, frozen=True, kw_only=True):
    """The base of what happens to a call. ``call`` is this session's number for it, ``peer`` the other side."""

    call: int
    channel: ChannelName
    peer: Account


class CallInvited(CallEvent, frozen=True, kw_only=True):
    """``onInviteReceived``: ``peer`` invites this session's account. ``extra`` is JSON or empty."""

    uid: Uid
    extra: str
    ms: int


class CallRinging(CallEvent, frozen=True, kw_only=True):
    """``onInviteReceivedByPeer``: the invitation is with the peer."""


class CallAccepted(CallEvent, frozen=True, kw_only=True):
    """``onInviteAcceptedByPeer``."""

    extra: str


class CallRefused(CallEvent, frozen=True, kw_only=True):
    """``onInviteRefusedByPeer``."""

    extra: str


class CallFailed(CallEvent, frozen=True, kw_only=True):
    """``onInviteFailed``, with the code (700 to 704)."""

    code: ErrorCode
    extra: str


class CallEnded(CallEvent, frozen=True, kw_only=True):
    """``onInviteEndByPeer`` (``by_peer``) or ``onInviteEndByMyself``."""

    by_peer: bool
    extra: str


class DigitsPressed(CallEvent, frozen=True, kw_only=True):
    """``onInviteMsg`` with DTMF digits: 0-9, ``*``, ``#``."""

    digits: str


class CallMessageReceived(CallEvent, frozen=True, kw_only=True):
    """``onInviteMsg`` with something else than digits; ``extra`` is the JSON text."""

    extra: str


class FeedEvent(Event, frozen=True, kw_only=True):
    """The base of what the special channels tell.

    ``seq``, its number in the ledger, rises within an ``epoch``; ``prev`` is that of the event before it in the same
    channel: whoever has not seen that one has missed something.
    """

    account: Account
    uid: Uid
    ms: int
    epoch: str
    seq: int
    prev: int = 0


class UserOnline(FeedEvent, frozen=True, kw_only=True):
    """An account of the app logged in (``__agora_user_online``)."""


class UserOffline(FeedEvent, frozen=True, kw_only=True):
    """An account of the app is gone; ``reason`` is ``logout``, ``disconnected``, ``replaced``, …"""

    reason: str


class MemberJoined(FeedEvent, frozen=True, kw_only=True):
    """An account joined a channel, any channel of the app (``__agora_channel_event``)."""

    channel: ChannelName


class MemberLeft(FeedEvent, frozen=True, kw_only=True):
    """An account left a channel; ``reason`` is ``leave``, ``moved``, ``logout``, ``disconnected``, …"""

    channel: ChannelName
    reason: str
