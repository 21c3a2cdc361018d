"""Requests: what a client asks in a ``call2`` frame, one frozen struct per function.

``REQUESTS`` maps each function's name on the wire to its struct. The vendor's SDKs name the channel
``name`` in some requests, ``channel`` or ``channelName`` in others; the fields here carry plain names and
the wire's names stay in this module.
"""

from typing import ClassVar

import msgspec
from msgspec import UNSET, Raw, UnsetType, field

from botkit.errors import ProtocolError
from botkit.wire.admin import ADMIN_REQUESTS
from botkit.wire.frames import Call, CallBody, Number, protocol_error
from botkit.wire.request import Request


class GetMessages(Request, frozen=True, kw_only=True):
    """Fetch the inbox: acknowledges all up to ``ver_clear``, returns at most ``max`` after it."""

    function: ClassVar[str] = "user_getmsg"
    ver_clear: Number = 0
    max: Number = 30


class SendMessage(Request, frozen=True, kw_only=True):
    """An instant message; ``flag`` is ``v1:E:<ttl in seconds>``."""

    function: ClassVar[str] = "user_sendmsg"
    peer: str
    content: str
    flag: str = ""
    kind: str = field(name="t", default="instant")


class Logout(Request, frozen=True, kw_only=True):
    """End the session: the client closes once it has the answer."""

    function: ClassVar[str] = "user_logout"


class JoinChannel(Request, frozen=True, kw_only=True):
    """Enter a channel, leaving the one before."""

    function: ClassVar[str] = "channel_join"
    channel: str = field(name="name")


class LeaveChannel(Request, frozen=True, kw_only=True):
    """Leave a channel."""

    function: ClassVar[str] = "channel_leave"
    channel: str = field(name="name")


class SendChannelMessage(Request, frozen=True, kw_only=True):
    """A message to a channel; with ``force`` (Python SDK) a server, or anybody if the app allows it, need not be in."""

    function: ClassVar[str] = "channel_sendmsg"
    channel: str = field(name="name")
    text: str = field(name="msg")
    force: bool = False


class SetChannelAttribute(Request, frozen=True, kw_only=True):
    """Set one attribute of a channel."""

    function: ClassVar[str] = "channel_set_attr"
    channel: str
    name: str
    value: str


class DeleteChannelAttribute(Request, frozen=True, kw_only=True):
    """Remove one attribute of a channel."""

    function: ClassVar[str] = "channel_del_attr"
    channel: str
    name: str


class ClearChannelAttributes(Request, frozen=True, kw_only=True):
    """Remove all attributes of a channel."""

    function: ClassVar[str] = "channel_clear_attr"
    channel: str


class QueryChannelCount(Request, frozen=True, kw_only=True):
    """How many members a channel has."""

    function: ClassVar[str] = "channel_query_num"
    channel: str = field(name="name")


class QueryIsInChannel(Request, frozen=True, kw_only=True):
    """Whether an account is a member of a channel."""

    function: ClassVar[str] = "channel_query_user_isin"
    channel: str = field(name="name")
    account: str


class QueryChannelUsers(Request, frozen=True, kw_only=True):
    """The latest 200 members of a channel."""

    function: ClassVar[str] = "channel_query_userlist"
    channel: str = field(name="name")


class QueryAllChannelUsers(Request, frozen=True, kw_only=True):
    """All members of a channel, or the latest ``num``; or as many of the latest as the answer has room for."""

    function: ClassVar[str] = "channel_query_userlist_all"
    channel: str = field(name="name")
    num: Number = 0


class QueryUserStatus(Request, frozen=True, kw_only=True):
    """Whether an account is online."""

    function: ClassVar[str] = "user_query_user_status"
    account: str


class SetUserAttribute(Request, frozen=True, kw_only=True):
    """Set an attribute of the logged-in user."""

    function: ClassVar[str] = "user_set_attr"
    name: str
    value: str


class GetUserAttribute(Request, frozen=True, kw_only=True):
    """Read one attribute of any user."""

    function: ClassVar[str] = "user_get_attr"
    account: str
    name: str


class GetUserAttributes(Request, frozen=True, kw_only=True):
    """Read all attributes of any user."""

    function: ClassVar[str] = "user_get_attr_all"
    account: str


OWN_CALL = -1
"""In place of a call's number: the one that the asking side has invited the other one to."""


class CallRequest(Request, frozen=True, kw_only=True):
    """What the six requests about a call have: its channel, the other side, and an opaque text.

    The vendor's clients name a call by channel and peer alone, so that what they say about one that is over may reach
    the next. ``call`` is botkit's own: the number that the gateway gave it (``Invited``, ``CallContent``), or
    ``OWN_CALL``; without it is meant whichever the two have in that channel.
    """

    channel: str = field(name="channelName")
    peer: str
    extra: str = ""
    call: Number | UnsetType = UNSET


class Invite(CallRequest, frozen=True, kw_only=True):
    """Invite a peer to a channel."""

    function: ClassVar[str] = "voip_invite"


class AcknowledgeInvite(CallRequest, frozen=True, kw_only=True):
    """The callee's SDK has the invitation; every SDK sends this by itself."""

    function: ClassVar[str] = "voip_invite_ack"


class AcceptInvite(CallRequest, frozen=True, kw_only=True):
    """The callee takes the call."""

    function: ClassVar[str] = "voip_invite_accept"


class RefuseInvite(CallRequest, frozen=True, kw_only=True):
    """The callee declines."""

    function: ClassVar[str] = "voip_invite_refuse"


class EndCall(CallRequest, frozen=True, kw_only=True):
    """Either side ends the call, or the caller withdraws the invitation."""

    function: ClassVar[str] = "voip_invite_bye"


class CallMessage(CallRequest, frozen=True, kw_only=True):
    """A message within a call, e.g. DTMF digits."""

    function: ClassVar[str] = "voip_invite_msg"


_VENDOR_REQUESTS: tuple[type[Request], ...] = (
    GetMessages,
    SendMessage,
    Logout,
    JoinChannel,
    LeaveChannel,
    SendChannelMessage,
    SetChannelAttribute,
    DeleteChannelAttribute,
    ClearChannelAttributes,
    QueryChannelCount,
    QueryIsInChannel,
    QueryChannelUsers,
    QueryAllChannelUsers,
    QueryUserStatus,
    SetUserAttribute,
    GetUserAttribute,
    GetUserAttributes,
    Invite,
    AcknowledgeInvite,
    AcceptInvite,
    RefuseInvite,
    EndCall,
    CallMessage,
)

REQUESTS: dict[str, type[Request]] = {request.function: request for request in (*_VENDOR_REQUESTS, *ADMIN_REQUESTS)}

_decoders = {function: msgspec.json.Decoder(request) for function, request in REQUESTS.items()}
_encoder = msgspec.json.Encoder()


def encode_request(request: Request, call_id: int) -> Call:
    """The ``call2`` frame that asks ``request`` under ``call_id``."""
    arguments = Raw(_encoder.encode(request))
    return Call(CallBody(request.function, call_id, arguments))


def decode_request(call: CallBody) -> Request | None:
    """The typed request of a ``call2``; None for a function that nobody knows.

    Raises ``ProtocolError`` with the argument's place when one is missing or of the wrong type.
    """
    decoder = _decoders.get(call.function)
    if decoder is None:
        return None
    try:
        return decoder.decode(call.arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        complaint = protocol_error(error)
        place = complaint.field.removeprefix("$.") if complaint.field.startswith("$.") else "arguments"
        raise ProtocolError(complaint.problem, field=f"{call.function}.{place}") from None


def ttl_of(flag: str) -> int:
    """Seconds that an instant message may wait, from its flag ``v1:E:<ttl>``; 0 when there is no such number."""
    version, _, rest = flag.partition(":")
    kind, _, ttl = rest.partition(":")
    readable = version == "v1" and kind == "E" and ttl.isascii() and ttl.isdecimal() and len(ttl) <= 9
    return int(ttl) if readable else 0


def flag_of(ttl: int, uid: int = 0) -> str:
    """The flag of an instant message that may wait ``ttl`` seconds.

    A message line has no field for its sender's uid. The gateway puts it behind the ttl, where the vendor's
    SDKs do not look and a botkit session finds it (``uid_of``).
    """
    return f"v1:E:{ttl}:{uid}" if uid else f"v1:E:{ttl}"


def uid_of(flag: str) -> int:
    """The sender's uid in the flag of a message line; 0 when it has none."""
    parts = flag.split(":")
    if len(parts) != 4 or parts[:2] != ["v1", "E"]:
        return 0
    uid = parts[3]
    return int(uid) if uid.isascii() and uid.isdecimal() and len(uid) <= 15 else 0
