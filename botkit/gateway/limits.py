"""Rates: at most so many in any one second, by a sliding window."""

from collections import deque


class RateWindow:
    """At most ``limit`` in any ``period`` seconds; the 61st message of a second is refused, the next one may pass."""

    __slots__ = ("_period", "_times", "limit")

    def __init__(self, limit: int, period: float = 1.0) -> None:
        self.limit = limit
        self._period = period
        self._times: deque[float] = deque()

    def would_allow(self, now: float) -> bool:
        """Whether one more at ``now`` stays inside; takes nothing."""
        times = self._times
        horizon = now - self._period
        while times and times[0] <= horizon:
            times.popleft()
        return len(times) < self.limit

    def take(self, now: float) -> None:
        """Count one at ``now``."""
        self._times.append(now)

    def allow(self, now: float) -> bool:
        """Count one at ``now`` if it stays inside, and say whether it did."""
        if not self.would_allow(now):
            return False
        self._times.append(now)
        return True

    def wait(self, now: float) -> float:
        """Seconds until one more would be inside; 0 when it is now."""
        if self.would_allow(now) or not self._times:
            return 0.0
        return self._times[0] + self._period - now

    def idle(self, now: float) -> bool:
        """True when nothing counts any more."""
        return not self._times or self._times[-1] <= now - self._period
