"""A gateway that can be stopped and started again where it ended."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import trio

from botkit.errors import ConnectFailed
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.stores.gateway import GatewayStore
from botkit.stores.gateway_memory import MemoryGatewayStore
from botkit.transport.base import Transport


class GatewayHost:
    """Runs one gateway at a time, in memory; its store, which ``new_store`` makes, outlives each."""

    def __init__(
        self,
        app: AppCredentials,
        settings: GatewaySettings | None,
        nursery: trio.Nursery,
        *,
        new_store: Callable[[], GatewayStore] = MemoryGatewayStore,
    ) -> None:
        self.settings = msgspec.structs.replace(settings or GatewaySettings(apps=()), apps=(app,))
        self._nursery, self._new_store = nursery, new_store
        self._store = new_store()
        self._gateway: Gateway | None = None
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    @property
    def gateway(self) -> Gateway:
        """The gateway that runs. Raises ``RuntimeError`` while there is none."""
        if self._gateway is None:
            raise RuntimeError("the gateway is down")
        return self._gateway

    async def start(self) -> None:
        """Start a gateway with what the store holds."""
        self._scope, self._ended = trio.CancelScope(), trio.Event()
        await self._nursery.start(self._serve)

    async def stop(self) -> None:
        """Stop it as SIGTERM would: clients are told, and what is under way is committed."""
        self._scope.cancel()
        await self._ended.wait()

    def forget(self) -> None:
        """Lose what the store holds: the next gateway begins anew, in another epoch of its ledger."""
        self._store = self._new_store()

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        """A connection to the gateway that runs now. Raises ``ConnectFailed`` while there is none."""
        if self._gateway is None:
            raise ConnectFailed("memory", "the gateway is down")
        async with self._gateway.connector() as transport:
            yield transport

    async def _serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    self._gateway = await nursery.start(self._run)
                    task_status.started()
        finally:
            self._gateway = None
            self._ended.set()

    async def _run(self, *, task_status: trio.TaskStatus[Gateway]) -> None:
        await serve_gateway(self.settings, store=self._store, task_status=task_status)
