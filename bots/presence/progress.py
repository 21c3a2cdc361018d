"""How far the log has come: what the follower tells those who pass records on."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

import trio

from bots.presence.records import Record

RECENT = 1_000
"""Records that sinks which keep up are handed as they are, instead of reading them from the disk."""


class Progress:
    """The number of the newest record, and the gateway's time up to which all that happened is recorded."""

    def __init__(self, last_n: int = 0, known_ms: int = 0) -> None:
        self.last_n, self.known_ms = last_n, known_ms
        self.ask: Callable[[], None] = lambda: None
        """Has the gateway be asked now whether something has happened."""
        self._lot = trio.lowlevel.ParkingLot()
        self._recent = deque[Record](maxlen=RECENT)

    def after(self, n: int, limit: int) -> list[Record] | None:
        """The records behind number ``n``, ``limit`` at most; None when only the disk has them."""
        if n >= self.last_n:
            return []
        if not self._recent or n + 1 < self._recent[0].n:
            return None
        start = n + 1 - self._recent[0].n
        return list(islice(self._recent, start, start + limit))

    def advance(self, last_n: int, known_ms: int, records: Sequence[Record] = ()) -> None:
        """The log has come this far, by ``records``, which are on the disk."""
        self._recent.extend(records)
        if (last_n, known_ms) != (self.last_n, self.known_ms):
            self.last_n, self.known_ms = last_n, known_ms
            self._lot.unpark_all()

    async def wait(self) -> None:
        """Wait until it has come further."""
        await self._lot.park()
