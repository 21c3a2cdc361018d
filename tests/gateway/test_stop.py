"""The end of a gateway: everybody is told, what was promised is kept, and nothing runs on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
import trio

from botkit.errors import ConnectFailed, TransportClosed
from botkit.gateway.server import STOP_SECONDS, Gateway, serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.observability.metrics import Meters
from botkit.stores.gateway import Change, GatewayStore, MemoryGatewayStore
from botkit.testing import TEST_APP, WirePeer, open_test_gateway
from botkit.transport.base import Connector
from botkit.transport.links import MemoryLink
from botkit.transport.websocket import websocket_connector, websocket_over

LOOPBACK = Address("127.0.0.1", 0)
APPS = (AppCredentials(id=TEST_APP, server_accounts=("server",)),)


class Stuck(MemoryGatewayStore):
    """A durable store that does not come to an end with its commits."""

    durable = True
    stuck = False

    async def commit(self, changes: Sequence[Change]) -> None:
        if self.stuck:
            await trio.sleep_forever()
        await super().commit(changes)


@asynccontextmanager
async def stoppable(
    settings: GatewaySettings | None = None, store: GatewayStore | None = None
) -> AsyncIterator[tuple[Gateway, trio.CancelScope, trio.Event]]:
    """A gateway, what cancels it, and what says that it has ended."""
    stop, ended = trio.CancelScope(), trio.Event()

    async def serve(*, task_status: trio.TaskStatus[Gateway]) -> None:
        with stop:
            await serve_gateway(settings or GatewaySettings(apps=APPS), store=store, task_status=task_status)
        ended.set()

    async with trio.open_nursery() as nursery:
        gateway = await nursery.start(serve)
        yield gateway, stop, ended
        stop.cancel()


async def check_goodbye(peer: WirePeer) -> None:
    """All that is left for the peer to read is the close with 1001."""
    with pytest.raises(TransportClosed) as closed:
        await peer.receive()
    assert (closed.value.code, closed.value.reason) == (1001, "gateway stops")


@asynccontextmanager
async def crowd(connector: Connector, count: int) -> AsyncIterator[list[WirePeer]]:
    """A connection without login, and sessions in the lobby that have read all they were sent."""
    async with AsyncExitStack() as stack:
        nobody = await stack.enter_async_context(WirePeer.connect(connector))
        peers = [await stack.enter_async_context(WirePeer.connect(connector, f"user{n}")) for n in range(count)]
        for number, peer in enumerate(peers):
            await peer.request("channel_join", name="lobby")
            for other in peers[:number]:
                await other.next_notice("channel_user_join")
        yield [nobody, *peers]


async def test_everybody_is_told_1001_and_nothing_runs_on(autojump_clock: trio.testing.MockClock) -> None:
    tasks = trio.lowlevel.current_statistics().tasks_living
    async with stoppable() as (gateway, stop, ended), crowd(gateway.connector, 5) as peers:
        stop.cancel()
        await ended.wait()
        for peer in peers:
            await check_goodbye(peer)
        assert gateway.sessions == 0
        assert gateway.counters.logouts.values == {"stopped": 5}
        assert b"botkit_gateway_open_connections 0.0\n" in gateway.meters.render()
    assert trio.lowlevel.current_statistics().tasks_living == tasks


async def test_over_sockets_answers_arrive_before_the_goodbye() -> None:
    settings = GatewaySettings(apps=APPS, listen=LOOPBACK, http=LOOPBACK)
    async with stoppable(settings) as (gateway, stop, ended):
        connector = websocket_connector(gateway.ws_url)
        async with crowd(connector, 10) as peers:
            for number in range(20):
                for peer in peers:
                    await peer.send(f'["ping",{number}]')
            for peer in peers:
                assert await peer.receive() == ["pong", 0]
            stop.cancel()
            await ended.wait()
            for peer in peers:
                numbers = [frame[1] for frame in await all_frames(peer)]
                assert numbers == list(range(1, len(numbers) + 1))
                await check_goodbye(peer)
        with pytest.raises(ConnectFailed):
            async with WirePeer.connect(connector):
                raise AssertionError("let in")
        assert gateway.http_address is not None
        with pytest.raises(OSError, match="connect"):
            await trio.open_tcp_stream(gateway.http_address.host, gateway.http_address.port)


async def all_frames(peer: WirePeer) -> list[list[object]]:
    frames: list[list[object]] = []
    while True:
        try:
            frames.append([*await peer.receive()])
        except TransportClosed:
            return frames


async def test_a_peer_that_does_not_read_does_not_delay_the_stop(autojump_clock: trio.testing.MockClock) -> None:
    async with stoppable() as (gateway, stop, ended), WirePeer.connect(gateway.connector, "ann") as ann:
        link = MemoryLink()
        gateway.accept(link)
        async with websocket_over(link.client_stream) as transport:
            slow = WirePeer(transport)
            await slow.login("slow")
            link.stall()
            await slow.send('["ping",1]')
            await trio.testing.wait_all_tasks_blocked()
            started = trio.current_time()
            stop.cancel()
            await ended.wait()
            assert trio.current_time() - started <= STOP_SECONDS
            await check_goodbye(ann)
            assert gateway.sessions == 0


async def test_a_stuck_store_delays_the_stop_no_longer_than_its_bound(autojump_clock: trio.testing.MockClock) -> None:
    store = Stuck()
    async with stoppable(store=store) as (gateway, stop, ended), WirePeer.connect(gateway.connector, "ann") as ann:
        await gateway.journal.wait_committed()
        store.stuck = True
        await ann.send(f'["call2",["user_set_attr",1,{{"line":"{ann.line}","name":"n","value":"v"}}]]')
        await trio.testing.wait_all_tasks_blocked()
        started = trio.current_time()
        stop.cancel()
        await ended.wait()
        assert trio.current_time() - started == pytest.approx(STOP_SECONDS)
        with pytest.raises(TransportClosed):
            await ann.receive()  # the connection ends, and the answer that could not be kept was not given


async def test_a_peer_in_its_handshake_is_let_go(autojump_clock: trio.testing.MockClock) -> None:
    async with stoppable() as (gateway, stop, ended):
        links = [MemoryLink(), MemoryLink()]
        for link in links:
            gateway.accept(link)
        await links[1].client_stream.send_all(b"GET / HTTP/1.1\r\n")
        await trio.testing.wait_all_tasks_blocked()
        stop.cancel()
        await ended.wait()
        for link in links:
            assert await link.client_stream.receive_some() == b""


async def test_cancelled_at_once_it_leaves_nothing(autojump_clock: trio.testing.MockClock) -> None:
    tasks = trio.lowlevel.current_statistics().tasks_living
    with trio.CancelScope() as scope:
        scope.cancel()
        await serve_gateway(GatewaySettings(apps=APPS, listen=LOOPBACK, http=LOOPBACK))
    assert scope.cancelled_caught
    assert trio.lowlevel.current_statistics().tasks_living == tasks


async def test_meters_that_outlive_a_gateway_do_not_count_it(autojump_clock: trio.testing.MockClock) -> None:
    meters, settings = Meters(), GatewaySettings(apps=APPS)
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            gateway: Gateway = await nursery.start(partial(serve_gateway, settings, meters=meters))
            async with WirePeer.connect(gateway.connector) as ann:
                await ann.login("ann", resumable=True)  # it would be waited for
                assert b"botkit_gateway_sessions 1.0\n" in meters.render()
                nursery.cancel_scope.cancel()
        assert b"botkit_gateway_sessions 0.0\n" in meters.render()
    assert b'botkit_gateway_logins_total{outcome="ok"} 2.0\n' in meters.render()


async def test_the_test_kits_gateway_stops_with_its_block(autojump_clock: trio.testing.MockClock) -> None:
    tasks = trio.lowlevel.current_statistics().tasks_living
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann"):
        assert gateway.sessions == 1
    assert trio.lowlevel.current_statistics().tasks_living == tasks
