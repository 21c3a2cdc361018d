"""Message lines and the JSON inside of them.

A line is ``msg-v2 SRC DST FLAG TYPE TIME CONTENT`` with single blanks: six fields without blanks, and the
content, which may be empty and may hold anything. ``msg-v3`` has an id before SRC and only web clients read it.
Lines are what the inbox delivers (instant messages, calls) and what channel notices carry.
"""

from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from botkit.errors import ProtocolError
from botkit.wire.frames import ChannelNotice, Notify, Number, protocol_error
from botkit.wire.limits import digits_violation

_FIELDS = {"msg-v2": 6, "msg-v3": 7}
"""How many follow a line's first word."""

PLACEHOLDER = "-"
"""Stands where a line must have a field but the value may hold blanks (channel names) or is unknown."""


class MessageLine(Struct, frozen=True):
    """One parsed line. ``ms`` is its time in milliseconds since 1970."""

    source: str
    target: str
    flag: str
    kind: str
    ms: int
    content: str
    message_id: str = ""


def format_line(line: MessageLine) -> str:
    """The ``msg-v2`` text of a line, or ``msg-v3`` when it has an id."""
    head = f"msg-v3 {line.message_id}" if line.message_id else "msg-v2"
    return f"{head} {line.source} {line.target} {line.flag or PLACEHOLDER} {line.kind} {line.ms} {line.content}"


def parse_line(text: str) -> MessageLine:
    """The parts of a ``msg-v2`` or ``msg-v3`` line. Raises ``ProtocolError``."""
    version, _, rest = text.partition(" ")
    fields = _FIELDS.get(version)
    if fields is None:
        raise ProtocolError("neither msg-v2 nor msg-v3", field="line")
    *head, content = rest.split(" ", fields - 1)
    if len(head) != fields - 1 or not all(head):
        raise ProtocolError(
            f"has {len(list(filter(None, head)))} of the {fields - 1} fields before the content", field="line"
        )
    source, target, flag, kind, time = head[-5:]
    if not (time.isascii() and time.isdecimal() and len(time) <= 16):
        raise ProtocolError("time is no number", field="line.time")
    return MessageLine(source, target, flag, kind, int(time), content, head[0] if fields == 7 else "")


class ChannelContent(Struct, frozen=True, kw_only=True):
    """What every channel event names: the Python SDK drops the connection if one is missing."""

    channel: str
    account: str
    uid: Number


class ChannelText(ChannelContent, frozen=True, kw_only=True):
    """``channel_msg``: a message, to all members with the sender among them."""

    msg: str


class MemberJoined(ChannelContent, frozen=True, kw_only=True):
    """``channel_user_join``, to the other members."""


class MemberLeft(ChannelContent, frozen=True, kw_only=True):
    """``channel_user_leave``, to the other members."""


class AttributeUpdated(ChannelContent, frozen=True, kw_only=True):
    """``channel_attr_update``: ``type`` is ``update``, ``del`` or ``clear``; name and value present in all."""

    name: str = ""
    value: str = ""
    type: str = "update"


ChannelEvent: TypeAlias = ChannelText | MemberJoined | MemberLeft | AttributeUpdated

CHANNEL_EVENTS: dict[str, type[ChannelEvent]] = {
    "channel_msg": ChannelText,
    "channel_user_join": MemberJoined,
    "channel_user_leave": MemberLeft,
    "channel_attr_update": AttributeUpdated,
}
_KINDS = {event: kind for kind, event in CHANNEL_EVENTS.items()}


class CallContent(Struct, frozen=True, kw_only=True):
    """A call message in the inbox: ``peer`` is the other side, seen from the receiver.

    botkit's own are ``code``, the number of a failure, and ``call``, the gateway's number of the call; 0: not given.
    """

    channel: str
    peer: str
    extra: str
    peeruid: Number
    code: Number = 0
    call: Number = 0


CALL_KINDS = frozenset(
    {
        "voip_invite",
        "voip_invite_ack",
        "voip_invite_accept",
        "voip_invite_refuse",
        "voip_invite_failed",
        "voip_invite_bye",
        "voip_invite_msg",
    }
)
INSTANT = "instant"


class Dtmf(Struct, frozen=True, kw_only=True):
    """The extra of a ``voip_invite_msg`` that carries digits."""

    msgtype: str = "dtmf"
    msgdata: str


_encoder = msgspec.json.Encoder()
_decoders = {kind: msgspec.json.Decoder(event) for kind, event in CHANNEL_EVENTS.items()}
_call_decoder = msgspec.json.Decoder(CallContent)
_dtmf_decoder = msgspec.json.Decoder(Dtmf)
_T = TypeVar("_T")


def channel_notice(event: ChannelEvent, message_id: int, ms: int) -> Notify:
    """The notice that tells members of a channel about ``event``; ``message_id`` rises by channel."""
    content = _encoder.encode(event).decode()
    line = format_line(MessageLine(event.account or PLACEHOLDER, PLACEHOLDER, "", _KINDS[type(event)], ms, content))
    return Notify(ChannelNotice(event.channel, message_id, line))


def channel_event(line: MessageLine) -> ChannelEvent:
    """The typed event in a channel notice's line. Raises ``ProtocolError``."""
    decoder = _decoders.get(line.kind)
    if decoder is None:
        raise ProtocolError(f"{line.kind!r} is no channel event", field="line.type")
    return _decode(decoder, line.content)


def call_text(content: CallContent) -> str:
    """The content of a call message's line."""
    return _encoder.encode(content).decode()


def call_content(line: MessageLine) -> CallContent:
    """The typed content of a call message. Raises ``ProtocolError``."""
    return _decode(_call_decoder, line.content)


def dtmf_extra(digits: str) -> str:
    """The extra that carries ``digits`` (``channelInviteDTMF`` of the vendor's web SDK)."""
    return _encoder.encode(Dtmf(msgdata=digits)).decode()


def dtmf_digits(extra: str) -> str | None:
    """The digits in a call message's extra; None when it carries anything but 1 to 128 of 0-9, ``*``, ``#``."""
    try:
        message = _dtmf_decoder.decode(extra)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    is_dtmf = message.msgtype == "dtmf" and digits_violation(message.msgdata) is None
    return message.msgdata if is_dtmf else None


def _decode(decoder: msgspec.json.Decoder[_T], text: str) -> _T:
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        complaint = protocol_error(error)
        raise ProtocolError(complaint.problem, field=f"line.content {complaint.field}") from None
