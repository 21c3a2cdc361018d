"""How far the log has come: what the follower tells those who pass records on."""

from collections.abc import Callable

import trio


class Progress:
    """The number of the newest record, and the gateway's time up to which all that happened is recorded."""

    def __init__(self, last_n: int = 0, known_ms: int = 0) -> None:
        self.last_n, self.known_ms = last_n, known_ms
        self.ask: Callable[[], None] = lambda: None
        """Has the gateway be asked now whether something has happened."""
        self._lot = trio.lowlevel.ParkingLot()

    def advance(self, last_n: int, known_ms: int) -> None:
        """The log has come this far."""
        if (last_n, known_ms) != (self.last_n, self.known_ms):
            self.last_n, self.known_ms = last_n, known_ms
            self._lot.unpark_all()

    async def wait(self) -> None:
        """Wait until it has come further."""
        await self._lot.park()
