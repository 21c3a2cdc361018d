"""Delay schedules."""

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.backoff import SLOT_SECONDS, SPREAD_SECONDS, Backoff, Slots


def test_delays_double_up_to_the_maximum() -> None:
    backoff = Backoff(0.2, 2.0, jitter=0)
    assert [backoff.delay(attempt, 0.9) for attempt in range(1, 7)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 2.0, 2.0])


def test_jitter_takes_its_share() -> None:
    backoff = Backoff(1.0, 8.0, jitter=0.5)
    assert backoff.delay(3, 0.0) == pytest.approx(4.0)
    assert backoff.delay(3, 0.5) == pytest.approx(3.0)
    assert backoff.delay(3, 1.0) == pytest.approx(2.0)


_backoffs = st.builds(
    lambda initial, span, factor, jitter: Backoff(initial, initial * span, factor, jitter),
    st.floats(0.001, 1e6),
    st.floats(1, 1e6),
    st.floats(1, 10),
    st.floats(0, 1),
)


@given(_backoffs, st.integers(1, 10**9), st.floats(0, 1))
def test_every_delay_is_within_bounds(backoff: Backoff, attempt: int, fraction: float) -> None:
    delay = backoff.delay(attempt, fraction)
    assert math.isfinite(delay)
    assert backoff.initial * (1 - backoff.jitter) * 0.999999 <= delay <= backoff.maximum


@pytest.mark.parametrize(
    "arguments",
    [(0, 1), (2, 1), (1, math.inf), (1, 2, 0.5), (1, 2, math.inf), (1, 2, 2, -0.1), (1, 2, 2, 1.1), (math.nan, 1)],
)
def test_values_that_give_no_schedule_are_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="backoff: "):
        Backoff(*arguments)


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        Backoff(1, 2).delay(0, 0)


def test_one_that_comes_alone_never_waits() -> None:
    slots = Slots()
    assert [slots.take(now, now + 0.3) for now in (0.0, 1.0, 1.1, 2.0)] == [0.3, 1.3, 1.1 + 0.3, 2.3]


def test_who_comes_together_is_put_apart() -> None:
    slots = Slots()
    assert [slots.take(0.0, 1.0) for _ in range(4)] == pytest.approx([1.0, 1.05, 1.1, 1.15])
    assert slots.take(0.0, 0.97) == pytest.approx(1.2)  # nearer than a slot to the first one
    assert slots.take(0.0, 0.95) == pytest.approx(0.95)
    assert slots.take(0.0, 1.12) == pytest.approx(1.25)


def test_who_finds_all_full_shares() -> None:
    slots = Slots()
    moments = [slots.take(0.0, 5.0) for _ in range(5000)]
    own, shared = sorted(moments[:200]), moments[200:]
    assert all(later - earlier >= SLOT_SECONDS - 1e-9 for earlier, later in itertools.pairwise(own))
    assert all(5.0 <= moment < 5.0 + SPREAD_SECONDS for moment in moments)
    seconds = Counter(int(moment) for moment in shared)
    assert all(470 <= seconds[second] <= 490 for second in range(5, 15)), seconds


def test_who_must_not_be_late_comes_before_where_after_is_full() -> None:
    slots = Slots()
    assert [slots.take(0.0, 9.9, latest=10.01) for _ in range(5)] == pytest.approx([9.9, 9.95, 10.0, 9.85, 9.8])
    assert slots.take(0.0, 9.9) == pytest.approx(10.05)
    crowd = [slots.take(0.0, 9.9, latest=10.0) for _ in range(1000)]
    assert all(0 <= moment <= 10.0 for moment in crowd)
    own = sorted(crowd[:195])
    assert all(later - earlier >= SLOT_SECONDS - 1e-9 for earlier, later in itertools.pairwise(own))


def test_what_is_past_is_forgotten() -> None:
    slots = Slots()
    for now in range(10_000):
        assert slots.take(now, now + 0.5) == now + 0.5
    assert len(slots._taken) <= 2


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 20)), max_size=150))
def test_no_two_of_up_to_150_are_within_a_slot(asked: list[tuple[float, float]]) -> None:
    slots, now, moments = Slots(), 0.0, list[float]()
    for passed, delay in asked:
        now += passed
        moment = slots.take(now, now + delay)
        assert now + delay <= moment <= now + delay + SPREAD_SECONDS
        moments.append(moment)
    moments.sort()
    assert all(later - earlier >= SLOT_SECONDS - 1e-9 for earlier, later in itertools.pairwise(moments))
