"""Events of the ledger, and what the special channels carry of them.

The vendor documented the special channels but never their payload; this is ours. ``__agora_user_online`` tells each
login and logout of the app, ``__agora_channel_event`` each join and leave. An event travels as an ordinary
``channel_msg`` of the special channel, sent under the account that it is about, whose ``msg`` is the JSON text of a
``LedgerEvent``; what is empty is left out::

    {"v": 1, "event": "channel_leave", "account": "ann", "uid": 7, "channel": "lobby", "reason": "disconnected",
     "ms": 1546271999000, "epoch": "k3J9…", "seq": 4711, "prev": 4708}

The gateway numbers every presence, membership, attribute, moderation and call event of an app in one row (``seq``). An
event's number is used once within an ``epoch``, and a new epoch begins only when a gateway starts without its past.
``prev`` is the number of the event before it in the same stream: a reader of one stream that meets another ``prev``
than the number it saw last, or another ``epoch``, has missed something, and can ask the ledger for it from its cursor
(``botkit_read_ledger``).

This shape is the only one: no source tells of another. A reader passes over fields that it does not know, and refuses
a newer version (``v``) by its number.

Whom an event is about, and what its ``data`` has; every key is always there, every value is a text:

=====================  ====================================  ==========================================================
event                  ``account``                           keys of ``data``
=====================  ====================================  ==========================================================
``user_online``        who logged in                         none
``user_offline``       who is gone                           none
``channel_join``       who came into ``channel``             none
``channel_leave``      who went out of ``channel``           none
``user_attribute``     whose it is                           ``name``; ``value``
``channel_attribute``  who changed it, in ``channel``        ``name``, empty for ``clear``; ``value``, empty unless set
``sanction``           whom it is for; in ``channel``,       ``moderator``: who asked for it; ``why``: the words for it,
                       empty for everywhere                  or empty; ``until_ms``: when it lapses, in milliseconds
                                                             since 1970, ``0`` for not, and for what is lifted
``kick``               who was put out of ``channel``        ``moderator``; ``why``
``channel_closed``     the moderator that closed it          ``why``
``hold``               the moderator that holds ``channel``  none
``call``               who called, about ``channel``         ``peer``: who was called
=====================  ====================================  ==========================================================
"""

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from botkit.errors import ProtocolError
from botkit.wire.frames import protocol_error
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL, USER_ONLINE_CHANNEL

VERSION = 1

EventName: TypeAlias = Literal[
    "user_online",
    "user_offline",
    "channel_join",
    "channel_leave",
    "user_attribute",
    "channel_attribute",
    "sanction",
    "kick",
    "channel_closed",
    "hold",
    "call",
]

Stream: TypeAlias = Literal["presence", "membership", "attributes", "moderation", "calls"]

STREAM_OF: dict[EventName, Stream] = {
    "user_online": "presence",
    "user_offline": "presence",
    "channel_join": "membership",
    "channel_leave": "membership",
    "user_attribute": "attributes",
    "channel_attribute": "attributes",
    "sanction": "moderation",
    "kick": "moderation",
    "channel_closed": "moderation",
    "hold": "moderation",
    "call": "calls",
}

DATA_KEYS: dict[EventName, frozenset[str]] = {
    "user_online": frozenset(),
    "user_offline": frozenset(),
    "channel_join": frozenset(),
    "channel_leave": frozenset(),
    "user_attribute": frozenset({"name", "value"}),
    "channel_attribute": frozenset({"name", "value"}),
    "sanction": frozenset({"moderator", "why", "until_ms"}),
    "kick": frozenset({"moderator", "why"}),
    "channel_closed": frozenset({"why"}),
    "hold": frozenset(),
    "call": frozenset({"peer"}),
}
"""The keys that the ``data`` of each event has, as the table above explains them."""

SPECIAL_CHANNEL_OF: dict[Stream, str] = {
    "presence": USER_ONLINE_CHANNEL,
    "membership": CHANNEL_EVENT_CHANNEL,
}


class LedgerEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event.

    ``reason`` is why: of ``user_offline`` ``logout``, ``disconnected`` (and did not come back within the grace time),
    ``replaced`` (logged in elsewhere), ``expired`` (token), ``banned``, ``slow`` (it did not read),
    ``store_slow`` and ``crowded`` (too much waited for it, or for all), ``protocol_error``, ``internal_error``,
    ``stopped`` or ``crashed`` (the gateway); of ``channel_leave`` these, ``leave``, ``moved`` (joined another channel)
    or ``kicked``; of attributes ``update``, ``del`` or ``clear``; of ``sanction`` ``mute``, ``unmute``, ``ban`` or
    ``unban``; of ``hold`` ``set`` or ``lifted``; of ``call`` the state that it came into. It is empty for what begins.
    ``data`` has what else there is to say, by name: ``DATA_KEYS``.
    """

    v: int
    event: EventName
    account: str
    uid: int
    channel: str = ""
    ms: int
    reason: str = ""
    epoch: str
    seq: int
    prev: int
    data: dict[str, str] = field(default_factory=dict)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LedgerEvent)


def encode_event(event: LedgerEvent) -> str:
    """The JSON text of an event."""
    return _encoder.encode(event).decode()


def decode_event(text: str) -> LedgerEvent:
    """The event in a JSON text. Raises ``ProtocolError``, also for a version that is newer than this code."""
    try:
        event = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise protocol_error(error) from None
    if event.v != VERSION:
        raise ProtocolError(f"version {event.v}, this botkit reads {VERSION}", field="v")
    return event
