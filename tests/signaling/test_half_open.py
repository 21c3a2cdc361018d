"""A gateway that has gone silent is noticed within 30 s; a process that was blocked gives nobody up for that."""

import pytest
import trio
from trio.testing import MockClock

from botkit.events import Reconnected, Reconnecting
from botkit.gateway import sweep
from botkit.signaling import LoginSession, Signal
from botkit.testing import TEST_APP, open_test_gateway
from botkit.wire.states import LoginStatus
from tests.signaling.scripted import ScriptedGateway, next_event, waiting_events
from tests.vendor_api.lines import Lines


@pytest.mark.row("G13")
@pytest.mark.parametrize("after", [0.0, 4.9, 5.1, 17.3])
async def test_a_gateway_that_answers_no_ping_is_given_up_within_30_seconds(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, after: float
) -> None:
    await trio.sleep(after)
    gateway.pongs = False
    last_pong = 5 * (after // 5)
    since = trio.current_time()
    await next_event(session, Reconnecting)
    assert since + 20 < trio.current_time() <= last_pong + 30
    assert session.statistics().pongs_missed == 1


@pytest.mark.row("G13")
async def test_a_real_gateway_that_falls_silent_is_given_up_within_30_seconds(autojump_clock: MockClock) -> None:
    async with open_test_gateway() as gateway:
        lines = Lines(gateway.connector)
        async with Signal(TEST_APP, lines.connect).open_session("ann") as ann:
            await trio.sleep(100)
            lines.hush()
            last_heard = trio.current_time()
            await next_event(ann, Reconnecting)
            assert trio.current_time() - last_heard <= 30
            assert (await next_event(ann, Reconnected)).resumed


@pytest.mark.row("G13")
@pytest.mark.parametrize("seconds", [20.0, 600.0])
@pytest.mark.parametrize("after", [0.0, 4.99, 5.0, 12.5])
async def test_a_process_that_was_blocked_stays_logged_in_to_its_own_gateway(
    autojump_clock: MockClock, after: float, seconds: float
) -> None:
    """A blocking handler holds up bots and embedded gateway alike: neither was silent, nobody listened."""
    async with open_test_gateway() as gateway, Signal(TEST_APP, gateway.connector).open_session("ann") as ann:
        await trio.sleep(after)
        for _ in range(5):
            autojump_clock.jump(seconds)  # nothing runs in between
            await trio.sleep(0.01)
        await trio.sleep(60)
        assert ann.status is LoginStatus.LOGGED_IN
        assert ann.statistics().connections == 1
        assert ann.statistics().times_blocked >= 1
        assert gateway.counters.dead_peers.value == 0


@pytest.mark.row("G13")
@pytest.mark.parametrize("seconds", [20, 24])
@pytest.mark.parametrize("after", [0.0, 0.01, 1.0, 2.5, 4.99, 5.0, 7.3])
async def test_a_process_that_was_blocked_for_20_seconds_stays_logged_in_elsewhere(
    autojump_clock: MockClock, after: float, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a gateway in another process, which was not blocked and forgives nothing; and 20 s is not the very limit."""
    monkeypatch.setattr(sweep, "LATE_SECONDS", float("inf"))
    async with open_test_gateway() as gateway, Signal(TEST_APP, gateway.connector).open_session("ann") as ann:
        await trio.sleep(after)
        autojump_clock.jump(seconds)
        await trio.sleep(40)
        assert gateway.counters.dead_peers.value == 0
        assert ann.statistics().connections == 1
        assert gateway.counters.blocked_loops.value == 0


async def test_blocks_do_not_hide_a_silent_gateway_for_ever(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    """A process that is blocked again and again listens in between, and that counts."""
    await waiting_events(session)
    gateway.pongs = False
    listened = 0
    while not session.statistics().pongs_missed:
        autojump_clock.jump(8)
        await trio.sleep(2)
        listened += 2
    assert listened < 60
    assert session.statistics().times_blocked > 3
