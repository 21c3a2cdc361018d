"""Slow readers and dead peers on real sockets: cut within their bounds, each with its code; nobody else feels it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.backoff import Backoff
from botkit.errors import TransportClosed
from botkit.events import ChannelMessage, Event, Reconnected, UserLeft
from botkit.gateway.connection import CLOSE_NO_LOGIN, CLOSE_SILENT, CLOSE_SLOW
from botkit.gateway.server import Gateway
from botkit.gateway.settings import Address, GatewaySettings
from botkit.signaling import LoginSession, Signal, SignalSettings
from botkit.testing import TEST_APP, WirePeer, open_test_gateway
from botkit.transport.websocket import websocket_over
from tests.gateway_fire.bad_roads import Road, connect, road_connector

pytestmark = pytest.mark.slow

LIVELY = SignalSettings(ping_interval=0.3, missed_pongs=3, reconnect=Backoff(0.05, 0.2))
PATIENT = SignalSettings(ping_interval=0.3, missed_pongs=200)
"""Those who are to notice nothing: a machine that is busy elsewhere is not what they are asked about."""
FLOOD = 1200
"""Messages of 8 KB: more than the system keeps for a peer that does not read."""


@asynccontextmanager
async def open_gateway(**limits: float) -> AsyncIterator[tuple[Gateway, Address]]:
    """A gateway on a real port, with bounds that a test can wait for."""
    settings = GatewaySettings(apps=(), listen=Address("127.0.0.1", 0), close_timeout=3.0, **limits)  # type: ignore[arg-type]
    async with open_test_gateway(settings) as gateway:
        assert gateway.ws_address is not None
        yield gateway, gateway.ws_address


async def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    """Look again and again: what is waited for is in the system's hands, without an event."""
    with trio.fail_after(seconds):
        while not happened():  # noqa: ASYNC110
            await trio.sleep(0.01)


class Neighbours:
    """Two who talk to each other all the time, and want to notice nothing."""

    def __init__(self, speaker: LoginSession, listener: LoginSession) -> None:
        self._speaker, self._listener = speaker, listener
        self._said = 0
        self._heard: list[str] = []

    async def talk(self) -> None:
        """Say something each 20 ms."""
        channel = await self._speaker.join("quiet corner")
        while True:
            await channel.send(str(self._said))
            self._said += 1
            await trio.sleep(0.02)

    async def listen(self) -> None:
        """Note it."""
        await self._listener.join("quiet corner")
        async for event in self._listener.events():
            if isinstance(event, ChannelMessage):
                self._heard.append(event.text)

    async def check(self) -> None:
        """They lost nothing, not even their connections."""
        said = self._said
        await wait_until(lambda: str(said - 1) in self._heard)
        first = int(self._heard[0])
        assert self._heard[: said - first] == [str(number) for number in range(first, said)]
        for session in (self._speaker, self._listener):
            assert session.statistics().connections_lost == 0


@asynccontextmanager
async def open_neighbours(gateway: Gateway) -> AsyncIterator[Neighbours]:
    """Two sessions that talk until the end of the block, and are well then."""
    signal = Signal(TEST_APP, gateway.ws_url, settings=PATIENT)
    async with (
        signal.open_session("speaker") as speaker,
        signal.open_session("listener") as listener,
        trio.open_nursery() as nursery,
    ):
        neighbours = Neighbours(speaker, listener)
        nursery.start_soon(neighbours.listen)
        nursery.start_soon(neighbours.talk)
        yield neighbours
        await neighbours.check()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_peer(address: Address, account: str) -> AsyncIterator[tuple[WirePeer, Road]]:
    """A vendor's client in the lobby, and its road."""
    road = await connect(address)
    async with websocket_over(road) as transport:
        peer = WirePeer(transport)
        await peer.login(account)
        await peer.request("channel_join", name="lobby")
        yield peer, road


async def flood(gateway: Gateway, enough: Callable[[], bool]) -> int:
    """Send large messages into the lobby, as fast as that is allowed, until there were ``enough``."""
    sent = 0
    signal = Signal(TEST_APP, gateway.ws_url, settings=LIVELY)
    async with (
        signal.open_session("loud-1") as one,
        signal.open_session("loud-2") as two,
        signal.open_session("loud-3") as three,
    ):
        channels = [await session.join("lobby") for session in (one, two, three)]
        while not enough() and sent < FLOOD:
            await channels[sent % 3].send("x" * 8192)
            sent += 1
            await trio.sleep(1 / 170)
    return sent


async def code_at_the_end(peer: WirePeer) -> int | None:
    """Read all that is left, and the code that the connection was closed with."""
    try:
        while True:
            await peer.receive()
    except TransportClosed as closed:
        return closed.code


@pytest.mark.row("G09")
async def test_a_peer_that_reads_no_more_is_cut_at_its_bound() -> None:
    async with (
        open_gateway(send_buffer=200_000) as (gateway, address),
        open_neighbours(gateway),
        open_peer(address, "slow") as (peer, road),
    ):
        road.stop_reading()
        sent = await flood(gateway, lambda: gateway.counters.slow_peers.value > 0)
        assert sent < FLOOD
        await wait_until(lambda: gateway.counters.logouts.values.get("slow") == 1)
        road.open()
        assert await code_at_the_end(peer) == CLOSE_SLOW, "it is told when it reads again"
    assert gateway.counters.slow_peers.value == 1


@pytest.mark.row("G09")
async def test_a_peer_that_reads_no_more_is_cut_in_time_before_its_bound() -> None:
    async with (
        open_gateway(send_buffer=50_000_000, idle_timeout=3.0) as (gateway, address),
        open_neighbours(gateway),
        open_peer(address, "slow") as (peer, road),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(keep_pinging, peer)
        road.stop_reading()
        await flood(gateway, lambda: gateway.counters.slow_peers.value > 0)
        assert gateway.counters.slow_peers.value == 1
        road.open()
        assert await code_at_the_end(peer) == CLOSE_SLOW
        nursery.cancel_scope.cancel()
    assert gateway.counters.dead_peers.value == 0


async def keep_pinging(peer: WirePeer) -> None:
    """It writes, so it is not dead."""
    number = 0
    while True:
        number += 1
        await peer.send(f'["ping",{number}]')
        await trio.sleep(0.3)


@pytest.mark.row("G09")
async def test_a_peer_that_never_reads_again_is_let_go() -> None:
    async with (
        open_gateway(send_buffer=200_000) as (gateway, address),
        open_neighbours(gateway),
        open_peer(address, "slow") as (_, road),
    ):
        road.block()
        await flood(gateway, lambda: gateway.counters.slow_peers.value > 0)
        await wait_until(lambda: len(gateway._connections) == 2)
        road.open()


@pytest.mark.row("G13")
async def test_a_peer_whose_packets_vanish_is_gone_in_its_time() -> None:
    async with (
        open_gateway(idle_timeout=3.0) as (gateway, address),
        open_neighbours(gateway),
        open_peer(address, "cut-off") as (peer, road),
    ):
        road.block()
        blocked = trio.current_time()
        await wait_until(lambda: gateway.counters.dead_peers.value == 1)
        assert trio.current_time() - blocked >= 1.5
        assert gateway.counters.logouts.values == {"disconnected": 1}
        road.open()
        assert await code_at_the_end(peer) == CLOSE_SILENT


@pytest.mark.row("G13", "G07")
async def test_a_client_whose_packets_vanish_finds_another_way_and_nobody_noticed() -> None:
    async with (
        open_gateway(idle_timeout=5.0) as (gateway, address),
        open_neighbours(gateway),
        open_peer(address, "watcher") as (watcher, _),
    ):
        roads: list[Road] = []
        signal = Signal(TEST_APP, road_connector(address, roads), settings=LIVELY)
        async with signal.open_session("ann") as ann:
            await ann.join("lobby")
            await watcher.next_notice("channel_user_join")
            roads[0].block()
            await watcher.request("channel_sendmsg", name="lobby", msg="meanwhile")
            told: list[Event] = []
            with trio.fail_after(60):
                while not any(isinstance(event, ChannelMessage) for event in told):
                    told.append(await ann.receive_event())
            assert Reconnected(account=ann.account, resumed=True) in told
            assert not any(isinstance(event, UserLeft) for event in told)
            assert ann.statistics().pongs_missed >= 1
            assert (await watcher.next_notice()).kind == "channel_msg"
            roads[0].open()
        assert (await watcher.next_notice()).kind == "channel_user_leave"


@pytest.mark.row("G14")
@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01\x02\x00"], ids=["nothing", "half a request", "TLS"]
)
async def test_who_never_becomes_a_peer_does_not_stay(said: bytes) -> None:
    async with open_gateway(login_timeout=2.0) as (gateway, address), open_neighbours(gateway):
        stream = await trio.open_tcp_stream(address.host, address.port)
        async with stream:
            await stream.send_all(said)
            with trio.fail_after(60):
                while await stream.receive_some():
                    pass
        await wait_until(lambda: len(gateway._connections) == 2)
        assert gateway.counters.never_logged_in.value + gateway.counters.handshakes_failed.value >= 1


@pytest.mark.row("G14")
async def test_who_never_logs_in_is_told_so() -> None:
    async with open_gateway(login_timeout=2.0) as (gateway, address), open_neighbours(gateway):
        async with websocket_over(await connect(address)) as transport:
            with trio.fail_after(60):
                assert await code_at_the_end(WirePeer(transport)) == CLOSE_NO_LOGIN
        assert gateway.counters.never_logged_in.value == 1
