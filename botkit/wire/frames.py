"""Frames: one JSON array ``[name, argument]`` per WebSocket text message.

A client sends ``login``, ``call2``, ``ping`` and ``set_flag``; a gateway sends ``login_ret``,
``call2-ret``, ``notify``, ``pong``, ``kick`` and ``close``. A botkit client and a gateway that have said so at login
join what is to be sent at the same time in a ``multi``. Each is a frozen struct here;
``encode`` turns one into the bytes of a text frame and the two ``decode_…`` functions turn a peer's bytes into
one or raise ``ProtocolError``.
"""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from botkit.errors import ProtocolError

MAX_NUMBER = 2**53

Number = Annotated[int, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
"""A number on the wire: JavaScript counts exactly this far, and what is larger fits no store either."""


class LoginArguments(Struct, frozen=True, kw_only=True):
    """What a client says of itself. ``vid`` is the app id, ``device`` ``websdk``, ``javasdk`` or ``botkit``.

    ``resume`` (ours) says that the client comes back to its session after a lost connection, ``multi`` (ours) that it
    takes several frames in one.
    """

    vid: str
    account: str
    token: str
    device: str = ""
    uid: Number | str = 0
    ip: str = ""
    ver: Number | str = 0
    resume: bool = False
    multi: bool = False


class Login(Struct, frozen=True, array_like=True, tag="login"):
    """``["login", {…}]``: the first frame of a session."""

    arguments: LoginArguments


class ResumeArguments(Struct, frozen=True, kw_only=True):
    """Which session a client comes back to, and what it saw last.

    ``boot`` is the gateway's life in which that was, ``channel`` and ``message_id`` the newest notice of the channel
    that the client believes to be in, ``inbox`` the newest version of its inbox, ``multi`` as in a login.
    """

    vid: str
    account: str
    line: str
    boot: str = ""
    channel: str = ""
    message_id: Number = 0
    inbox: Number = 0
    multi: bool = False


class LineLogin(Struct, frozen=True, array_like=True, tag="line_login"):
    """``["line_login", {…}]``: the first frame of a connection that resumes a session.

    The vendor's web SDK has the name in its code but never sends it; the arguments are ours.
    """

    arguments: ResumeArguments


class Ping(Struct, frozen=True, array_like=True, tag="ping"):
    """``["ping", n]``, each 10 s; the answer is a ``pong`` with the same number."""

    number: Number


class Flags(Struct, frozen=True):
    """``binary: 1`` says that the client understands deflated binary frames and ``multi``."""

    binary: Number = 0


class SetFlag(Struct, frozen=True, array_like=True, tag="set_flag"):
    """``["set_flag", {"binary": 1}]``; wants no answer."""

    flags: Flags


class CallBody(Struct, frozen=True, array_like=True):
    """Function, call id and arguments of a request. The id comes back with its own JSON type."""

    function: str
    call_id: Number | str
    arguments: Raw


class Call(Struct, frozen=True, array_like=True, tag="call2"):
    """``["call2", [function, call id, {…}]]``: a request that gets exactly one ``call2-ret``."""

    body: CallBody


class Multi(Struct, frozen=True, array_like=True, tag="multi"):
    """``["multi", [frame, …]]``: several frames in one message; there is no ``multi`` inside of one.

    Only to those who said that they take it. The vendor's name; its gateways sent it, after ``set_flag``, and its
    clients never do.
    """

    frames: tuple[Raw, ...]


ClientFrame: TypeAlias = Login | LineLogin | Ping | SetFlag | Call | Multi


class LoginResultBody(Struct, frozen=True, array_like=True):
    """Error text (empty on success) and a JSON text, which must be valid JSON in every case."""

    error: str
    result: str


class LoginResult(Struct, frozen=True, array_like=True, tag="login_ret"):
    """``["login_ret", [error, result]]``."""

    body: LoginResultBody


class LoginOutcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON inside of a ``login_ret``: ``uid`` and ``line`` on success, ``reason`` on refusal.

    To botkit clients also ``boot``, the gateway's life, whether it takes ``multi``, and after a ``line_login``
    ``resumed``, the ``channel`` that the session is in, and how many of its notices are ``lost`` (-1: nobody knows).
    """

    result: str
    uid: Number = 0
    line: str = ""
    reason: str = ""
    code: Number = 0
    boot: str = ""
    resumed: bool = False
    channel: str = ""
    lost: int = 0
    multi: bool = False


class CallResultBody(Struct, frozen=True, array_like=True):
    """Call id, error (``""`` on success) and a JSON text, valid on errors too."""

    call_id: Number | str
    error: str
    result: str


class CallResult(Struct, frozen=True, array_like=True, tag="call2-ret"):
    """``["call2-ret", [call id, error, result]]``."""

    body: CallResultBody


class InboxNotice(Struct, frozen=True, array_like=True, tag="msg"):
    """``["msg", version]``: the inbox has messages up to this version; fetch them."""

    version: Number


class ChannelNotice(Struct, frozen=True, array_like=True, tag="channel2"):
    """``["channel2", channel, id, line]``: an event of a channel; ids rise by channel, from 1."""

    channel: str
    message_id: Number
    line: str


class ExpelledNotice(Struct, frozen=True, array_like=True, tag="botkit_expelled"):
    """``["botkit_expelled", channel, code, reason]``: this session was put out of its channel (601).

    Ours, and only to clients that said ``device: "botkit"``: no vendor client knows a notice for it.
    """

    channel: str
    code: int
    reason: str


class HeldNotice(Struct, frozen=True, array_like=True, tag="botkit_held"):
    """``["botkit_held", number, channel, account, uid, text, budget in ms]``: a message waits for this moderator's
    verdict.

    Ours, and only to the session that put the hold on the channel.
    """

    number: Number
    channel: str
    account: str
    uid: Number
    text: str
    budget_ms: Number


class Notify(Struct, frozen=True, array_like=True, tag="notify"):
    """``["notify", […]]``: something happened that was not asked for."""

    notice: InboxNotice | ChannelNotice | ExpelledNotice | HeldNotice


class Pong(Struct, frozen=True, array_like=True, tag="pong"):
    """``["pong", n]``: the number of the ping."""

    number: Number


class Kick(Struct, frozen=True, array_like=True, tag="kick"):
    """``["kick", text]``: the account logged in elsewhere. ``close`` and the socket's end follow."""

    reason: str


class Close(Struct, frozen=True, array_like=True, tag="close"):
    """``["close", text]``: the gateway ends this session."""

    reason: str


GatewayFrame: TypeAlias = LoginResult | CallResult | Notify | Pong | Kick | Close | Multi

_encoder = msgspec.json.Encoder()
_client_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_gateway_decoder: msgspec.json.Decoder[GatewayFrame] = msgspec.json.Decoder(GatewayFrame)


def encode(frame: ClientFrame | GatewayFrame) -> bytes:
    """The JSON text of a frame, as bytes of UTF-8."""
    return _encoder.encode(frame)


MULTI_HEAD, _MULTI_TAIL = b'["multi",[', b"]]"


def join_frames(encoded: Sequence[bytes]) -> bytes:
    """The ``multi`` of frames that are encoded."""
    return MULTI_HEAD + b",".join(encoded) + _MULTI_TAIL


def split_frames(message: bytes | str) -> Sequence[bytes | str]:
    """The frames in a message, one or those of a ``multi``; what cannot be read is one, too."""
    data = message.encode(errors="surrogatepass") if isinstance(message, str) else message
    if not data.startswith(MULTI_HEAD):
        return (message,)
    try:
        frame = _gateway_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return (message,)
    return [bytes(raw) for raw in frame.frames] if isinstance(frame, Multi) else (message,)


def decode_client_frame(data: bytes | str | Raw) -> ClientFrame:
    """What a client sent. Raises ``ProtocolError`` for anything but a whole, known frame."""
    try:
        return _client_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise protocol_error(error) from None


def decode_gateway_frame(data: bytes | str | Raw) -> GatewayFrame:
    """What a gateway sent. Raises ``ProtocolError`` for anything but a whole, known frame."""
    try:
        return _gateway_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise protocol_error(error) from None


def protocol_error(error: Exception) -> ProtocolError:
    """The decoder's complaint as a ``ProtocolError`` with the place that it named."""
    problem, at, place = str(error).rpartition(" - at `")
    if not at:
        return ProtocolError(str(error) or type(error).__name__)
    return ProtocolError(problem, field=place.rstrip("`"))
