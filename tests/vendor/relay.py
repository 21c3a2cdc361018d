"""A TCP relay before a gateway, whose connections a test can cut: real clients lose real connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import trio


class Relay:
    """Passes bytes on, both ways, until it is cut; cut, it drops whoever connects."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._scopes: set[trio.CancelScope] = set()
        self._passable = True
        self.attempts = 0
        self.url = ""

    def cut(self) -> None:
        """Lose all connections, and those to come."""
        self._passable = False
        for scope in self._scopes:
            scope.cancel()

    def mend(self) -> None:
        """Let new connections through."""
        self._passable = True

    async def carry(self, client: trio.SocketStream) -> None:
        """One connection, until either side ends it or it is cut."""
        self.attempts += 1
        scope = trio.CancelScope()
        self._scopes.add(scope)
        async with client:
            if not self._passable:
                return
            with scope:
                server = await trio.open_tcp_stream(str(self._target.hostname), self._target.port or 0)
                async with server, trio.open_nursery() as nursery:
                    nursery.start_soon(_pass_on, client, server)
                    nursery.start_soon(_pass_on, server, client)
        self._scopes.discard(scope)


async def _pass_on(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in source:
            await sink.send_all(data)
        await sink.send_eof()


@asynccontextmanager
async def open_relay(target: str) -> AsyncIterator[Relay]:
    """A relay to the gateway at ``target``, on a free port of the loopback interface."""
    relay = Relay(target)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        relay.url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/"
        nursery.start_soon(trio.serve_listeners, relay.carry, listeners)
        yield relay
        nursery.cancel_scope.cancel()
