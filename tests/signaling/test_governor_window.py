"""A sender's view of a limit: whatever the network does, the gateway's own window never refuses."""

import heapq
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.gateway.limits import RateWindow
from botkit.signaling.effects import Lane
from botkit.signaling.governor_window import CROWD_SECONDS, PASSED_OVER, PERIOD, Window

latencies = st.floats(0, 3, allow_nan=False)


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.floats(0, 1), latencies, latencies, st.sampled_from(Lane)), min_size=1, max_size=80),
)
def test_the_gateway_never_refuses_what_fits(limit: int, sends: list[tuple[float, float, float, Lane]]) -> None:
    """Each message takes its own time there and its answer its own time back; they may overtake one another."""
    window: Window[str] = Window("user", limit)
    gateway = RateWindow(limit)
    happenings: list[tuple[float, int, str, float]] = []  # when, a number, what, how long the answer takes
    now, number = 0.0, 0

    def happen_until(time: float) -> None:
        nonlocal number
        while happenings and happenings[0][0] <= time:
            at, _, what, back = heapq.heappop(happenings)
            if what == "answer":
                window.give_back(at)
            else:
                assert gateway.allow(at)
                number += 1
                heapq.heappush(happenings, (at + back, number, "answer", 0.0))

    for pause, there, back, lane in sends:
        now += pause
        happen_until(now)
        if window.fits(lane, now):
            window.take(lane, now)
            number += 1
            heapq.heappush(happenings, (now + there, number, "arrival", back))
    happen_until(math.inf)
    assert window.idle(now + 10)


@given(st.integers(1, 300), st.lists(st.sampled_from(Lane), min_size=1, max_size=400))
def test_who_waits_gets_a_turn_when_the_window_says_that_it_opens(limit: int, lanes: list[Lane]) -> None:
    window: Window[int] = Window("user", limit)
    for index, lane in enumerate(lanes):
        window.park(index, lane)
    now, gone = 0.0, set[int]()
    while window.has_parked:
        now = window.opens_at(now)
        assert math.isfinite(now)
        before = len(gone)
        while (next_one := window.next(now)) is not None:
            window.take(lanes[next_one], now)
            window.give_back(now)
            gone.add(next_one)
        assert len(gone) > before  # or a governor would spin
    assert len(gone) == len(lanes)
    assert now <= (len(lanes) / limit + 2) * PERIOD


def test_it_opens_when_an_answer_comes_and_not_before() -> None:
    window: Window[str] = Window("user", 1)
    window.park("next", Lane.MODERATION)
    assert window.opens_at(5) == 5
    assert window.next(5) == "next"
    window.take(Lane.MODERATION, 5)
    window.park("one more", Lane.MODERATION)
    assert window.opens_at(6) == math.inf
    window.give_back(7)
    assert window.opens_at(7) == 7 + PERIOD
    assert window.next(7 + PERIOD / 2) is None
    assert window.next(7 + PERIOD) == "one more"


def test_what_the_gateway_has_not_counted_frees_its_place_at_once() -> None:
    window: Window[str] = Window("user", 1)
    window.take(Lane.MODERATION, 0)
    assert not window.fits(Lane.MODERATION, 0)
    window.give_back(0, counts=False)
    assert window.fits(Lane.MODERATION, 0)


def test_refusals_shut_it_for_longer_and_longer_until_one_is_accepted() -> None:
    window: Window[str] = Window("channel", 100)
    now, pauses = 0.0, []
    for _ in range(7):
        window.refuse(now)
        window.refuse(now)  # the others that were under way
        window.park("", Lane.CHAT)
        pauses.append(round(window.opens_at(now) - now, 3))
        now = window.opens_at(now)
        window.next(now)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1, 1]
    window.take(Lane.CHAT, now)
    window.give_back(now)
    window.refuse(now)
    assert window.fits(Lane.CHAT, now + 0.05)
    assert window.crowded(now + CROWD_SECONDS / 2)
    assert not window.crowded(now + CROWD_SECONDS)


def test_what_is_seen_of_others_counts() -> None:
    window: Window[str] = Window("channel", 2)
    window.see(0)
    assert window.crowded(0)
    window.take(Lane.MODERATION, 0)
    assert not window.fits(Lane.MODERATION, 0.5)
    assert window.fits(Lane.MODERATION, PERIOD)


@pytest.mark.parametrize(("lane", "at_once"), [(Lane.CHAT, 15), (Lane.ALERT, 30), (Lane.MODERATION, 60)])
def test_less_urgent_lanes_leave_room(lane: Lane, at_once: int) -> None:
    window: Window[str] = Window("user", 60)
    sent = 0
    while window.fits(lane, 0):
        window.take(lane, 0)
        window.give_back(0)
        sent += 1
    assert sent == at_once


def test_a_lane_that_was_passed_over_often_enough_goes_first() -> None:
    window: Window[str] = Window("user", 1000)
    for lane in Lane:
        for _ in range(40):
            window.park(lane.name, lane)
    order = [window.next(0) for _ in range(44)]
    assert order[:PASSED_OVER] == ["MODERATION"] * PASSED_OVER
    assert set(order[PASSED_OVER : PASSED_OVER + 2]) == {"ALERT", "CHAT"}
    assert [order.count(lane.name) for lane in Lane] == [36, 4, 4]
