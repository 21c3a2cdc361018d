"""The connections of a gateway: accepted, read until their end, cut when too much waits for them.

One task reads all plain sockets. Links of other kinds (TLS, memory) have a task each, and so do all where there is no
poller.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, cast

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.errors import TransportClosed
from botkit.gateway.admission import Admission
from botkit.gateway.connection import (
    CLOSE_GOING_AWAY,
    CLOSE_INTERNAL,
    CLOSE_SLOW,
    CLOSE_TRY_LATER,
    Connection,
    FrameHandler,
)
from botkit.gateway.counters import Counters
from botkit.gateway.outbox import Cut, Flusher, Outbox
from botkit.observability.metrics import Counter
from botkit.transport.links import Link, SocketLink
from botkit.transport.polling import POLLING_WORKS, Polled, Poller

READS_PER_FLUSH = 64
"""How many peers are read before what came of it is sent: many share a send, and none waits long for it."""

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")


class _Farewell(NamedTuple):
    """What becomes of a peer that is cut: the reason that others hear, the close code and text that it hears."""

    reason: str
    code: int
    text: str
    counter: Counter


class Connections(Collection[Connection]):
    """All that are open. ``send_buffer`` is what may wait for each; ``nursery`` has the tasks."""

    def __init__(
        self,
        handler: FrameHandler,
        admission: Admission,
        flusher: Flusher,
        counters: Counters,
        *,
        send_buffer: int,
        nursery: trio.Nursery,
    ) -> None:
        self._handler, self._admission, self._flusher, self._counters = handler, admission, flusher, counters
        self._send_buffer, self._nursery = send_buffer, nursery
        self._open: dict[Link, Connection] = {}
        self._poller: Poller | None = None
        self._farewells = {
            Cut.SLOW: _Farewell("slow", CLOSE_SLOW, "not reading", counters.slow_peers),
            Cut.STORE: _Farewell(
                "store_slow", CLOSE_TRY_LATER, "the store does not keep up", counters.unanswered_peers
            ),
            Cut.CROWD: _Farewell("crowded", CLOSE_TRY_LATER, "too much waits for all peers", counters.crowded_peers),
        }

    def __contains__(self, connection: object) -> bool:
        return connection in self._open.values()

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def accept(self, link: Link) -> None:
        """Serve a new connection, or close it at once when there are too many."""
        self._counters.connections.add()
        if not self._admission.enter(link.peer):
            link.close()
            return
        if self._poller is not None and isinstance(link, SocketLink):
            self._watch(link, self._poller)
        else:
            self._nursery.start_soon(self._serve, link)

    async def run(self) -> None:
        """Read all plain sockets, until cancelled: that closes these connections and ends their sessions."""
        if not POLLING_WORKS:
            return
        with Poller() as poller:
            self._poller = poller
            try:
                while True:
                    await self._read_all(await poller.wait())
            finally:
                self._poller = None
                for connection in [each for each in self if isinstance(each.link, SocketLink) and each.link.watched]:
                    self._end(connection)
                await self._flusher.flush()

    async def close_all(self) -> None:
        """Say goodbye to every peer, so that clients reconnect elsewhere or later."""
        now = trio.current_time()
        for connection in list(self):
            connection.end_reason = "stopped"
            connection.close(CLOSE_GOING_AWAY, "gateway stops", now)
        await self._flusher.flush()

    async def _serve(self, link: Link) -> None:
        """Read one peer until its end. A cancel closes the connection and ends its session."""
        connection = self._connect(link)
        try:
            while self._feed(connection, await link.receive()):
                await self._flusher.flush()
        except TransportClosed:
            pass  # how the connection ended is in connection.end_reason
        finally:
            self._end(connection)
            await self._flusher.flush()

    def _watch(self, link: SocketLink, poller: Poller) -> None:
        connection = self._connect(link)
        try:
            link.watch(poller)
        except OSError:
            self._counters.failed_accepts.add()  # beyond what the system has for one user's epoll objects
            self._end(connection)

    async def _read_all(self, links: Sequence[Polled]) -> None:
        """Read what has come from some peers, and send what came of it after every ``READS_PER_FLUSH`` of them."""
        for start in range(0, len(links), READS_PER_FLUSH):
            for link in links[start : start + READS_PER_FLUSH]:
                self._read(cast("SocketLink", link))
            if self._flusher.is_long:
                self._nursery.start_soon(self._flusher.flush)  # others are read meanwhile
            else:
                await self._flusher.flush()

    def _read(self, link: SocketLink) -> None:
        """Read one peer as far as it has sent something; what was queued at that is not sent."""
        connection = self._open.get(link)
        if connection is None:
            return  # it was closed at its end, and the poller tells of that, too
        try:
            data = link.receive_nowait()
        except TransportClosed:
            self._end(connection)
        else:
            if data is not None and not self._feed(connection, data):
                self._end(connection)

    def _feed(self, connection: Connection, data: bytes) -> bool:
        """Handle what a peer has sent; False when its end has come."""
        try:
            connection.feed(data, trio.current_time())
        except Exception:  # noqa: BLE001 - the border around one peer: our fault must not cost the others theirs
            _log.exception("a connection failed by our own fault", peer=connection.link.peer)
            self._counters.connection_errors.add()
            connection.end_reason = "internal_error"
            connection.close(CLOSE_INTERNAL, "internal error", trio.current_time())
            connection.outbox.send()  # the next flush would come too late for it
            return False
        return bool(data)

    def _connect(self, link: Link) -> Connection:
        outbox = Outbox(link, self._flusher, self._send_buffer, spawn=self._start_writer, cut=self._cut)
        connection = self._open[link] = Connection(link, outbox, self._handler, self._counters)
        return connection

    def _end(self, connection: Connection) -> None:
        self._handler.handle_end(connection, connection.end_reason)
        connection.abort()
        del self._open[connection.link]
        self._admission.leave(connection.link.peer)

    def _start_writer(self, outbox: Outbox) -> None:
        self._nursery.start_soon(outbox.drain)

    def _cut(self, outbox: Outbox, why: Cut) -> None:
        connection, farewell = self._open[outbox.link], self._farewells[why]
        farewell.counter.add()
        connection.end_reason = farewell.reason
        self._nursery.start_soon(self._say, connection, farewell)  # later: here somebody is telling many peers

    async def _say(self, connection: Connection, farewell: _Farewell) -> None:
        connection.close(farewell.code, farewell.text, trio.current_time())
        await self._flusher.flush()
