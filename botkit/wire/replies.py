"""Replies: the JSON text inside of a ``call2-ret``, one frozen struct per shape.

Success has ``"result": "ok"``. A failure goes out in the one form that every vendor SDK and the applications
on them can read: the error element empty, and ``{"result": "failed", "reason": text, "data": {"result":
text}}`` as the result; botkit adds the vendor's number as ``code``.
"""

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from botkit.errors import ErrorCode, ProtocolError
from botkit.wire.frames import CallResult, CallResultBody, Number, protocol_error

Member = tuple[str, Number]
"""An account and its uid."""


class Ok(Struct, frozen=True, kw_only=True):
    """Done; nothing more to say."""

    result: Literal["ok"] = "ok"


class Messages(Ok, frozen=True, kw_only=True):
    """A page of the inbox: ``ver_clear`` is the version before the first message."""

    ver_clear: Number
    msgs: tuple[tuple[Number, str], ...]


class Joined(Ok, frozen=True, kw_only=True):
    """The latest 200 members and the channel's attributes at the moment of joining."""

    members: tuple[Member, ...] = msgspec.field(name="list")
    attributes: dict[str, str] = msgspec.field(name="attrs")


class Invited(Ok, frozen=True, kw_only=True):
    """The invitation is out. ``call`` is the gateway's number of the call; 0 from one that gives none."""

    call: Number = 0


class Count(Ok, frozen=True, kw_only=True):
    """How many."""

    num: Number


class IsIn(Ok, frozen=True, kw_only=True):
    """1 for a member, else 0."""

    isin: Number


class Users(Ok, frozen=True, kw_only=True):
    """How many members there are, and those that were asked for."""

    num: Number
    members: tuple[Member, ...] = msgspec.field(name="list")


class Status(Ok, frozen=True, kw_only=True):
    """1 for online, else 0."""

    status: Number


class UserAttribute(Ok, frozen=True, kw_only=True):
    """One attribute of a user."""

    account: str
    name: str
    value: str


class UserAttributes(Ok, frozen=True, kw_only=True):
    """All attributes of a user, as a JSON text in the text (applications parse it themselves)."""

    account: str
    json: str


class FailureData(Struct, frozen=True):
    """Where the web SDK looks for the reason."""

    result: str


class Failure(Struct, frozen=True, kw_only=True):
    """Refused, for ``reason``."""

    result: str = "failed"
    reason: str = ""
    data: FailureData = FailureData("")
    code: Number = int(ErrorCode.GENERAL_E_FAILED)


class _Verdict(Struct, frozen=True):
    result: str


_encoder = msgspec.json.Encoder()
_verdict_decoder = msgspec.json.Decoder(_Verdict)
_failure_decoder = msgspec.json.Decoder(Failure)
_ReplyT = TypeVar("_ReplyT", bound=Ok)
_ItemT = TypeVar("_ItemT")

OK = Ok()


def failure(code: ErrorCode, reason: str) -> Failure:
    """A refusal with the vendor's number and the words for it."""
    return Failure(reason=reason, data=FailureData(reason), code=int(code))


def encode_reply(call_id: int | str, reply: Ok | Failure) -> CallResult:
    """The ``call2-ret`` frame that answers ``call_id``."""
    return CallResult(CallResultBody(call_id, "", _encoder.encode(reply).decode()))


def encode_json(value: Struct) -> str:
    """A struct as the JSON text that frames carry inside of a string."""
    return _encoder.encode(value).decode()


def nested_size(text: str, depth: int = 1) -> int:
    """How many bytes ``text`` takes as a string of a JSON text that is inside of ``depth`` strings of others.

    A reply is inside of one: there a letter takes a byte, a quote four, a control character seven.
    """
    nested = _encoder.encode(text).decode()
    for _ in range(depth):
        nested = _encoder.encode(nested).decode()[1:-1]
    return len(nested.encode())


def fitting(items: tuple[_ItemT, ...], most_bytes: int) -> tuple[_ItemT, ...]:
    """The first of ``items`` that take at most ``most_bytes`` of a frame as a list in a reply; at least one of them."""
    if _size(items) <= most_bytes:
        return items
    size = len("[]") - len(",")
    for number, item in enumerate(items):
        size += _size(item) + len(",")
        if size > most_bytes:
            return items[: max(1, number)]
    return items


def _size(value: object) -> int:
    return len(_encoder.encode(_encoder.encode(value).decode())) - len('""')


def decode_reply(result: CallResultBody, reply_type: type[_ReplyT]) -> _ReplyT | Failure:
    """The typed reply, or the ``Failure`` in either of the two forms that gateways use.

    Raises ``ProtocolError`` when the text is neither.
    """
    try:
        if result.error:
            return failure(ErrorCode.GENERAL_E_FAILED, result.error)
        if _verdict_decoder.decode(result.result).result != "ok":
            return _failure_decoder.decode(result.result)
        return msgspec.json.decode(result.result, type=reply_type)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        complaint = protocol_error(error)
        raise ProtocolError(complaint.problem, field=f"call2-ret {complaint.field}") from None


def decode_attributes(text: str) -> dict[str, str]:
    """The attributes in the JSON text of ``UserAttributes``. Raises ``ProtocolError``."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise protocol_error(error) from None


def encode_attributes(attributes: dict[str, str]) -> str:
    """The JSON text of a user's attributes."""
    return _encoder.encode(attributes).decode()


__all__ = [
    "OK",
    "Count",
    "Failure",
    "Invited",
    "IsIn",
    "Joined",
    "Member",
    "Messages",
    "Ok",
    "Status",
    "UserAttribute",
    "UserAttributes",
    "Users",
    "decode_attributes",
    "decode_reply",
    "encode_attributes",
    "encode_json",
    "encode_reply",
    "failure",
    "fitting",
    "nested_size",
]
