"""How fast a pool may log in: a few at once, and then at a rate that leaves a gateway's limits alone."""

import math

import trio

BURST = 100
PER_SECOND = 8.0
"""In any minute 580 at most: a gateway of ours takes 600 logins a minute from one address."""


class Pace:
    """A token bucket: ``burst`` turns at once, and ``per_second`` of them come back. First come, first served."""

    def __init__(self, burst: int = BURST, per_second: float = PER_SECOND) -> None:
        self._interval = 1 / per_second
        self._saved = (burst - 1) * self._interval
        self._next = -math.inf  # when the next turn is, if none was saved

    async def take(self) -> None:
        """Wait for a turn. A cancel while it waits gives the turn away."""
        now = trio.current_time()
        turn = max(self._next, now - self._saved)
        self._next = turn + self._interval
        await trio.sleep_until(turn)
