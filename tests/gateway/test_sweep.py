"""Once a second: peers that are silent, never logged in, or do not answer the goodbye are cut, and nobody sooner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import TransportClosed
from botkit.gateway.server import Gateway
from botkit.testing import WirePeer, open_test_gateway
from botkit.transport.links import MemoryLink
from botkit.transport.websocket import websocket_over


@asynccontextmanager
async def on_a_link(gateway: Gateway, account: str) -> AsyncIterator[tuple[WirePeer, MemoryLink]]:
    """A session whose link can be stalled."""
    link = MemoryLink()
    gateway.accept(link)
    async with websocket_over(link.client_stream) as transport:
        peer = WirePeer(transport)
        await peer.login(account)
        yield peer, link


def connections(gateway: Gateway) -> int:
    (line,) = [line for line in gateway.meters.render().splitlines() if b"open_connections " in line and line[0] != 35]
    return int(float(line.split()[1]))


async def stay(peer: WirePeer, seconds: int) -> None:
    """Let time pass, with pings."""
    for second in range(seconds):
        await trio.sleep(1)
        if second % 10 == 0:
            await peer.send('["ping",1]')
            await peer.receive_named("pong")


async def test_after_a_logout_there_is_time_for_the_next_login(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await stay(ann, 100)
        await ann.request("user_logout")
        await stay(ann, 25)
        await ann.login("ann")
        await stay(ann, 100)
        await ann.request("user_logout")
        await stay(ann, 29)
        with pytest.raises(TransportClosed) as closed, trio.fail_after(4):
            await ann.receive()
        assert closed.value.code == 4003
        assert gateway.counters.never_logged_in.value == 1


async def test_a_peer_that_was_told_to_go_has_its_time_to_answer(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, on_a_link(gateway, "ann") as (_, link):
        await trio.sleep(20)
        link.stall()
        async with WirePeer.connect(gateway.connector, "ann") as second:
            assert gateway.sessions == 1
            await trio.sleep(2.9)
            assert connections(gateway) == 2
            await trio.sleep(2)
            assert connections(gateway) == 1
            assert await second.fetch() == []


@pytest.mark.row("G13")
async def test_any_frame_shows_that_a_peer_is_there(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        for _ in range(5):
            await trio.sleep(25)
            assert await ann.fetch() == []
        assert gateway.counters.dead_peers.value == 0
