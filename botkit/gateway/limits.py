"""Rates: at most so many in any one second, by a sliding window."""

import math
from bisect import bisect_right


class RateWindow:
    """At most ``limit`` in any ``period`` seconds; the 61st message of a second is refused, the next one may pass.

    Every account has some of these, and most of them count one thing or nothing: an empty list takes a tenth of the
    memory of an empty deque.
    """

    __slots__ = ("_ends", "_period", "limit")

    def __init__(self, limit: int, period: float = 1.0) -> None:
        self.limit = limit
        self._period = period
        self._ends: list[float] = []  # when each one that counts stops to do so, and before these some that have

    def would_allow(self, now: float) -> bool:
        """Whether one more at ``now`` stays inside; takes nothing."""
        ends = self._ends
        past = bisect_right(ends, now)
        if past * 2 > len(ends):  # not sooner: each time, all that count have to move up
            del ends[:past]
            past = 0
        return len(ends) - past < self.limit

    def take(self, now: float) -> None:
        """Count one at ``now``."""
        self._ends.append(now + self._period)

    def allow(self, now: float) -> bool:
        """Count one at ``now`` if it stays inside, and say whether it did."""
        if not self.would_allow(now):
            return False
        self.take(now)
        return True

    def free_at(self, now: float) -> float:
        """The moment from which one more is inside: ``now`` or later, infinity for a limit of 0.

        A moment and not a pause: added to ``now`` a pause can end up, rounded, just before there is room.
        """
        if self.would_allow(now):
            return now
        return self._ends[len(self._ends) - self.limit] if self.limit else math.inf

    def idle(self, now: float) -> bool:
        """True when nothing counts any more."""
        return not self._ends or self._ends[-1] <= now
