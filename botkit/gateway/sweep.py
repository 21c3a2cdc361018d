"""Finding the peers that are gone: silent, stuck, without a login, or without an answer to the goodbye.

A half-open connection looks like a quiet one; only silence tells them apart. Each peer has its deadline, and the sweep
wakes for the earliest, so that a dead one is cut when its time is over and not up to a period later.

Silence counts only while this process listens. When something blocked its loop (a handler of a bot in the same process,
a machine that slept), the sweep comes late by so much, and what the peers sent waits in the sockets: that time is taken
off everybody's silence, and what waits is read before anybody is judged.
"""

import math
from collections.abc import Awaitable, Callable, Collection

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.gateway.connection import CLOSE_NO_LOGIN, CLOSE_SILENT, CLOSE_SLOW, Connection
from botkit.gateway.counters import Counters
from botkit.gateway.settings import GatewaySettings

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")

SWEEP_SECONDS = 1.0
"""At least so often all peers are looked at."""

LATE_SECONDS = 0.5
"""A sweep that comes later than this was held up by something that blocked the loop."""

READ_SECONDS = 0.1
"""After that, so long is what waits in the sockets read before peers are judged."""


class Sweeper:
    """Cuts peers whose time is over. ``connections`` are all that there are, at any time."""

    def __init__(self, settings: GatewaySettings, counters: Counters, connections: Collection[Connection]) -> None:
        self._settings, self._counters, self._connections = settings, counters, connections
        self._period = min(SWEEP_SECONDS, settings.idle_timeout)

    async def run(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Sweep until cancelled; ``await flush()`` sends the goodbyes."""
        due = trio.current_time() + self._period
        while True:
            if await self._wait_until(due) > LATE_SECONDS:
                await self._wait_until(trio.current_time() + READ_SECONDS)
            due = self.sweep()
            await flush()

    def sweep(self) -> float:
        """Cut every peer whose time is over; when the next sweep is due."""
        now = trio.current_time()
        due = now + self._period
        for connection in list(self._connections):
            due = min(due, self._judge(connection, now))
        return due

    async def _wait_until(self, due: float) -> float:
        """Sleep until ``due``, and take off everybody's silence by how much that came too late."""
        await trio.sleep_until(due)
        now = trio.current_time()
        late = now - due
        if late > LATE_SECONDS:
            _log.warning("the event loop was blocked", seconds=round(late, 1))
            self._counters.blocked_loops.add()
            for connection in self._connections:
                connection.forgive(late, now)
        return late

    def _judge(self, connection: Connection, now: float) -> float:
        """Cut a peer whose time is over. Returns when there is something to judge again; always later than ``now``."""
        settings, stuck_since = self._settings, connection.outbox.stuck_since
        if connection.closing_since is not None:
            goodbye = connection.closing_since + settings.close_timeout
            if now < goodbye:
                return goodbye
            connection.abort()
            return math.inf
        stuck = math.inf if stuck_since is None else stuck_since + settings.idle_timeout
        login = math.inf if connection.session is not None else connection.sessionless_since + settings.login_timeout
        silent = connection.last_received + settings.idle_timeout
        if now < (deadline := min(stuck, login, silent)):
            return deadline
        if now >= stuck:
            self._counters.slow_peers.add()
            connection.end_reason = "slow"
            connection.close(CLOSE_SLOW, "not reading", now)
        elif now >= login:
            self._counters.never_logged_in.add()
            connection.close(CLOSE_NO_LOGIN, "no login", now)
        else:
            self._counters.dead_peers.add()
            connection.close(CLOSE_SILENT, "no ping", now)
        return now + settings.close_timeout
