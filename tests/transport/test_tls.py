"""``wss``: over TLS, with a certificate for 127.0.0.1 that only these tests trust."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed, wrap_server_stream

from botkit.errors import ConnectFailed
from botkit.transport.websocket import open_websocket

CERTIFICATE = Path(__file__).parent / "tls" / "localhost.pem"
KEY = Path(__file__).parent / "tls" / "localhost-key.pem"


async def _echo(stream: trio.SSLStream[trio.SocketStream]) -> None:
    try:
        async with trio.open_nursery() as nursery:
            connection = await (await wrap_server_stream(nursery, stream)).accept()
            await connection.send_message(await connection.get_message())
            await connection.aclose()
    except* (trio.BrokenResourceError, ConnectionClosed):
        pass  # a client that does not trust this certificate hangs up


@pytest.fixture
async def port(nursery: trio.Nursery) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, KEY)
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    secure = trio.SSLListener(listener, context, https_compatible=True)
    nursery.start_soon(trio.serve_listeners, _echo, [secure])
    yield listener.socket.getsockname()[1]
    nursery.cancel_scope.cancel()


async def test_over_tls(port: int) -> None:
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    async with open_websocket(f"wss://127.0.0.1:{port}/", ssl_context=context) as transport:
        await transport.send(b'["hello"]')
        assert await transport.receive() == '["hello"]'


async def test_a_certificate_that_nobody_vouches_for(port: int) -> None:
    with pytest.raises(ConnectFailed, match="CERTIFICATE_VERIFY_FAILED"):
        async with open_websocket(f"wss://127.0.0.1:{port}/"):
            pytest.fail("it is not open")


async def test_a_peer_without_tls(nursery: trio.Nursery) -> None:
    async def answer_in_plain(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, answer_in_plain, listeners)
    with pytest.raises(ConnectFailed):
        async with open_websocket(f"wss://127.0.0.1:{listeners[0].socket.getsockname()[1]}/"):
            pytest.fail("it is not open")
    nursery.cancel_scope.cancel()
