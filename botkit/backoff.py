"""Delay schedules for what is tried again: connections, actors. Pure: the caller brings clock and chance."""

import math
from bisect import bisect_left, bisect_right, insort

from msgspec import Struct

SLOT_SECONDS = 0.05
"""How far apart those begin again who were lost together."""

SPREAD_SECONDS = 10.0
"""The longest that one of them waits for that."""

_GOLDEN_RATIO = (5**0.5 - 1) / 2


class Backoff(Struct, frozen=True):
    """Exponential delays with jitter.

    Attempt 1 waits about ``initial`` seconds, each further one ``factor`` times as long, never more than
    ``maximum`` seconds. ``jitter`` (0 to 1) is the share of each delay that chance decides: with 0.5 a
    delay of 2 s becomes 1 to 2 s, so that those who lost their connection together do not come back together.

    Raises ``ValueError`` for values that give no schedule.
    """

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.initial <= self.maximum < math.inf:
            raise ValueError(f"backoff: 0 < initial <= maximum expected, got {self.initial} and {self.maximum}")
        if not 1 <= self.factor < math.inf:
            raise ValueError(f"backoff: factor of 1 or more expected, got {self.factor}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"backoff: jitter from 0 to 1 expected, got {self.jitter}")

    def delay(self, attempt: int, fraction: float) -> float:
        """Seconds to wait before ``attempt`` (from 1). ``fraction`` is a random number from 0 to 1."""
        if attempt < 1:
            raise ValueError(f"backoff: attempts count from 1, got {attempt}")
        return self._full_delay(attempt) * (1 - self.jitter * fraction)

    def _full_delay(self, attempt: int) -> float:
        # Compared as logarithms: the power itself overflows a float after about a thousand attempts.
        steps = attempt - 1
        if steps * math.log(self.factor) >= math.log(self.maximum / self.initial):
            return self.maximum if steps else self.initial
        return min(self.initial * self.factor**steps, self.maximum)


class Slots:
    """Moments for those who come back together: up to 200 at once get one of their own, ``SLOT_SECONDS`` apart.

    Jitter alone does not keep a hundred apart: chance puts two of them on the same moment almost surely. Whoever finds
    the next ``SPREAD_SECONDS`` full shares them: further ones lie evenly all over. One that comes alone never waits.
    """

    def __init__(self) -> None:
        self._taken: list[float] = []  # rising; no two of them nearer than SLOT_SECONDS
        self._shared = 0

    def take(self, now: float, wanted: float, *, latest: float = math.inf) -> float:
        """The moment to begin at, for one who would at ``wanted``: then, or the next one that is free after it.

        For one who must begin by ``latest``, at or after ``wanted``, it may be a free one before.
        """
        del self._taken[: bisect_right(self._taken, now - SLOT_SECONDS)]
        first = wanted if latest == math.inf else now
        last = min(wanted + SPREAD_SECONDS, latest)
        moment = self._free_after(wanted)
        if moment > last:
            moment = self._free_before(last)
        if moment < first:
            self._shared += 1
            return first + (last - first) * (self._shared * _GOLDEN_RATIO % 1)  # any number of these lie apart
        insort(self._taken, moment)
        return moment

    def _free_after(self, moment: float) -> float:
        index = bisect_right(self._taken, moment - SLOT_SECONDS)
        while index < len(self._taken) and self._taken[index] - moment < SLOT_SECONDS:
            moment = self._taken[index] + SLOT_SECONDS
            index += 1
        return moment

    def _free_before(self, moment: float) -> float:
        index = bisect_left(self._taken, moment + SLOT_SECONDS) - 1
        while index >= 0 and moment - self._taken[index] < SLOT_SECONDS:
            moment = self._taken[index] - SLOT_SECONDS
            index -= 1
        return moment
