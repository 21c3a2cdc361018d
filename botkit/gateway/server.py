"""The gateway's tasks: accepting, reading, timers, the journal, HTTP; and how they start and stop."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

import structlog
import trio
from starlette.applications import Starlette
from structlog.typing import FilteringBoundLogger

from botkit.clock import WallClock
from botkit.errors import ConnectFailed, TransportClosed
from botkit.gateway.admission import Admission
from botkit.gateway.connection import CLOSE_GOING_AWAY, CLOSE_INTERNAL, CLOSE_SLOW, CLOSE_TRY_LATER, Connection
from botkit.gateway.counters import Counters
from botkit.gateway.dispatch import Dispatcher
from botkit.gateway.history import HistoryRoom
from botkit.gateway.http import create_http_app
from botkit.gateway.http_server import serve_http
from botkit.gateway.hub import Hub
from botkit.gateway.journal import Journal
from botkit.gateway.listeners import Listeners, accept_links, open_listeners
from botkit.gateway.loading import load_hub
from botkit.gateway.outbox import Cut, Flusher, Outbox
from botkit.gateway.settings import Address, GatewaySettings
from botkit.gateway.sweep import Sweeper
from botkit.gateway.timers import Timers
from botkit.gateway.tls import TlsLink, load_tls
from botkit.observability.metrics import Counter, Meters
from botkit.stores.gateway import GatewayStore, Snapshot, open_gateway_store
from botkit.transport.base import Transport
from botkit.transport.links import Link, MemoryLink
from botkit.transport.websocket import websocket_over
from botkit.types import AppId

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")

TIDY_SECONDS = 60.0
STOP_SECONDS = 2.0

_REASONS = {Cut.SLOW: "slow", Cut.STORE: "store_slow", Cut.CROWD: "crowded"}
_GOODBYES = {
    Cut.SLOW: (CLOSE_SLOW, "not reading"),
    Cut.STORE: (CLOSE_TRY_LATER, "the store does not keep up"),
    Cut.CROWD: (CLOSE_TRY_LATER, "too much waits for all peers"),
}


class Gateway:
    """One running gateway. ``serve_gateway`` makes it; the attributes are for those who embed or test it."""

    def __init__(self, settings: GatewaySettings, store: GatewayStore, meters: Meters, nursery: trio.Nursery) -> None:
        self.settings, self.meters = settings, meters
        self.counters = Counters(meters)
        self.clock = WallClock()
        self.timers = Timers(self.counters.timer_errors)
        self.flusher = Flusher(settings.send_buffers)
        self.journal = Journal(store, self.counters)
        self.histories = HistoryRoom(settings.replay_bytes, settings.history_bytes, self.counters.dropped_history)
        self.hubs: dict[str, Hub] = {}
        self.ws_address: Address | None = None
        self.http_address: Address | None = None
        self._store = store
        self._nursery = nursery
        self._connections: set[Connection] = set()
        self._stopped = False
        self._admission = Admission(settings, self.counters)
        self._dispatcher = Dispatcher(
            self.hubs,
            origins=settings.origins,
            admission=self._admission,
            journal=self.journal,
            counters=self.counters,
            clock=self.clock,
            spawn=self._answer_later,
        )
        levels = (
            ("gateway_sessions", "sessions that are logged in", self._count_sessions),
            ("gateway_open_connections", "connections that are open", self._count_connections),
            ("gateway_send_buffer_bytes", "what waits for peers that are behind", self._count_waiting),
            ("gateway_history_bytes", "what channels keep for sessions that come back", self._count_history),
        )
        self._gauges = [(meters.gauge(name, text, source), source) for name, text, source in levels]

    @property
    def sessions(self) -> int:
        """How many sessions are logged in, over all apps."""
        return sum(len(hub.sessions) for hub in self.hubs.values())

    @property
    def ws_url(self) -> str:
        """Where clients connect; empty when the gateway is in memory only."""
        return f"ws://{self.ws_address}/" if self.ws_address else ""

    @property
    def http_url(self) -> str:
        """Where address discovery, health and metrics are; empty without HTTP."""
        return f"http://{self.http_address}/" if self.http_address else ""

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        """A connection in memory: a real WebSocket over trio streams, without a socket."""
        link = MemoryLink()
        if self._stopped:
            raise ConnectFailed("memory", "the gateway has stopped")
        self.accept(link)
        async with websocket_over(link.client_stream) as transport:
            yield transport

    def http_app(self) -> Starlette:
        """The HTTP side of this gateway, for whoever serves it."""
        return create_http_app(
            self.settings,
            websocket_address=lambda: self.ws_address,
            meters=self.meters,
            health=self.health,
            sessions=lambda: self.sessions,
            errors=self.counters.http_errors,
        )

    def health(self) -> str:
        """What keeps the gateway from doing its work; empty when nothing does."""
        return self.journal.trouble

    def load(self, snapshot: Snapshot) -> None:
        """Open every app's world as the store had it."""
        for app in self.settings.apps:
            hub = self.hubs[app.id] = Hub(
                app,
                self.settings,
                snapshot=snapshot,
                store=self._store,
                histories=self.histories,
                journal=self.journal,
                counters=self.counters,
                timers=self.timers,
                clock=self.clock,
            )
            load_hub(hub, AppId(app.id), snapshot)

    def accept(self, link: Link) -> None:
        """Serve a new connection, or close it at once when there are too many."""
        self.counters.connections.add()
        if not self._admission.enter(link.peer):
            link.close()
            return
        self._nursery.start_soon(self.serve_link, link)

    async def serve_link(self, link: Link) -> None:
        """Read one peer until its end. A cancel closes the connection and ends its session."""
        connection = self._open(link)
        self._connections.add(connection)
        try:
            while data := await link.receive():
                connection.feed(data, trio.current_time())
                await self.flusher.flush()
            connection.feed(b"", trio.current_time())
        except TransportClosed:
            pass  # how the connection ended is in connection.end_reason
        except Exception:  # noqa: BLE001 - the border around one peer: our fault must not cost the others theirs
            _log.exception("a connection failed by our own fault", peer=link.peer)
            self.counters.connection_errors.add()
            connection.end_reason = "internal_error"
            connection.close(CLOSE_INTERNAL, "internal error", trio.current_time())
            await self.flusher.flush()
        finally:
            self._connections.discard(connection)
            self._admission.leave(link.peer)
            self._dispatcher.handle_end(connection, connection.end_reason)
            connection.abort()
            await self.flusher.flush()

    def _answer_later(self, answer: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await answer()
            await self.flusher.flush()

        self._nursery.start_soon(run)

    def _tidy(self) -> None:
        for hub in self.hubs.values():
            hub.tidy()
        self.histories.prune(trio.current_time())
        self._admission.tidy(trio.current_time())

    async def stop(self) -> None:
        """Say goodbye to every peer, so that clients reconnect elsewhere or later, and make the rest durable."""
        self._stopped = True
        for hub in self.hubs.values():
            hub.channels.quiet = True
        now = trio.current_time()
        for connection in list(self._connections):
            connection.end_reason = "stopped"
            connection.close(CLOSE_GOING_AWAY, "gateway stops", now)
        await self.flusher.flush()
        await self.journal.wait_committed()

    def leave_meters(self) -> None:
        """Be counted no more: the meters may outlive this gateway, and serve the next one."""
        for gauge, source in self._gauges:
            gauge.remove_source(source)

    def _count_sessions(self) -> float:
        return self.sessions

    def _count_connections(self) -> float:
        return len(self._connections)

    def _count_waiting(self) -> float:
        return self.flusher.waiting

    def _count_history(self) -> float:
        return self.histories.used

    async def run(self) -> None:
        """The gateway's own tasks, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.timers.run, self.flusher.flush)
            nursery.start_soon(self.journal.run, self.flusher.flush)
            self.timers.every(TIDY_SECONDS, self._tidy)
            await Sweeper(self.settings, self.counters, self._connections).run(self.flusher.flush)

    def _open(self, link: Link) -> Connection:
        def cut(why: Cut) -> None:
            self._count_cut(why).add()
            connection.end_reason = _REASONS[why]
            self._nursery.start_soon(self._close_cut, connection, why)  # later: here somebody is telling many peers

        outbox = Outbox(
            link,
            self.flusher,
            self.settings.send_buffer,
            spawn=lambda outbox: self._nursery.start_soon(outbox.drain),
            cut=cut,
            broken=link.close,
        )
        connection = Connection(link, outbox, self._dispatcher, self.counters)
        return connection

    def _count_cut(self, why: Cut) -> Counter:
        if why is Cut.SLOW:
            return self.counters.slow_peers
        return self.counters.unanswered_peers if why is Cut.STORE else self.counters.crowded_peers

    async def _close_cut(self, connection: Connection, why: Cut) -> None:
        code, text = _GOODBYES[why]
        connection.close(code, text, trio.current_time())
        await self.flusher.flush()


class _Listeners(NamedTuple):
    websocket: Listeners | None
    http: Listeners | None


class _Start(NamedTuple):
    settings: GatewaySettings
    store: GatewayStore
    snapshot: Snapshot
    meters: Meters
    listeners: _Listeners
    tls: ssl.SSLContext | None


async def serve_gateway(
    settings: GatewaySettings,
    *,
    meters: Meters | None = None,
    store: GatewayStore | None = None,
    task_status: trio.TaskStatus[Gateway] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a gateway until cancelled; ``task_status`` gets the ``Gateway`` once it accepts connections.

    Without ``settings.listen`` it is reached through ``Gateway.connector`` only. ``store`` overrides
    ``settings.store``. Raises ``ConfigError`` for settings that are unsafe or a port in use (keys ``gateway.listen``
    and ``gateway.http``), ``StoreError`` when the store cannot be read. A cancel closes all connections with 1001,
    makes durable what was promised, and leaves no task behind.
    """
    settings.check()
    async with AsyncExitStack() as resources:
        tls = bool(settings.tls_certificate)
        listeners = _Listeners(
            _open(resources, settings.listen, "gateway.listen", tls),
            _open(resources, settings.http, "gateway.http", tls),
        )
        if store is None:
            store = await resources.enter_async_context(open_gateway_store(settings.store))
        start = _Start(
            settings,
            store,
            await store.load(),
            meters or Meters(),
            listeners,
            load_tls(settings.tls_certificate, settings.tls_key) if tls else None,
        )
        gateway: Gateway | None = None
        running = trio.CancelScope(shield=True)  # peers are served until the goodbye is said, whoever cancels us
        async with trio.open_nursery() as nursery:
            try:
                gateway = await nursery.start(_run, start, running)
                task_status.started(gateway)
                await trio.sleep_forever()
            finally:
                if gateway is not None:
                    with trio.move_on_after(STOP_SECONDS, shield=True):
                        await gateway.stop()
                    gateway.leave_meters()
                running.cancel()


def _open(resources: AsyncExitStack, address: Address | None, key: str, tls: bool) -> Listeners | None:
    return resources.enter_context(open_listeners(address, key, tls=tls)) if address is not None else None


async def _run(start: _Start, running: trio.CancelScope, *, task_status: trio.TaskStatus[Gateway]) -> None:
    listeners, tls = start.listeners, start.tls
    with running:
        async with trio.open_nursery() as nursery:
            gateway = Gateway(start.settings, start.store, start.meters, nursery)
            gateway.load(start.snapshot)
            nursery.start_soon(gateway.run)
            if listeners.websocket is not None:
                gateway.ws_address = listeners.websocket.address
                failed = gateway.counters.failed_accepts
                nursery.start_soon(accept_links, listeners.websocket.plain, gateway.accept, failed)
                if listeners.websocket.tls is not None and tls is not None:
                    accept_tls = partial(_accept_tls, gateway, tls)
                    nursery.start_soon(accept_links, listeners.websocket.tls, accept_tls, failed)
            if listeners.http is not None:
                gateway.http_address = listeners.http.address
                certificate, key = start.settings.tls_certificate, start.settings.tls_key
                serve = partial(serve_http, certificate=certificate, key=key)
                await nursery.start(serve, gateway.http_app(), listeners.http)
            task_status.started(gateway)


def _accept_tls(gateway: Gateway, tls: ssl.SSLContext, link: Link) -> None:
    gateway.accept(TlsLink(link, tls))
