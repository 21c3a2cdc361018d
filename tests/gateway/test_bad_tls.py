"""TLS: what is no handshake, or breaks one off, ends one connection and no more."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import pytest
import trio
import trustme

from botkit.errors import TransportClosed
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.gateway.tls import TlsLink
from botkit.testing import WirePeer, open_test_gateway
from botkit.transport.links import MemoryLink
from botkit.transport.websocket import websocket_over


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and that of a client who trusts it."""
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("memory").configure_cert(server)
    authority.configure_trust(client)
    return server, client


@asynccontextmanager
async def over_tls(gateway: Gateway, account: str) -> AsyncIterator[tuple[WirePeer, MemoryLink]]:
    """A session over TLS, and the link under it."""
    server, client = contexts()
    link = MemoryLink()
    gateway.accept(TlsLink(link, server))
    stream = trio.SSLStream(link.client_stream, client, server_hostname="memory", https_compatible=True)
    async with websocket_over(stream) as transport:
        peer = WirePeer(transport)
        await peer.login(account)
        yield peer, link


@asynccontextmanager
async def unharmed() -> AsyncIterator[Gateway]:
    """A gateway whose witness over TLS notices nothing of what goes on in the block."""
    async with open_test_gateway() as gateway, over_tls(gateway, "witness") as (witness, _):
        yield gateway
        await trio.sleep(5)
        assert await witness.fetch() == []
        assert gateway.counters.connection_errors.value == 0
        assert b"botkit_gateway_open_connections 1.0\n" in gateway.meters.render()


@pytest.mark.row("G14")
@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + b"x" * 70_000],
    ids=["http", "zeros", "half a hello", "too much"],
)
async def test_garbage_instead_of_tls(data: bytes, autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as gateway:
        link = MemoryLink()
        gateway.accept(TlsLink(link, contexts()[0]))
        await link.client_stream.send_all(data)
        await trio.testing.wait_all_tasks_blocked()
        await link.client_stream.send_stream.aclose()
        while await link.client_stream.receive_some():
            pass  # an alert, perhaps


async def test_garbage_within_tls(autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as gateway, over_tls(gateway, "ann") as (ann, link):
        await link.client_stream.send_all(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        with pytest.raises(TransportClosed):
            await ann.receive()
        assert gateway.counters.logouts.values == {"disconnected": 1}


async def test_a_client_that_does_not_trust_the_certificate(autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as gateway:
        link = MemoryLink()
        gateway.accept(TlsLink(link, contexts()[0]))
        stream = trio.SSLStream(link.client_stream, ssl.create_default_context(), server_hostname="memory")
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()
        await trio.aclose_forcefully(link.client_stream)


@pytest.mark.row("G09")
async def test_a_stalled_reader_over_tls_goes_on_where_it_stopped(autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as gateway, over_tls(gateway, "ann") as (ann, link):
        await ann.request("channel_join", name="lobby")
        link.stall()
        async with over_tls(gateway, "bob") as (bob, _):
            await bob.request("channel_join", name="lobby")
            for number in range(50):
                await bob.request("channel_sendmsg", name="lobby", msg=f"{number} " + "x" * 8000)
                await trio.sleep(0.02)
        link.stall(False)
        texts = [str((await ann.next_notice("channel_msg")).content["msg"]) for _ in range(50)]
        assert [text.split()[0] for text in texts] == [str(number) for number in range(50)]


@pytest.mark.row("G09")
@pytest.mark.parametrize("messages", [12, 13])
async def test_what_tls_took_counts_for_the_bound(messages: int, autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), send_buffer=12 * 8300)
    async with open_test_gateway(settings) as gateway, over_tls(gateway, "ann") as (ann, link):
        await ann.request("channel_join", name="lobby")
        async with over_tls(gateway, "bob") as (bob, _):
            await bob.request("channel_join", name="lobby")
            await ann.next_notice("channel_user_join")
            link.stall()
            for _ in range(messages):
                await bob.request("channel_sendmsg", name="lobby", msg="x" * 8100)
                await bob.next_notice("channel_msg")
            assert gateway.counters.slow_peers.value == (messages == 13)
            assert (gateway.flusher.waiting > 12 * 8100) is (messages == 12)


async def test_a_handshake_that_never_comes_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway:
        link = MemoryLink()
        gateway.accept(TlsLink(link, contexts()[0]))
        await trio.sleep(32)
        assert await link.client_stream.receive_some() == b""
        assert gateway.counters.never_logged_in.value == 1
