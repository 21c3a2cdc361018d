"""WebSocket messages from a gateway, framed here and not by a library: the same bytes go to every peer.

Web clients say with ``set_flag`` that they take binary messages: zlib streams of the JSON. Deflating costs about 10 µs
per 1000 bytes and takes away half of them. It is done once for a broadcast, and only from a size on where that is worth
more than it costs on a line of 100 Mbit/s.

To clients of botkit several messages that go out together are one (``multi``): a message by itself costs them 21 µs to
receive, one inside of another 1.2. Web clients would take that, too, after ``set_flag``, but to people hardly ever is
more than one to be sent: in a log played all out, 98 of 100 sends were a single frame.
"""

import struct
import zlib
from collections.abc import Sequence

from botkit.wire.frames import join_frames

DEFLATE_FROM = 1024
"""Bytes; smaller messages go as text."""

DEFLATE_UP_TO = 120_000
"""Bytes; the web SDK hands a whole inflated message to a function as arguments, and browsers limit their number."""

MULTI_BYTES = 60_000
"""How much is joined into one message; what is larger by itself goes by itself."""

_FASTEST = 1  # level 6 takes 4 to 15 times as long for long lists, and saves a tenth more
_TEXT, _BINARY = 0x81, 0x82
_LOGIN_ANSWER = b'["login_ret"'


def text_frame(payload: bytes) -> bytes:
    """A whole text message: header and payload, unmasked."""
    return _header(_TEXT, len(payload)) + payload


def compact_frame(payload: bytes) -> bytes:
    """The message for a peer that takes binary ones: deflated if that makes it smaller, else as text."""
    if is_worth_deflating(payload):
        deflated = zlib.compress(payload, _FASTEST)
        if len(deflated) < len(payload):
            return _header(_BINARY, len(deflated)) + deflated
    return text_frame(payload)


def is_worth_deflating(payload: bytes) -> bool:
    """Whether ``compact_frame`` would try, by the size alone."""
    return DEFLATE_FROM <= len(payload) <= DEFLATE_UP_TO


def multi_frames(frames: Sequence[bytes]) -> bytes:
    """The bytes of one send: the same messages in the same order, those that stand together as one.

    The answer to a login goes by itself, since who waits for it does not read on before; and so does what is no text.
    """
    sent: list[bytes] = []
    group: list[bytes] = []
    size = 0
    for frame in frames:
        payload = frame[_HEADER_BYTES.get(frame[1], 2) :]
        alone = frame[0] != _TEXT or payload.startswith(_LOGIN_ANSWER)
        if alone or size + len(payload) > MULTI_BYTES:
            sent += _joined(group)
            group, size = [], 0
        if alone:
            sent.append(frame)
        else:
            group.append(payload)
            size += len(payload)
    sent += _joined(group)
    return b"".join(sent)


_HEADER_BYTES = {126: 4, 127: 10}


def _joined(payloads: list[bytes]) -> list[bytes]:
    return [text_frame(payloads[0] if len(payloads) == 1 else join_frames(payloads))] if payloads else []


def _header(opcode: int, size: int) -> bytes:
    if size < 126:
        return bytes((opcode, size))
    if size < 65536:
        return struct.pack("!BBH", opcode, 126, size)
    return struct.pack("!BBQ", opcode, 127, size)
