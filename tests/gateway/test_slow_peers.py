"""Peers that do not read: bounded, cut with their own counter, and felt by nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import TransportClosed
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.testing import WirePeer, open_test_gateway
from botkit.transport.links import MemoryLink
from botkit.transport.websocket import websocket_over


@asynccontextmanager
async def stalling_peer(gateway: Gateway, account: str) -> AsyncIterator[tuple[WirePeer, MemoryLink]]:
    """A member of the lobby whose link can be stalled."""
    link = MemoryLink()
    gateway.accept(link)
    async with websocket_over(link.client_stream) as transport:
        peer = WirePeer(transport)
        await peer.login(account)
        await peer.request("channel_join", name="lobby")
        yield peer, link


@pytest.mark.row("G09")
async def test_a_reader_that_stops_is_cut_at_the_bound_and_hurts_nobody(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), send_buffer=20_000)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("channel_join", name="lobby")
        async with stalling_peer(gateway, "slow") as (slow, link):
            link.stall()
            for number in range(30):
                await ann.request("channel_sendmsg", name="lobby", msg=f"{number} " + "x" * 1000)
                assert str((await ann.next_notice("channel_msg")).content["msg"]).startswith(f"{number} ")
            assert gateway.counters.slow_peers.value == 1
            assert gateway.counters.logouts.values == {"slow": 1}
            assert (await ann.request("channel_query_num", name="lobby"))["num"] == 1
            with pytest.raises(TransportClosed):
                await slow.next_notice("channel_msg")


@pytest.mark.row("G09")
async def test_a_reader_that_goes_on_in_time_misses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("channel_join", name="lobby")
        async with stalling_peer(gateway, "slow") as (slow, link):
            for round_number in range(3):
                link.stall()
                for number in range(20):
                    await ann.request("channel_sendmsg", name="lobby", msg=f"{round_number} {number}")
                link.stall(False)
                texts = [(await slow.next_notice("channel_msg")).content["msg"] for _ in range(20)]
                assert texts == [f"{round_number} {number}" for number in range(20)]
                await trio.sleep(1)
        assert gateway.counters.slow_peers.value == 0


async def test_a_silent_reader_that_is_stuck_is_cut_by_the_sweep(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("channel_join", name="lobby")
        async with stalling_peer(gateway, "slow") as (_, link):
            link.stall()
            await ann.request("channel_sendmsg", name="lobby", msg="hello")
            for _ in range(4):
                await trio.sleep(10)
                await ann.send('["ping",1]')
            assert gateway.counters.slow_peers.value == 1
            assert gateway.counters.dead_peers.value == 0
            assert gateway.sessions == 1
            assert b"botkit_gateway_open_connections 1.0\n" in gateway.meters.render()


async def test_what_waits_for_all_together_is_bounded_and_who_has_most_goes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    settings = GatewaySettings(apps=(), send_buffer=1_000_000, send_buffers=60_000)
    async with (
        open_test_gateway(settings) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        stalling_peer(gateway, "slower") as (_, slower),
        stalling_peer(gateway, "slow") as (slow, link),
    ):
        await ann.request("channel_join", name="lobby")
        slower.stall()

        async def say(size: int) -> None:
            await ann.request("channel_sendmsg", name="lobby", msg="x" * size)
            assert (await ann.next_notice("channel_msg")).content["msg"] == "x" * size

        for number in range(4):
            await say(8000)
            if number == 0:
                link.stall()
        assert 54_000 < gateway.flusher.waiting < 60_000
        assert f"botkit_gateway_send_buffer_bytes {float(gateway.flusher.waiting)}".encode() in gateway.meters.render()
        assert gateway.counters.crowded_peers.value == 0
        await say(3000)
        assert 25_000 < gateway.flusher.waiting < 30_000
        assert (gateway.counters.crowded_peers.value, gateway.counters.slow_peers.value) == (1, 0)
        assert gateway.counters.logouts.values == {"crowded": 1}
        assert slower._closed
        link.stall(False)
        texts = [len(str((await slow.next_notice("channel_msg")).content["msg"])) for _ in range(5)]
        assert texts == [8000, 8000, 8000, 8000, 3000]
        assert gateway.flusher.waiting == 0
