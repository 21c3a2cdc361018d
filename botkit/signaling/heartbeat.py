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
        self._blocked = (now, now)

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

    def forgive(self, since: float, now: float) -> bool:
        """Something blocked this process from ``since`` to ``now``: what the gateway sent meanwhile still waits.

        Who slept through the same time may say so, too: it counts once. False when it was known already.
        """
        begin, end = self._blocked
        is_new = since > end
        if is_new:
            begin = end = since
        more = max(0.0, begin - since) + (now - end)
        self._blocked = (min(begin, since), now)
        self.lost_at = min(self.lost_at + more, now + self._patience)
        return is_new
