"""The values: an event, a stay that is made of two of them, and a page of who is there.

A span is one stay: of an account in the service (``online``) or in a channel (``member``). It is open until its
end is told.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["online", "member"]

UNKNOWN = "unknown"
"""The reason of an end that nobody told."""

Key: TypeAlias = tuple[str, str]
"""An account, and a channel or nothing: there is one open span at most for each."""


class Moment(Struct, frozen=True, kw_only=True):
    """An event of a special channel: ``channel`` is empty for the service, ``reason`` for a beginning."""

    account: str
    uid: int
    ms: int
    epoch: str
    seq: int
    channel: str = ""
    reason: str = ""

    @property
    def key(self) -> Key:
        """What begins or ends."""
        return self.account, self.channel


class Span(Struct, frozen=True, kw_only=True):
    """One stay. ``start_ms`` is None if the beginning was not seen, ``end_ms`` None while it lasts.

    ``id`` is made of the event, or the page, that the span was first heard of with, so that reading the same again
    changes nothing. ``uncertain`` is true when an end, or an end and a new beginning, may have been missed.
    """

    id: str
    kind: Kind
    account: str
    uid: int
    channel: str
    epoch: str
    start_ms: int | None = None
    end_ms: int | None = None
    reason: str = ""
    uncertain: bool = False

    @property
    def key(self) -> Key:
        """Who is where."""
        return self.account, self.channel


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

    def includes(self, epoch: str, seq: int) -> bool:
        """Whether the event of that number is in what the page says."""
        return epoch == self.epoch and seq <= self.seq
