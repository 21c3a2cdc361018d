"""Whole replays against a gateway in memory, on virtual time."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from botkit.cli.replay.accounts import AccountNames
from botkit.cli.replay.plan import Plan, make_plan
from botkit.cli.replay.play import FEED, OBSERVER, play
from botkit.cli.replay.tally import Comparison, Tally
from botkit.errors import ConfigError, ConnectFailed, ErrorCode
from botkit.gateway.server import Gateway
from botkit.irc_log import read_log
from botkit.signaling import Signal, SignalSettings
from botkit.testing import TEST_APP, open_test_gateway
from botkit.transport.base import Connector, Transport
from botkit.types import Account, ChannelName
from botkit.wire.limits import NO_TOKEN

DEN = ChannelName("den")
LOG = """\
[09:00] <ann> good morning
=== bob [n=bob@host]  has joined #den
[09:00] <bob> hi ann
[09:01]  * ann waves
=== bob is now known as bob|away
=== cid [n=cid@host]  has joined #den
[09:02] <cid> anybody?
=== cid [n=cid@host]  has left #den ["no"]
[09:02] <ann> he is gone
=== ann [n=ann@host]  has quit [Quit]
"""


def plan_of(log: str) -> Plan:
    return make_plan(list(read_log(io.BytesIO(log.encode()))), AccountNames(reserved=[OBSERVER, FEED]))


async def replayed(
    gateway: Gateway,
    log: str = LOG,
    *,
    connector: Connector | None = None,
    speed: float | None = None,
    progress: Callable[[], None] = lambda: None,
    feed_account: Account = FEED,
    tally: Tally | None = None,
) -> Tally:
    """The count of ``log`` played in ``DEN`` at ``gateway``."""

    def connect(settings: SignalSettings) -> Signal:
        return Signal(TEST_APP, connector or gateway.connector, settings=settings)

    tally = tally or Tally()
    await play(
        plan_of(log),
        DEN,
        connect,
        tally,
        token_for=lambda _account: NO_TOKEN,
        feed_account=feed_account,
        speed=speed,
        progress=progress,
    )
    return tally


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_test_gateway(server_accounts=(FEED, "server")) as gateway:
        yield gateway


async def test_everything_arrives_and_everybody_is_gone_at_the_end(gateway: Gateway, autojump_clock: MockClock) -> None:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    tally = await replayed(gateway, progress=count)
    assert tally.nothing_lost
    assert (tally.attempted, tally.messages.arrived, tally.refused.total()) == (5, 5, 0)
    assert tally.sessions == 4
    assert (tally.moves.arrived_of("join"), tally.moves.arrived_of("leave")) == (4, 4)
    assert steps == 1 + 10, "the cast, and every line that does something"
    assert gateway.sessions == 0


class LossyTransport:
    """The transport of one session: frames with ``text`` in them never get to ``account``."""

    def __init__(self, transport: Transport, account: str, text: str) -> None:
        self._transport, self._account, self._text = transport, account, text
        self._lossy = False

    async def send(self, data: bytes) -> None:
        self._lossy = self._lossy or f'"{self._account}"'.encode() in data
        await self._transport.send(data)

    async def receive(self) -> bytes | str:
        while True:
            frame = await self._transport.receive()
            if not (self._lossy and self._text in str(frame)):
                return frame

    async def aclose(self) -> None:
        await self._transport.aclose()


def losing(connector: Connector, account: str, text: str) -> Connector:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Transport]:
        async with connector() as transport:
            yield LossyTransport(transport, account, text)

    return connect


async def test_a_message_that_did_not_arrive_is_found(gateway: Gateway, autojump_clock: MockClock) -> None:
    tally = await replayed(gateway, connector=losing(gateway.connector, OBSERVER, "hi ann"))
    assert not tally.nothing_lost
    assert tally.messages.compared() == Comparison(arrived=4, lost=1)
    assert tally.moves.compared().clean


async def test_a_join_that_was_not_told_is_found_and_announced(gateway: Gateway, autojump_clock: MockClock) -> None:
    tally = await replayed(gateway, connector=losing(gateway.connector, FEED, "channel_join\\\\\\"))
    assert not tally.nothing_lost
    assert tally.moves.compared().lost == 4
    assert any(FEED in text for text in tally.events_lost)


async def test_what_is_refused_is_counted_and_not_lost(gateway: Gateway, autojump_clock: MockClock) -> None:
    signal = Signal(TEST_APP, gateway.connector)
    async with signal.open_session("server") as server:
        await server.mute("ann")
        tally = await replayed(gateway)
    assert tally.nothing_lost
    assert tally.refused == {ErrorCode.SENDMESSAGE_E_OTHER: 3}
    assert (tally.attempted, tally.messages.arrived) == (5, 2)


async def test_it_stays_inside_the_rates_by_itself(gateway: Gateway, autojump_clock: MockClock) -> None:
    lines = [f"[09:00] <{'ann' if number % 2 else f'user{number % 20}'}> {number}" for number in range(400)]
    began = trio.current_time()
    tally = await replayed(gateway, "\n".join(lines))
    assert tally.refused.total() == 0
    assert tally.messages.arrived == 400
    assert trio.current_time() - began >= 3, "200 messages of one user at 54 a second"


async def test_the_speed_is_that_of_the_log(gateway: Gateway, autojump_clock: MockClock) -> None:
    began = trio.current_time()
    tally = await replayed(gateway, LOG, speed=4)
    assert tally.nothing_lost
    assert 30 < trio.current_time() - began < 46, "two minutes and a little, four times as fast"


async def test_the_watcher_of_joins_needs_the_server_role(gateway: Gateway, autojump_clock: MockClock) -> None:
    with pytest.raises(ConfigError, match="nobody may not read") as caught:
        await replayed(gateway, feed_account=Account("nobody"))
    assert caught.value.key == "--server-account"
    assert gateway.sessions == 0


async def test_stopped_in_the_middle_everybody_is_logged_out(gateway: Gateway, autojump_clock: MockClock) -> None:
    tally = Tally()
    with trio.move_on_after(60) as scope:
        await replayed(gateway, LOG, speed=1, tally=tally)
    assert scope.cancelled_caught
    assert (tally.attempted, tally.messages.arrived) == (2, 2), "what was counted stays"
    await trio.sleep(1)
    assert gateway.sessions == 0


async def test_it_ends_when_nobody_watches_any_more(gateway: Gateway, autojump_clock: MockClock) -> None:
    tally = Tally()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(replayed, gateway, LOG, speed=1, tally=tally))
        await trio.sleep(30)
        async with Signal(TEST_APP, gateway.connector).open_session(OBSERVER):
            await trio.sleep(5)
            assert gateway.sessions == 1, "all players are logged out"
    assert tally.stopped == f"{OBSERVER}, which watches the replay, is {ErrorCode.LOGOUT_E_KICKED.text}"
    assert not tally.nothing_lost
    assert tally.attempted == 1


class Cable:
    """The connections to a gateway, until they are cut."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._cut = False
        self._transports: list[Transport] = []

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Transport]:
        if self._cut:
            raise ConnectFailed("the gateway", "Connection refused")
        async with self._connector() as transport:
            self._transports.append(transport)
            yield transport

    async def cut(self) -> None:
        """The gateway is gone, and stays away."""
        self._cut = True
        for transport in self._transports:
            await transport.aclose()


async def test_it_ends_soon_after_the_gateway_went_away(gateway: Gateway, autojump_clock: MockClock) -> None:
    cable, tally = Cable(gateway.connector), Tally()
    lines = "\n".join(f"[09:{number:02}] <nick{number % 3}> {number}" for number in range(60))
    with trio.fail_after(100):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(replayed, gateway, lines, connector=cable.connect, speed=60, tally=tally))
            await trio.sleep(20)
            await cable.cut()
            cut_at = trio.current_time()
    assert tally.stopped.endswith(ErrorCode.LOGOUT_E_NET.text)
    assert 20 <= tally.attempted <= 30
    assert trio.current_time() - cut_at < 20
