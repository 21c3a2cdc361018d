"""Who was where at a time, and for how long: answers from stays and gaps. Pure.

Somebody was there while one of its stays lasted. Otherwise it was not, unless a gap covers the time: then nobody knows.
Nor does anybody know what happened before the oldest record that is kept, or after the latest that was read.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from bots.presence.projection import Status
from bots.presence.stays import Gap, Stay


class Period(Struct, frozen=True, kw_only=True):
    """Between ``from_ms`` and ``to_ms`` nobody knows what happened, for this reason."""

    from_ms: int
    to_ms: int
    why: str


class Knowledge(Struct, frozen=True, kw_only=True):
    """What can be known at all: all from ``from_ms`` to ``known_ms``, but for ``gaps``.

    ``read_ms`` is when the gateway was last heard, by the clock of the daemon's own machine.
    """

    from_ms: int
    known_ms: int
    gaps: Sequence[Gap] = ()
    read_ms: int = 0

    def why_unknown(self, ms: int) -> str:
        """Why nobody knows what there was at ``ms`` besides the stays; empty when it is known."""
        if ms < self.from_ms:
            return "it is from before what is kept"
        if ms >= self.known_ms:
            return "it is after what has been read"
        return next((f"gap {gap.number}: {gap.cause}" for gap in self.gaps if covers(gap, ms)), "")

    def unknown(self, from_ms: int, to_ms: int) -> list[Period]:
        """The times between the two of which nobody knows, merged and in their order."""
        holes = [(0, self.from_ms, "before what is kept"), (self.known_ms, to_ms, "after what has been read")]
        holes += [
            (gap.from_ms or 0, to_ms if gap.to_ms is None else gap.to_ms, f"gap {gap.number}") for gap in self.gaps
        ]
        periods, done = list[Period](), from_ms
        for start, end, why in sorted(holes):
            if max(start, done) < min(end, to_ms):
                periods.append(Period(from_ms=max(start, done), to_ms=min(end, to_ms), why=why))
                done = min(end, to_ms)
        return periods


class Exactness(Struct, frozen=True, kw_only=True):
    """How long somebody was there, in milliseconds: ``exact``, or between ``at_least_ms`` and ``at_most_ms``."""

    at_least_ms: int
    at_most_ms: int

    @property
    def exactness(self) -> Literal["exact", "gap"]:
        """``exact``, or ``gap`` when gaps lie in that time."""
        return "exact" if self.at_least_ms == self.at_most_ms else "gap"


def covers(gap: Gap, ms: int) -> bool:
    """Whether a gap is about this time."""
    return (gap.from_ms is None or gap.from_ms <= ms) and (gap.to_ms is None or ms < gap.to_ms)


def lasted_at(stay: Stay, ms: int) -> bool:
    """Whether somebody is known to have been there then."""
    return stay.start_ms <= ms and (stay.end_ms is None or ms < stay.end_ms)


def status_at(stays: Iterable[Stay], knowledge: Knowledge, ms: int) -> Status:
    """Whether somebody was there at ``ms``, by its ``stays`` in one place.

    A stay that is open at the end of what was read is not known to last after it.
    """
    if ms >= knowledge.known_ms:
        return "unknown"
    if any(lasted_at(stay, ms) for stay in stays):
        return "online"
    return "unknown" if knowledge.why_unknown(ms) else "offline"


def time_there(stays: Iterable[Stay], knowledge: Knowledge, from_ms: int, to_ms: int) -> Exactness:
    """How long somebody was there between the two, by its ``stays`` in one place, which do not overlap."""
    spans = list[tuple[int, int]]()
    for stay in stays:
        end_ms = knowledge.known_ms if stay.end_ms is None else stay.end_ms
        start, end = max(stay.start_ms, from_ms), min(end_ms, to_ms)
        if start < end:
            spans.append((start, end))
    there = sum(end - start for start, end in spans)
    unknown = 0
    for period in knowledge.unknown(from_ms, to_ms):
        unknown += period.to_ms - period.from_ms
        unknown -= sum(max(0, min(end, period.to_ms) - max(start, period.from_ms)) for start, end in spans)
    return Exactness(at_least_ms=there, at_most_ms=there + unknown)
