"""Who of many sessions connects now, and who waits for a turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Turn:
    """The right to connect and log in now."""

    def __init__(self, limiter: trio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._over = False

    def end(self) -> None:
        """Let the next one. May be called twice."""
        if not self._over:
            self._over = True
            self._limiter.release_on_behalf_of(self)


class Turns:
    """At most ``most`` turns at a time, first come, first served.

    When a gateway comes back, all sessions of a process want in. One after the other each is in within milliseconds;
    all at once they share the processor, none is in within its timeouts, and all begin again.
    """

    def __init__(self, most: int) -> None:
        self._limiter = trio.CapacityLimiter(most)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Turn]:
        """Wait for a turn; it ends with the block, or before it by ``Turn.end``. Safe to cancel."""
        turn = Turn(self._limiter)
        await self._limiter.acquire_on_behalf_of(turn)
        try:
            yield turn
        finally:
            turn.end()
