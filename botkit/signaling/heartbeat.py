"""When to ping, and when a connection counts as lost. No clock: callers pass ``now``."""


class Heartbeat:
    """The rhythm of one connection: a ping each ``interval`` seconds, each answered by a pong."""

    def __init__(self, interval: float, missed: int, now: float) -> None:
        self._interval = interval
        self._patience = interval * missed
        self._number = 0
        self.next_ping = now + interval
        self.lost_at = now + self._patience

    def ping_due(self, now: float) -> bool:
        """True when it is time to ping."""
        return now >= self.next_ping

    def ping(self, now: float) -> int:
        """The number of the ping that goes out now."""
        self._number += 1
        self.next_ping = now + self._interval
        return self._number

    def pong(self, now: float) -> None:
        """A pong came, to whichever ping."""
        self.lost_at = now + self._patience
