"""WebSocket messages from a gateway, framed here and not by a library: the same bytes go to every peer.

Web clients say with ``set_flag`` that they take binary messages: zlib streams of the JSON. Deflating costs about 10 µs
per 1000 bytes and takes away half of them. It is done once for a broadcast, and only from a size on where that is worth
more than it costs on a line of 100 Mbit/s. Such clients would also take several frames in one (``multi``), but hardly
ever is there more than one to send: in a log played all out, 98 of 100 sends were a single frame.
"""

import struct
import zlib

DEFLATE_FROM = 1024
"""Bytes; smaller messages go as text."""

DEFLATE_UP_TO = 120_000
"""Bytes; the web SDK hands a whole inflated message to a function as arguments, and browsers limit their number."""

_FASTEST = 1  # level 6 takes 4 to 15 times as long for long lists, and saves a tenth more
_TEXT, _BINARY = 0x81, 0x82


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


def _header(opcode: int, size: int) -> bytes:
    if size < 126:
        return bytes((opcode, size))
    if size < 65536:
        return struct.pack("!BBH", opcode, 126, size)
    return struct.pack("!BBQ", opcode, 127, size)
