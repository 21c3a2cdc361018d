"""When to ping, and when a connection counts as lost. No clock: callers pass ``now``."""


class Heartbeat:
    """The rhythm of one connection: a ping each ``interval`` seconds, each answered by a pong.

    The connection is lost ``missed`` intervals after the last pong. Time in which this process did not listen does not
    count: ``forgive`` takes it off.
    """

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

    def lost(self, now: float) -> bool:
        """True when there was no pong for too long."""
        return now >= self.lost_at

    def next_look(self, now: float) -> float:
        """When to look again: at the latest after an interval, so that it shows when something blocks this process."""
        return min(self.lost_at, now + self._interval)

    def forgive(self, seconds: float, now: float) -> None:
        """Something blocked this process for so long: what the gateway sent meanwhile still waits to be read."""
        self.lost_at = min(self.lost_at + seconds, now + self._patience)
