"""One running gateway: its parts, what it is asked from outside, and its own tasks."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from starlette.applications import Starlette

from botkit.clock import WallClock
from botkit.errors import ConnectFailed
from botkit.gateway.admission import Admission
from botkit.gateway.connections import Connections
from botkit.gateway.counters import Counters
from botkit.gateway.dispatch import Dispatcher
from botkit.gateway.history import HistoryRoom
from botkit.gateway.http import create_http_app
from botkit.gateway.hub import Hub
from botkit.gateway.journal import Journal
from botkit.gateway.loading import load_hub
from botkit.gateway.outbox import Flusher
from botkit.gateway.settings import Address, GatewaySettings
from botkit.gateway.shared import Shared
from botkit.gateway.sweep import Sweeper
from botkit.gateway.timers import Timers
from botkit.observability.metrics import Meters
from botkit.stores.gateway import GatewayStore, Snapshot
from botkit.transport.base import Transport
from botkit.transport.links import Link, MemoryLink
from botkit.transport.websocket import websocket_over
from botkit.types import AppId

TIDY_SECONDS = 60.0


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
        self._store, self._nursery = store, nursery
        self._stopped = False
        self._admission = Admission(settings, self.counters)
        dispatcher = Dispatcher(
            self.hubs,
            origins=settings.origins,
            admission=self._admission,
            journal=self.journal,
            counters=self.counters,
            clock=self.clock,
            spawn=self._answer_later,
        )
        self._connections = Connections(
            dispatcher,
            self._admission,
            self.flusher,
            self.counters,
            send_buffer=settings.send_buffer,
            nursery=nursery,
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
        shared = Shared(
            self.settings,
            self._store,
            self.journal,
            self.histories,
            self.counters,
            self.timers,
            self.clock,
            self.flusher,
        )
        for app in self.settings.apps:
            hub = self.hubs[app.id] = Hub(app, shared, snapshot)
            load_hub(hub, AppId(app.id), snapshot)

    def accept(self, link: Link) -> None:
        """Serve a new connection, or close it at once when there are too many."""
        self._connections.accept(link)

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
        await self._connections.close_all()
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
            nursery.start_soon(self._connections.run)
            nursery.start_soon(self.timers.run, self.flusher.flush)
            nursery.start_soon(self.journal.run, self.flusher.flush)
            self.timers.every(TIDY_SECONDS, self._tidy)
            await Sweeper(self.settings, self.counters, self._connections).run(self.flusher.flush)
