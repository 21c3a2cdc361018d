"""What the special channels carry. The vendor documented the channels but never the payload; this is ours.

``__agora_user_online`` tells each login and logout of the app, ``__agora_channel_event`` each join and leave.
An event travels as an ordinary ``channel_msg`` of the special channel, sent under the account that it is
about, whose ``msg`` is the JSON text of a ``SpecialEvent``::

    {"v": 1, "event": "channel_leave", "account": "ann", "uid": 7, "channel": "lobby",
     "ms": 1546271999000, "reason": "disconnected", "epoch": "k3J9…", "seq": 4711}

``seq`` rises by one per special channel and epoch; a new epoch begins when the gateway starts without its
past. A reader that sees a hole in ``seq``, or a new ``epoch``, has missed something.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from botkit.errors import ProtocolError
from botkit.wire.frames import Number, protocol_error

VERSION = 1

EventName = Literal["user_online", "user_offline", "channel_join", "channel_leave"]


class SpecialEvent(Struct, frozen=True, kw_only=True):
    """One event of a special channel.

    ``reason`` is why: for ``user_offline`` ``logout``, ``disconnected``, ``replaced`` (logged in elsewhere) or
    ``stopped`` (gateway shut down); for ``channel_leave`` these, ``leave`` or ``moved`` (joined another channel).
    It is empty for what begins.
    """

    v: Number = VERSION
    event: EventName
    account: str
    uid: Number
    channel: str = ""
    ms: Number
    reason: str = ""
    epoch: str
    seq: Number


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SpecialEvent)


def encode_special(event: SpecialEvent) -> str:
    """The JSON text of an event."""
    return _encoder.encode(event).decode()


def decode_special(text: str) -> SpecialEvent:
    """The event in a JSON text. Raises ``ProtocolError``, also for a version that is newer than this code."""
    try:
        event = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise protocol_error(error) from None
    if event.v != VERSION:
        raise ProtocolError(f"version {event.v}, this botkit reads {VERSION}", field="v")
    return event
