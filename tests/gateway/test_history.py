"""What a channel keeps for those who come back: bounded by age, by bytes in each channel, by bytes in all."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from botkit.gateway.history import KEEP_SECONDS, NOTICE_BYTES, History, HistoryRoom
from botkit.gateway.settings import GatewaySettings
from botkit.observability.metrics import Meters
from botkit.testing import TEST_APP, WirePeer, open_test_gateway

FRAME = b"x" * (1000 - NOTICE_BYTES)
"""Takes 1,000 bytes."""


def room(each: int = 10**6, together: int = 10**6) -> HistoryRoom:
    return HistoryRoom(each, together, Meters().counter("dropped_total", "Dropped.", "where"))


def numbers(history: History, newest: int = 10**6) -> int:
    """How many notices there are."""
    return len(history.since(0, newest)[0])


def test_a_channel_keeps_what_fits() -> None:
    shared = room(each=3000)
    history = History(shared)
    for number in range(1, 4):
        history.add(number, 0, FRAME)
    assert (history.since(0, 3), history.size) == (([FRAME] * 3, 0), 3000)
    assert shared.dropped.value == 0
    history.add(4, 0, FRAME[:-1])
    assert (numbers(history), history.size, shared.used) == (3, 2999, 2999)
    assert history.since(0, 4)[1] == 1
    assert shared.dropped.values == {"channel": 1}
    history.add(5, 0, b"x" * 10_000)
    assert (numbers(history), history.size, shared.used) == (0, 0, 0)


def test_what_is_older_than_a_minute_goes_when_something_new_comes() -> None:
    history = History(room())
    history.add(1, 0, FRAME)
    history.add(2, KEEP_SECONDS, FRAME)
    assert numbers(history) == 2
    history.add(3, KEEP_SECONDS + 0.1, FRAME)
    assert numbers(history) == 2
    assert history.since(1, 3) == ([FRAME, FRAME], 0)


def test_those_who_hold_most_make_room_for_the_others() -> None:
    shared = room(together=80_000)
    quiet, loud, louder = History(shared), History(shared), History(shared)
    for number in range(5):
        quiet.add(number, 0, FRAME)
    for number in range(25):
        loud.add(number, 0, FRAME)
    for number in range(50):
        louder.add(number, 0, FRAME)
    assert (shared.used, shared.dropped.value) == (80_000, 0)
    quiet.add(5, 0, FRAME)
    assert (quiet.size, loud.size, louder.size) == (6000, 25_000, 25_000)
    assert shared.used == 56_000
    assert shared.dropped.values == {"all": 25}
    for history in (quiet, loud, louder):
        history.clear()
    assert shared.used == 0


def test_one_that_holds_nothing_is_not_looked_at() -> None:
    shared = room()
    history = History(shared)
    history.add(1, 0, FRAME)
    assert shared._histories == {history}
    shared.prune(KEEP_SECONDS + 1)
    assert (shared._histories, shared.used, history.size) == (set(), 0, 0)


adds = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.integers(0, 20)), max_size=60)


@given(adds, st.integers(300, 3000), st.integers(300, 5000))
def test_the_bounds_hold_and_the_sums_are_right(adds: list[tuple[int, int, int]], each: int, together: int) -> None:
    shared = room(each, together)
    histories = [History(shared) for _ in range(4)]
    now = 0.0
    for number, (which, size, pause) in enumerate(adds, 1):
        now += pause
        histories[which].add(number, now, b"x" * size)
        sizes = [sum(len(kept.frame) + NOTICE_BYTES for kept in history._notices) for history in histories]
        assert sizes == [history.size for history in histories]
        assert shared.used == sum(sizes) <= together
        assert max(sizes) <= each
        assert shared._histories == {history for history in histories if history.size}


async def test_what_nobody_adds_to_is_forgotten_too(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector) as ann:
        await ann.login("ann", resumable=True)
        await ann.request("channel_join", name="own")
        for _ in range(60):
            await ann.request("channel_sendmsg", name="own", msg="\x01" * 8190)
        assert gateway.histories.used > 30 * 57_000
        assert b"botkit_gateway_history_bytes 2" in gateway.meters.render()
        for _ in range(13):
            await trio.sleep(10)
            await ann.send('["ping",1]')
        assert gateway.histories.used == 0


@pytest.mark.parametrize("history_bytes", [10**5, 10**6])
async def test_all_channels_together_keep_what_is_allowed(
    history_bytes: int, autojump_clock: trio.testing.MockClock
) -> None:
    settings = GatewaySettings(apps=(), history_bytes=history_bytes)
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector) as ann:
        await ann.login("ann", resumable=True)
        await ann.request("channel_join", name="own")
        for number in range(50):
            await ann.request("channel_sendmsg", name="own", msg=f"{number:02}" + "x" * 8000)
        dropped = gateway.counters.dropped_history.values
        assert gateway.histories.used <= history_bytes
        channel = gateway.hubs[TEST_APP].channels.get("own")
        assert channel is not None
        assert numbers(channel.history) == 50 - dropped.get("all", 0)
        assert ("all" in dropped) is (history_bytes < 50 * 8200)
