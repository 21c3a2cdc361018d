"""Peers on real sockets, read by one task or, where there is no poller, by one each: all the same to them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import SimpleNamespace

import pytest
import trio

from botkit.errors import TransportClosed
from botkit.gateway import connections as connections_module
from botkit.gateway import fanout as fanout_module
from botkit.gateway import outbox as outbox_module
from botkit.gateway.dispatch import Dispatcher
from botkit.gateway.server import Gateway
from botkit.gateway.settings import Address, GatewaySettings
from botkit.testing import TEST_APP, WirePeer, open_test_gateway
from botkit.transport.base import Connector
from botkit.transport.links import SocketLink
from botkit.transport.polling import POLLING_WORKS
from botkit.transport.websocket import websocket_connector
from botkit.types import Account


@pytest.fixture(params=[True, False], ids=["one task", "a task each"])
def polled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether one task reads all."""
    polled = bool(request.param) and POLLING_WORKS
    monkeypatch.setattr(connections_module, "POLLING_WORKS", polled)
    return polled


@asynccontextmanager
async def on_sockets() -> AsyncIterator[tuple[Gateway, Connector]]:
    settings = GatewaySettings(apps=(), listen=Address("127.0.0.1", 0), close_timeout=0.2)
    async with open_test_gateway(settings) as gateway:
        yield gateway, websocket_connector(gateway.ws_url)
        await until(lambda: open_connections(gateway) == 0)
        assert gateway.sessions == 0
        assert gateway.counters.failed_accepts.value == 0


def open_connections(gateway: Gateway) -> int:
    lines = gateway.meters.render().decode().splitlines()
    return int(float(next(line for line in lines if line.startswith("botkit_gateway_open_connections ")).split()[1]))


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what is in the system's hands, without an event."""
    with trio.fail_after(60):
        while not happened():  # noqa: ASYNC110
            await trio.sleep(0.001)


async def closing_of(peer: WirePeer) -> TransportClosed:
    """Read to the end; how that came."""
    try:
        while True:
            await peer.receive()
    except TransportClosed as closed:
        return closed


@asynccontextmanager
async def crowd(connector: Connector, count: int) -> AsyncIterator[list[WirePeer]]:
    """So many sessions, all in the lobby."""
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(WirePeer.connect(connector, f"user{n}")) for n in range(count)]
        for peer in peers:
            await peer.request("channel_join", name="lobby")
        yield peers


async def test_connections_cost_no_task_where_one_reads_all(polled: bool) -> None:
    async with on_sockets() as (_, connector), WirePeer.connect(connector, "first"):
        before = trio.lowlevel.current_statistics().tasks_living
        async with WirePeer.connect(connector, "ann"):
            added = trio.lowlevel.current_statistics().tasks_living - before
        async with open_test_gateway() as other, WirePeer.connect(other.connector, "first"):
            before = trio.lowlevel.current_statistics().tasks_living
            async with WirePeer.connect(other.connector, "ann"):
                in_memory = trio.lowlevel.current_statistics().tasks_living - before
        assert added == in_memory - polled


async def test_all_that_speak_at_once_are_heard_by_all_in_one_order(polled: bool) -> None:
    async with on_sockets() as (_, connector), crowd(connector, 6) as peers:
        for peer in peers:
            await peer.fetch()
        async with trio.open_nursery() as nursery:
            for number, peer in enumerate(peers):
                nursery.start_soon(partial(peer.request, "channel_sendmsg", name="lobby", msg=str(number)))
        heard = []
        for peer in peers:
            notices = [await peer.next_notice("channel_msg") for _ in peers]
            heard.append([notice.content["msg"] for notice in notices])
        assert all(one == heard[0] for one in heard)
        assert sorted(map(str, heard[0])) == [str(n) for n in range(6)]


async def test_ends_of_all_kinds_are_noticed(polled: bool) -> None:
    async with on_sockets() as (gateway, connector), WirePeer.connect(connector, "witness") as witness:
        await witness.request("channel_join", name="lobby")
        async with WirePeer.connect(connector, "leaver") as leaver:
            await leaver.request("channel_join", name="lobby")
        assert (await witness.next_notice("channel_user_leave")).content["account"] == "leaver"
        async with WirePeer.connect(connector, "twice") as first:
            await first.request("channel_join", name="lobby")
            async with WirePeer.connect(connector, "twice"):
                assert (await witness.next_notice("channel_user_leave")).content["account"] == "twice"
                await closing_of(first)
        stream = await trio.open_tcp_stream("127.0.0.1", int(gateway.ws_url.rstrip("/").rpartition(":")[2]))
        await until(lambda: open_connections(gateway) == 2)
        await stream.send_all(b"no handshake\r\n\r\n")
        assert await stream.receive_some() == b""
        await stream.aclose()
        await until(lambda: open_connections(gateway) == 1)
        assert await witness.fetch() == []


async def test_dropped_by_the_gateway_it_is_gone_at_once(polled: bool) -> None:
    async with on_sockets() as (gateway, connector), WirePeer.connect(connector, "ann") as ann:
        session = gateway.hubs[TEST_APP].session_of(Account("ann"))
        assert session is not None
        assert session.connection is not None
        session.connection.abort()
        await until(lambda: open_connections(gateway) == 0)
        with pytest.raises(TransportClosed):
            await ann.receive()


async def test_our_own_fault_costs_one_connection_and_is_told(polled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with on_sockets() as (gateway, connector), crowd(connector, 2) as (ann, bob):
        with monkeypatch.context() as patch:
            patch.setattr(Dispatcher, "handle_frame", fail)
            await ann.send('["ping",1]')
            assert (await closing_of(ann)).code == 1011
        assert gateway.counters.connection_errors.value == 1
        assert (await bob.next_notice("channel_user_leave")).content["account"] == "user0"


async def test_who_comes_while_the_system_has_no_room_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    settings = GatewaySettings(apps=(), listen=Address("127.0.0.1", 0))
    async with open_test_gateway(settings) as gateway:
        connector = websocket_connector(gateway.ws_url)
        async with WirePeer.connect(connector, "ann") as ann:
            with monkeypatch.context() as patch:
                patch.setattr(SocketLink, "watch", full)
                assert gateway.ws_address is not None
                stream = await trio.open_tcp_stream("127.0.0.1", gateway.ws_address.port)
                assert await stream.receive_some() == b""
                await stream.aclose()
            assert gateway.counters.failed_accepts.value == 1
            assert open_connections(gateway) == 1
            assert await ann.fetch() == []


async def test_others_are_answered_while_many_are_told(polled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush that gives others a turn in between does not keep the reader."""
    go_on = trio.Event()
    hello = '["call2",["channel_sendmsg",99,{"line":"%s","name":"lobby","msg":"hello"}]]'

    async with on_sockets() as (gateway, connector), crowd(connector, 8) as peers:
        quiet = peers.pop()
        await quiet.request("channel_leave", name="lobby")
        with monkeypatch.context() as patch:
            for module in outbox_module, fanout_module:
                patch.setattr(module, "SENDS_PER_TURN", 2)
            waiting = SimpleNamespace(cancel_shielded_checkpoint=go_on.wait)
            patch.setattr(fanout_module, "trio", SimpleNamespace(lowlevel=waiting))
            with trio.move_on_after(60) as scope:
                await peers[0].send(hello % peers[0].line)
                await until(lambda: gateway.counters.channel_messages.value == 1)
                await quiet.send('["ping",7]')
                await quiet.receive_named("pong")
            go_on.set()  # or the flush would never end
            for peer in peers:
                assert (await peer.next_notice("channel_msg")).content["msg"] == "hello"
            assert not scope.cancelled_caught, "no answer before all were told"
