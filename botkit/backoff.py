"""Delay schedules for what is tried again: connections, actors. Pure: the caller brings the random number."""

import math

from msgspec import Struct


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
