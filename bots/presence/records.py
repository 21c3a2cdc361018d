"""What the daemon writes down and tells: one versioned value for each thing that happened."""

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

VERSION = 1
"""Of the shape of a record. A reader passes over fields that it does not know, and refuses a newer version."""

UNKNOWN = "unknown"
"""The reason of an end that nobody saw."""

Happening: TypeAlias = Literal["online", "offline", "joined", "left", "gap", "snapshot", "outage", "watch"]

PRESENCE: frozenset[Happening] = frozenset({"online", "offline", "joined", "left"})


Place: TypeAlias = tuple[int, int, int]


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened. What is empty is left out of its JSON.

    ``n`` is its number in the daemon's log; ``id`` names it for ever, also in another log of the same ledger, so that
    whoever gets it twice can tell. ``ms`` is the gateway's time.

    ``online``, ``offline``, ``joined``, ``left``: who (``account``, ``uid``), where (``channel``), in which login
    (``session``), and for an end why (``reason``) and since when it was there (``since_ms``, missing if nobody saw the
    beginning). ``epoch`` and ``seq`` are the ledger's event. ``uncertain``: nobody told this; a snapshot after a gap
    showed it, so it happened at some time in the gap. A ``session`` that ends in ``?`` is one that a gap lies in: it
    may be two.

    ``gap``: from event ``from_seq`` (of ``epoch``) on anything may have happened, from ``from_ms`` on; ``reason`` says
    why, ``scope`` to whom (``all``), and ``count`` who of those that were there is now unknown. ``snapshot``: from
    ``to_ms`` on everybody is known again; ``count`` are there, and ``found`` and ``gone`` are the differences.

    ``outage``: between ``from_ms`` and ``to_ms`` ``count`` accounts went at once; ``found`` of them came back, the
    ends of the others follow. ``watch``: the watch of that name is now in ``state``; ``count`` is what it counts.

    ``cursor`` is where a subscriber is when it has been told this: the time when it came to be told, the record that
    made it come, and the how-manieth of that one. It rises from one record to the next; so whatever has a cursor that
    is not above the last one was told before.
    """

    v: int
    id: str
    n: int
    event: Happening
    ms: int
    account: str = ""
    uid: int = 0
    channel: str = ""
    session: str = ""
    reason: str = ""
    epoch: str = ""
    seq: int = 0
    uncertain: bool = False
    since_ms: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    from_seq: int | None = None
    scope: str = ""
    count: int | None = None
    found: int = 0
    gone: int = 0
    watch: str = ""
    state: str = ""
    cursor: Place | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> str:
    """The JSON text of a record."""
    return _encoder.encode(record).decode()


def decode_record(text: str | bytes) -> Record:
    """The record in a JSON text. Raises ``ValueError`` for what is none, or one of a newer version."""
    record = _decoder.decode(text)
    if record.v > VERSION:
        raise ValueError(f"a record of version {record.v}: this botkit reads {VERSION}")
    return record
