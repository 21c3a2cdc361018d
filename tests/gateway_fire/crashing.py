"""A gateway that dies like by kill -9, at any moment of virtual time, and starts again on what its store had."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from botkit.errors import ConnectFailed, TransportClosed
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.stores.changes import Change, LedgerSlice, Snapshot
from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import open_test_gateway
from botkit.transport.base import Transport
from botkit.types import AppId


class SlowStore:
    """What one life of a gateway sees of ``kept``: a commit takes ``commit_seconds``, and none comes after the end."""

    durable = True

    def __init__(self, kept: MemoryGatewayStore, commit_seconds: float) -> None:
        self._kept, self._commit_seconds = kept, commit_seconds
        self._dead = False

    def die(self) -> None:
        """From now on nothing is written, and nobody is told that it was."""
        self._dead = True

    async def load(self) -> Snapshot:
        """See ``GatewayStore.load``."""
        return await self._kept.load()

    async def commit(self, changes: Sequence[Change]) -> None:
        """See ``GatewayStore.commit``: written half-way through, told at the end."""
        for _ in range(2):
            await trio.sleep(self._commit_seconds / 2)
            if self._dead:
                await trio.sleep_forever()
            if changes:
                await self._kept.commit(changes)
                changes = ()

    async def read_ledger(self, app: AppId, after: int, limit: int, most_bytes: int) -> LedgerSlice:
        """See ``GatewayStore.read_ledger``."""
        return await self._kept.read_ledger(app, after, limit, most_bytes)

    async def aclose(self) -> None:
        """Nothing to close."""
        await trio.lowlevel.checkpoint()


class _CutTransport:
    """A client's transport to one life of the gateway."""

    def __init__(self, inner: Transport, life: "_Life") -> None:
        self._inner, self._life = inner, life

    async def send(self, data: bytes) -> None:
        if self._life.over:
            raise TransportClosed
        await self._inner.send(data)

    async def receive(self) -> bytes | str:
        if not self._life.over:
            with trio.CancelScope() as scope:
                self._life.receiving.add(scope)
                try:
                    return await self._inner.receive()
                finally:
                    self._life.receiving.discard(scope)
        raise TransportClosed

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Life:
    """One life of the gateway, and who listens to it."""

    def __init__(self, gateway: Gateway, store: SlowStore) -> None:
        self.gateway, self.store = gateway, store
        self.over = False
        self.receiving: set[trio.CancelScope] = set()


class CrashingGateway:
    """Reached by ``connector``, whichever life it is in. Made by ``open_crashing_gateway``."""

    def __init__(self, nursery: trio.Nursery, commit_seconds: float, settings: GatewaySettings | None) -> None:
        self._nursery, self._commit_seconds, self._settings = nursery, commit_seconds, settings
        self._kept = MemoryGatewayStore()
        self._life: _Life | None = None

    @property
    def gateway(self) -> Gateway:
        """The life of now."""
        assert self._life is not None
        return self._life.gateway

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        """A connection to the life of now; refused between two."""
        life = self._life
        if life is None:
            raise ConnectFailed("memory", "nobody listens")
        async with life.gateway.connector() as transport:
            yield _CutTransport(transport, life)

    def kill(self) -> None:
        """What was not committed is gone, and nobody hears another word."""
        assert self._life is not None
        self._life.store.die()
        self._life.over = True
        for scope in self._life.receiving:
            scope.cancel()
        self._life = None

    async def start(self) -> None:
        """Begin another life."""
        store = SlowStore(self._kept, self._commit_seconds)
        gateway = await self._nursery.start(self._serve, store)
        self._life = _Life(gateway, store)

    async def _serve(self, store: SlowStore, *, task_status: trio.TaskStatus[Gateway]) -> None:
        async with open_test_gateway(self._settings, store=store) as gateway:
            task_status.started(gateway)
            await trio.sleep_forever()


@asynccontextmanager
async def open_crashing_gateway(
    commit_seconds: float = 1.0, settings: GatewaySettings | None = None
) -> AsyncIterator[CrashingGateway]:
    """A gateway in its first life, until the end of the block."""
    async with trio.open_nursery() as nursery:
        crashing = CrashingGateway(nursery, commit_seconds, settings)
        await crashing.start()
        yield crashing
        nursery.cancel_scope.cancel()
