"""Peers that are silent, never logged in, or do not answer the goodbye are cut on time, and nobody sooner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import TransportClosed
from botkit.gateway import sweep
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
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


async def keep_pinging(peer: WirePeer) -> None:
    """Ping each 5 s, and leave what comes to others."""
    while True:
        await peer.send('["ping",1]')
        await trio.sleep(5)


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


@pytest.mark.row("G13")
@pytest.mark.parametrize("period", [0.3, 1.0, 7.0, 3600.0])
@pytest.mark.parametrize("after", [0.0, 0.05, 3.3])
async def test_a_half_open_peer_is_gone_thirty_seconds_after_its_last_byte(
    after: float, period: float, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "SWEEP_SECONDS", period)
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "watcher") as watcher:
        await watcher.request("channel_join", name="lobby")
        async with on_a_link(gateway, "ann") as (ann, link):
            await ann.request("channel_join", name="lobby")
            await trio.sleep(after)
            await ann.send('["ping",1]')
            await ann.receive_named("pong")
            last_heard = trio.current_time()
            link.stall()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keep_pinging, watcher)
                assert (await watcher.next_notice("channel_user_leave")).content["account"] == "ann"
                took = trio.current_time() - last_heard
                nursery.cancel_scope.cancel()
            assert 29 < took <= 30.0
            assert gateway.counters.dead_peers.value == 1
            assert gateway.counters.logouts.values == {"disconnected": 1}


@pytest.mark.row("G13")
async def test_a_dead_peer_is_told_with_a_code_of_its_own(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await trio.sleep(29.9)
        assert gateway.sessions == 1
        with pytest.raises(TransportClosed) as closed:
            await ann.receive()
        assert closed.value.code == 4002


@pytest.mark.row("G13")
@pytest.mark.parametrize("seconds", [20.0, 45.0, 4000.0])
async def test_a_gateway_that_was_blocked_reads_before_it_judges(
    seconds: float, autojump_clock: trio.testing.MockClock
) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector) as stranger,
    ):
        await trio.sleep(10)
        for _ in range(3):
            autojump_clock.jump(seconds)  # nothing runs in between
            await trio.sleep(0.02)
            await ann.send('["ping",1]')  # it was blocked, too
            await ann.receive_named("pong")
            await trio.sleep(2)
        assert gateway.sessions == 1
        assert connections(gateway) == 2
        assert gateway.counters.blocked_loops.value == 3
        await stranger.login("bob")


@pytest.mark.row("G13")
async def test_blocks_do_not_hide_a_dead_peer_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    """A loop that is blocked again and again listens in between, and that counts."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann"):
        listened = 0
        while gateway.sessions:
            autojump_clock.jump(3)
            await trio.sleep(1)
            listened += 1
        assert 15 <= listened <= 35


async def test_what_runs_out_while_nobody_listens_goes_on_later(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), close_timeout=3.0)
    async with open_test_gateway(settings) as gateway, on_a_link(gateway, "ann") as (_, link):
        link.stall()
        async with WirePeer.connect(gateway.connector, "ann"):
            await trio.sleep(0.5)  # the first was told to go
            autojump_clock.jump(20)
            await trio.sleep(1)
            assert connections(gateway) == 2
            await trio.sleep(3)
            assert connections(gateway) == 1
