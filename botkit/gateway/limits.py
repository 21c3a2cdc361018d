"""Rates: at most so many in any one second, by a sliding window."""

import math
from collections import deque


class RateWindow:
    """At most ``limit`` in any ``period`` seconds; the 61st message of a second is refused, the next one may pass."""

    __slots__ = ("_ends", "_period", "limit")

    def __init__(self, limit: int, period: float = 1.0) -> None:
        self.limit = limit
        self._period = period
        self._ends: deque[float] = deque()  # when each one that counts stops to do so

    def would_allow(self, now: float) -> bool:
        """Whether one more at ``now`` stays inside; takes nothing."""
        ends = self._ends
        while ends and ends[0] <= now:
            ends.popleft()
        return len(ends) < self.limit

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
