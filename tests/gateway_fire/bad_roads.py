"""Peers on real sockets whose packets stop, in one direction or in both."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from botkit.gateway.settings import Address
from botkit.transport.base import Connector, Transport
from botkit.transport.websocket import websocket_over

SMALL_BUFFER = 4096


class Road(trio.abc.Stream):
    """A TCP connection that can be blocked: what is sent does not go, what comes is not read."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._inward, self._outward = trio.Event(), trio.Event()
        self.open()

    def open(self) -> None:
        """Let everything through."""
        self._inward.set()
        self._outward.set()

    def stop_reading(self) -> None:
        """Like a peer that hangs: the system takes what fits in its buffers, and no more."""
        self._inward = trio.Event()

    def block(self) -> None:
        """Like a cable that is cut: nothing either way, and no word about it."""
        self.stop_reading()
        self._outward = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._outward.wait()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        await self._inward.wait()
        received = await self._stream.receive_some(max_bytes)
        await self._inward.wait()  # blocked while it waited
        return received

    async def aclose(self) -> None:
        await self._stream.aclose()


async def connect(address: Address) -> Road:
    """A TCP connection with a small buffer for what is not read."""
    connection = trio.socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    await connection.connect((address.host, address.port))
    return Road(trio.SocketStream(connection))


def road_connector(address: Address, roads: list[Road]) -> Connector:
    """Connects anew each time, and notes the road."""

    @asynccontextmanager
    async def connector() -> AsyncIterator[Transport]:
        road = await connect(address)
        roads.append(road)
        async with websocket_over(road) as transport:
            yield transport

    return connector
