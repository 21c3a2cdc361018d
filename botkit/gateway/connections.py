"""The connections of a gateway: accepted, read until their end, cut when too much waits for them."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

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
from botkit.transport.links import Link

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")


class _Farewell(NamedTuple):
    """What becomes of a peer that is cut: the reason that others hear, the close code and text that it hears."""

    reason: str
    code: int
    text: str
    counter: Counter


class Connections(Collection[Connection]):
    """All that are open. ``send_buffer`` is what may wait for each; ``nursery`` has a task for each."""

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
        self._nursery.start_soon(self._serve, link)

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
        self._open[link] = connection
        try:
            while data := await link.receive():
                connection.feed(data, trio.current_time())
                await self._flusher.flush()
            connection.feed(b"", trio.current_time())
        except TransportClosed:
            pass  # how the connection ended is in connection.end_reason
        except Exception:  # noqa: BLE001 - the border around one peer: our fault must not cost the others theirs
            _log.exception("a connection failed by our own fault", peer=link.peer)
            self._counters.connection_errors.add()
            connection.end_reason = "internal_error"
            connection.close(CLOSE_INTERNAL, "internal error", trio.current_time())
            await self._flusher.flush()
        finally:
            self._handler.handle_end(connection, connection.end_reason)
            connection.abort()
            del self._open[link]
            self._admission.leave(link.peer)
            await self._flusher.flush()

    def _connect(self, link: Link) -> Connection:
        outbox = Outbox(link, self._flusher, self._send_buffer, spawn=self._start_writer, cut=self._cut)
        return Connection(link, outbox, self._handler, self._counters)

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
