"""Connections to a real gateway that a test can count, cut, silence and garble."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from botkit.errors import ConnectFailed
from botkit.transport.base import Connector, Transport


class Lines:
    """All connections of one ``Signal``. ``connect`` is its connector, ``gateway`` where the next one leads.

    ``cut``: no new ones come about. ``silent``: what the gateway says is swallowed. ``garbled`` changes what it says;
    what ``unheard`` is true for never gets there.
    """

    def __init__(self, gateway: Connector) -> None:
        self.gateway = gateway
        self.opened = 0
        self.cut = False
        self.silent = False
        self.garbled: Callable[[str], str] = lambda text: text
        self.unheard: Callable[[bytes], bool] = lambda _: False
        self._latest: _Line | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Transport]:
        """Open one more."""
        if self.cut:
            raise ConnectFailed("test", "the line is cut")
        async with self.gateway() as transport:
            self.opened += 1
            self._latest = _Line(self, transport)
            yield self._latest

    def hush(self) -> None:
        """Swallow what the gateway says on the latest one, and only there."""
        assert self._latest is not None
        self._latest.silent = True

    def hold(self) -> trio.Event:
        """Keep what the gateway says on the latest one until the event is set; nothing is lost."""
        assert self._latest is not None
        self._latest.held = trio.Event()
        return self._latest.held

    async def drop(self) -> None:
        """Lose the latest one."""
        assert self._latest is not None
        await self._latest.aclose()


class _Line:
    def __init__(self, lines: Lines, transport: Transport) -> None:
        self._lines, self._transport = lines, transport
        self.silent = False
        self.held: trio.Event | None = None

    async def send(self, data: bytes) -> None:
        if not self._lines.unheard(data):
            await self._transport.send(data)

    async def receive(self) -> bytes | str:
        while True:
            data = await self._transport.receive()
            if self.held is not None:
                await self.held.wait()
            if not (self.silent or self._lines.silent):
                return self._lines.garbled(data if isinstance(data, str) else data.decode())

    async def aclose(self) -> None:
        await self._transport.aclose()
