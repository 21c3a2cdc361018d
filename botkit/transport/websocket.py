"""The client's side of a WebSocket, over trio-websocket. No deflate is offered: small frames do not gain by it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, cast

import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

from botkit.errors import ConnectFailed, TransportClosed
from botkit.transport.address import parse_websocket_url
from botkit.transport.background import open_background
from botkit.transport.base import Connector, Transport
from botkit.transport.streams import CONNECT_SECONDS, open_stream
from botkit.wire.limits import MAX_GATEWAY_FRAME_BYTES

CLOSE_SECONDS = 1.0
"""How long a peer may take to answer the closing handshake."""

_RECEIVE_BYTES = 16 * 1024
_ABNORMAL_CLOSURE = 1006


class WebSocketTransport:
    """A ``Transport`` on an open WebSocket."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection

    async def send(self, data: bytes) -> None:
        """See ``Transport.send``."""
        try:
            await self._connection.send_message(data.decode())
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def receive(self) -> bytes | str:
        """See ``Transport.receive``."""
        try:
            message: bytes | str = await self._connection.get_message()
        except ConnectionClosed as error:
            raise _closed(error) from None
        return message

    async def aclose(self) -> None:
        """See ``Transport.aclose``; waits at most ``CLOSE_SECONDS`` for the peer's half of the handshake."""
        with trio.move_on_after(CLOSE_SECONDS):
            await self._connection.aclose()


@asynccontextmanager
async def open_websocket(
    url: str,
    *,
    connect_timeout: float = CONNECT_SECONDS,
    ssl_context: ssl.SSLContext | None = None,
    certificate_host: str = "",
    max_message_bytes: int = MAX_GATEWAY_FRAME_BYTES,
) -> AsyncIterator[Transport]:
    """Connect to ``url`` (``ws://`` or ``wss://``) and close in the end.

    ``connect_timeout`` (seconds) covers the look-up of the name, TCP, TLS and the WebSocket's handshake.
    ``ssl_context`` is for ``wss``; without one the system's authorities are trusted. ``certificate_host`` is the name
    that the peer's certificate must have, when it is not the URL's. A message of more than ``max_message_bytes``
    costs the connection. A cancel leaves no connection behind. Raises ``ConfigError``
    for what is no such URL and ``ConnectFailed`` when no connection comes about.
    """
    address = parse_websocket_url(url)
    deadline = trio.current_time() + connect_timeout
    stream = await open_stream(
        address, name=url, deadline=deadline, ssl_context=ssl_context, certificate_host=certificate_host
    )
    handshake = _Handshake(address.host_header, address.path, max_message_bytes, deadline, url)
    async with _over(stream, handshake) as transport:
        yield transport


def websocket_connector(
    url: str,
    *,
    connect_timeout: float = CONNECT_SECONDS,
    ssl_context: ssl.SSLContext | None = None,
    max_message_bytes: int = MAX_GATEWAY_FRAME_BYTES,
) -> Connector:
    """A ``Connector`` that opens ``url`` anew each time; parameters as in ``open_websocket``.

    Raises ``ConfigError`` at once for what is no WebSocket URL.
    """
    parse_websocket_url(url)

    def connect() -> AbstractAsyncContextManager[Transport]:
        return open_websocket(
            url, connect_timeout=connect_timeout, ssl_context=ssl_context, max_message_bytes=max_message_bytes
        )

    return connect


@asynccontextmanager
async def websocket_over(
    stream: trio.abc.Stream,
    *,
    host: str = "memory",
    path: str = "/",
    connect_timeout: float = CONNECT_SECONDS,
    max_message_bytes: int = MAX_GATEWAY_FRAME_BYTES,
) -> AsyncIterator[Transport]:
    """A WebSocket over a stream that is open already, which it closes in the end.

    ``host`` and ``path`` are what the handshake says. Raises ``ConnectFailed`` when the handshake fails or
    takes longer than ``connect_timeout`` seconds.
    """
    deadline = trio.current_time() + connect_timeout
    handshake = _Handshake(host, path, max_message_bytes, deadline, name=f"{host}{path}")
    async with _over(stream, handshake) as transport:
        yield transport


class _Handshake(NamedTuple):
    """What opening a WebSocket over a stream needs to know; ``name`` stands in error messages."""

    host: str
    path: str
    max_message_bytes: int
    deadline: float
    name: str

    async def perform(self, nursery: trio.Nursery, stream: trio.abc.Stream) -> WebSocketConnection:
        try:
            with trio.fail_at(self.deadline):
                return await wrap_client_stream(
                    nursery,
                    cast("trio.SocketStream", stream),  # annotated so narrowly, but any stream does
                    self.host,
                    self.path,
                    max_message_size=self.max_message_bytes,
                    receive_buffer_size=_RECEIVE_BYTES,
                )
        except trio.TooSlowError:
            raise ConnectFailed(self.name, "no WebSocket handshake in time") from None


@asynccontextmanager
async def _over(stream: trio.abc.Stream, handshake: _Handshake) -> AsyncIterator[Transport]:
    try:
        async with open_background() as nursery:
            transport = WebSocketTransport(await handshake.perform(nursery, stream))
            try:
                yield transport
            finally:
                await transport.aclose()
    except ConnectionRejected as error:
        reason = f"the peer answers HTTP {error.status_code} instead of a WebSocket"
        raise ConnectFailed(handshake.name, reason) from None
    finally:
        # Idempotent; for the ways out on which trio-websocket does not do it.
        await trio.aclose_forcefully(stream)


def _closed(error: ConnectionClosed) -> TransportClosed:
    if error.reason is None:
        return TransportClosed(_ABNORMAL_CLOSURE)
    return TransportClosed(error.reason.code, error.reason.reason or "")
