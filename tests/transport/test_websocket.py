"""The WebSocket client against the server side of trio-websocket, in memory."""

import errno
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from botkit.errors import ConfigError, ConnectFailed, TransportClosed
from botkit.transport.base import Transport
from botkit.transport.websocket import open_websocket, websocket_connector, websocket_over

Serve = Callable[[WebSocketConnection], Awaitable[None]]


async def _accept(stream: trio.abc.Stream, serve: Serve) -> None:
    async with trio.open_nursery() as nursery:
        request = await wrap_server_stream(nursery, stream)
        connection = await request.accept()
        await serve(connection)
        await connection.aclose()


def _served(
    nursery: trio.Nursery, serve: Serve, max_message_bytes: int = 4096
) -> AbstractAsyncContextManager[Transport]:
    near, far = trio.testing.memory_stream_pair()
    nursery.start_soon(_accept, far, serve)
    return websocket_over(near, max_message_bytes=max_message_bytes)


async def _echo(connection: WebSocketConnection) -> None:
    try:
        while True:
            await connection.send_message(await connection.get_message())
    except ConnectionClosed:
        pass


async def test_text_frames_go_and_come(nursery: trio.Nursery) -> None:
    async with _served(nursery, _echo) as transport:
        await transport.send('["snow","☃"]'.encode())
        assert await transport.receive() == '["snow","☃"]'


async def test_the_end_of_the_connection_carries_code_and_reason(nursery: trio.Nursery) -> None:
    async def say_goodbye(connection: WebSocketConnection) -> None:
        await connection.send_message("last")
        await connection.aclose(4001, "enough")

    async with _served(nursery, say_goodbye) as transport:
        assert await transport.receive() == "last"
        with pytest.raises(TransportClosed) as caught:
            await transport.receive()
        assert (caught.value.code, caught.value.reason) == (4001, "enough")
        with pytest.raises(TransportClosed):
            await transport.send(b"more")


async def test_a_connection_that_breaks_is_1006(nursery: trio.Nursery) -> None:
    near, far = trio.testing.memory_stream_pair()

    async def vanish() -> None:
        async with trio.open_nursery() as inner:
            request = await wrap_server_stream(inner, far)
            await request.accept()
            await far.aclose()

    nursery.start_soon(vanish)
    async with websocket_over(near) as transport:
        with pytest.raises(TransportClosed) as caught:
            await transport.receive()
        assert caught.value.code == 1006


async def test_a_message_over_the_limit_costs_the_connection(nursery: trio.Nursery) -> None:
    async with _served(nursery, _echo, max_message_bytes=10) as transport:
        await transport.send(b"0123456789")
        assert await transport.receive() == "0123456789"
        await transport.send(b"0123456789+")
        with pytest.raises(TransportClosed):
            await transport.receive()


async def test_the_bodys_exception_comes_out_bare(nursery: trio.Nursery) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with _served(nursery, _echo):
            raise KeyError("mine")


async def test_closing_gives_up_on_a_peer_that_does_not_answer(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    near, far = trio.testing.memory_stream_pair()

    async def accept_and_read_no_more() -> None:
        async with trio.open_nursery() as inner:
            request = await wrap_server_stream(inner, far)
            await request.accept()
            inner.cancel_scope.cancel()

    nursery.start_soon(accept_and_read_no_more)
    async with websocket_over(near) as transport:
        await transport.send(b"hello")
        await transport.aclose()
        await transport.aclose()


async def test_no_handshake_in_time(autojump_clock: trio.testing.MockClock) -> None:
    near, _far = trio.testing.memory_stream_pair()
    with pytest.raises(ConnectFailed, match="no WebSocket handshake in time"):
        async with websocket_over(near, connect_timeout=6):
            pytest.fail("it is not open")


async def test_a_peer_that_speaks_http_only(nursery: trio.Nursery) -> None:
    near, far = trio.testing.memory_stream_pair()

    async def refuse() -> None:
        async with trio.open_nursery() as inner:
            request = await wrap_server_stream(inner, far)
            await request.reject(403)

    nursery.start_soon(refuse)
    with pytest.raises(ConnectFailed, match="HTTP 403"):
        async with websocket_over(near):
            pytest.fail("it is not open")


async def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{reserved.getsockname()[1]}/"
        with pytest.raises(ConnectFailed) as caught:
            async with open_websocket(url):
                pytest.fail("it is not open")
    assert caught.value.address == url
    assert str(caught.value) == f"cannot connect to {url}: connection refused; is a gateway listening there?"


async def test_every_address_of_a_name_has_its_reason_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [OSError(errno.ECONNREFUSED, f"Error connecting to {host}: refused") for host in ("::1", "127.0.0.1")]

    async def fail(host: str, port: int) -> trio.SocketStream:
        raise OSError("all attempts failed") from ExceptionGroup("", [*refused, OSError(errno.ENETUNREACH, "no net")])

    monkeypatch.setattr(trio, "open_tcp_stream", fail)
    with pytest.raises(ConnectFailed) as caught:
        async with open_websocket("ws://both.example/"):
            pytest.fail("it is not open")
    assert caught.value.reason == "connection refused, network is unreachable"


async def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(host: str, port: int) -> trio.SocketStream:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio, "open_tcp_stream", fail)
    with pytest.raises(ConnectFailed) as caught:
        async with open_websocket("ws://nowhere.example/"):
            pytest.fail("it is not open")
    assert caught.value.reason == "name or service not known"


async def test_over_a_real_socket(nursery: trio.Nursery) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]

    async def handle(stream: trio.SocketStream) -> None:
        await _accept(stream, _echo)

    nursery.start_soon(trio.serve_listeners, handle, listeners)
    connector = websocket_connector(f"ws://127.0.0.1:{port}")
    for text in (b"once", b"again"):
        async with connector() as transport:
            await transport.send(text)
            assert await transport.receive() == text.decode()
    nursery.cancel_scope.cancel()


def test_a_connector_refuses_a_wrong_url_at_once() -> None:
    with pytest.raises(ConfigError):
        websocket_connector("http://127.0.0.1/")
