"""The values that the projection is made of: facts, pages of who is there, and stays.

A stay is a time in which somebody is known to have been in the service, or in a channel. Of a login that goes on
through a gap there are two: one up to the gap, and one from where it is known again.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

Key: TypeAlias = tuple[str, str]
"""An account, and a channel or nothing (the service): there is one open stay at most for each."""

FactKind: TypeAlias = Literal["online", "offline", "joined", "left"]


StayState: TypeAlias = Literal["open", "held", "closed"]


class Cursor(Struct, frozen=True):
    """A place in the gateway's ledger: all up to ``seq`` of ``epoch`` is known."""

    epoch: str
    seq: int


class Fact(Struct, frozen=True, kw_only=True):
    """An event of the ledger that is about presence: ``channel`` is empty for the service, ``reason`` for a beginning.

    ``kind`` is None for an event about something else: it only moves the cursor.
    """

    kind: FactKind | None
    account: str
    uid: int
    ms: int
    epoch: str
    seq: int
    channel: str = ""
    reason: str = ""


class Page(Struct, frozen=True, kw_only=True):
    """Who is online, and where, of the accounts behind ``after`` up to ``last`` (None: of all that follow).

    ``present`` has the uid for each; whoever is of those accounts and not in it is not there. True at ``ms``, when
    ``seq`` of ``epoch`` was the newest event.
    """

    after: str = ""
    last: str | None = None
    ms: int
    epoch: str
    seq: int
    present: Mapping[Key, int]

    def covers(self, account: str) -> bool:
        """Whether the page says if ``account`` is there."""
        return self.after < account and (self.last is None or account <= self.last)


class Gap(Struct, frozen=True, kw_only=True):
    """From ``from_ms`` on (None: from ever) to ``to_ms`` (None: still) only who has a stay is known to be there.

    ``number`` is that of its record.
    """

    number: int
    cause: str
    epoch: str
    seq: int
    from_ms: int | None
    to_ms: int | None = None


class Stay(Struct, frozen=True, kw_only=True):
    """From ``start_ms`` to ``end_ms`` somebody is known to have been there.

    ``state``: ``open`` while it lasts; ``held`` when a gap cut it off and nobody knows yet whether it went on;
    ``closed``. ``start_known`` and ``end_known`` say whether the beginning and the end were seen; where not, the stay
    may be longer than this. ``start_n`` and ``end_n`` are the numbers of the records that it began and ended with.
    """

    id: int
    account: str
    channel: str
    uid: int
    session: str
    start_ms: int
    start_n: int
    start_known: bool
    state: StayState = "open"
    end_ms: int | None = None
    end_n: int | None = None
    end_known: bool = False
    reason: str = ""

    @property
    def key(self) -> Key:
        """Who is where."""
        return self.account, self.channel
