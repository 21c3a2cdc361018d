"""A network between real processes that can be split: connections stay open, and nothing passes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

BYTES_AT_ONCE = 65_536


class Network:
    """Leads from a port of its own to one that a gateway listens on; both ends are on this machine."""

    def __init__(self, target: int) -> None:
        self.target = target
        """Where connections lead that are opened from now on."""
        self.port = 0
        self._whole = trio.Event()
        self._whole.set()

    @property
    def url(self) -> str:
        """For a client."""
        return f"ws://127.0.0.1:{self.port}/"

    def split(self) -> None:
        """Nothing passes any more, not even the end of a connection, and nobody is told."""
        self._whole = trio.Event()

    def heal(self) -> None:
        """Everything passes again."""
        self._whole.set()

    async def carry(self, client: trio.SocketStream) -> None:
        """Hold one connection until an end of it closes, and the other may hear of that."""
        async with client:
            await self._whole.wait()
            try:
                async with (
                    await trio.open_tcp_stream("127.0.0.1", self.target) as server,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(self._pass_on, client, server, nursery.cancel_scope)
                    await self._pass_on(server, client, nursery.cancel_scope)
            except OSError:
                return  # the gateway is down: the client hears of it

    async def _pass_on(self, source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope) -> None:
        try:
            while data := await source.receive_some(BYTES_AT_ONCE):
                await self._whole.wait()
                await sink.send_all(data)
        except trio.BrokenResourceError:
            pass
        await self._whole.wait()
        both.cancel()


@asynccontextmanager
async def open_network(target: int) -> AsyncIterator[Network]:
    """A network that is whole, until the end of the block."""
    network = Network(target)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    network.port = listener.socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, network.carry, [listener])
        yield network
        nursery.cancel_scope.cancel()
