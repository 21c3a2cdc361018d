"""Rates by a sliding window, against a model that keeps everything."""

import math

import hypothesis.strategies as st
from hypothesis import example, given

from botkit.gateway.limits import RateWindow

steps = st.lists(
    st.tuples(
        st.sampled_from(["allow", "would_allow", "take if allowed", "free_at", "limit"]),
        st.sampled_from([0.0, 0.001, 0.1, 0.25, 0.5, 1.0, 3.0]) | st.floats(0, 2),
        st.integers(0, 4),
    ),
    max_size=60,
)
starts = st.sampled_from([0.0, 1e5, 2.0**30]) | st.floats(0, 1e7)


@given(start=starts, limit=st.integers(0, 4), period=st.sampled_from([1.0, 0.1, 7.0]), steps=steps)
def test_never_more_than_the_limit_in_a_period(
    start: float, limit: int, period: float, steps: list[tuple[str, float, int]]
) -> None:
    window, now, taken = RateWindow(limit, period), start, list[float]()
    for action, pause, new_limit in steps:
        now += pause
        inside = [time for time in taken if time + period > now]
        expected = len(inside) < window.limit
        if action == "allow":
            assert window.allow(now) is expected
            taken += [now] if expected else []
        elif action == "take if allowed":
            if window.would_allow(now):
                window.take(now)
                taken.append(now)
        elif action == "limit":
            window.limit = new_limit
        elif action == "free_at":
            free = window.free_at(now)
            assert (free == now) is expected
            assert sum(time + period > free for time in taken) < window.limit or free == math.inf
        else:
            assert window.would_allow(now) is expected
        assert window.idle(now) is not any(time + period > now for time in taken)


@given(start=starts, pauses=st.lists(st.floats(0, 0.1), min_size=10, max_size=10))
@example(start=0.0, pauses=[0.0054656920976360115, *[0.0] * 9])
def test_there_is_room_at_the_moment_that_was_told_and_not_before(start: float, pauses: list[float]) -> None:
    """Whoever waits for it must not find the window full by a rounding error, and spin."""
    window, now = RateWindow(10), start
    for pause in pauses:
        now += pause
        assert window.allow(now)
    free = window.free_at(now)
    assert free > now
    assert not window.would_allow(math.nextafter(free, 0))
    assert window.allow(free)


def test_the_window_is_half_open() -> None:
    window = RateWindow(1)
    assert window.allow(5.0)
    assert not window.allow(5.999)
    assert window.allow(6.0)
    assert window.free_at(6.25) == 7.0
    assert not window.idle(6.999)
    assert window.idle(7.0)
    assert window.free_at(7.5) == 7.5


def test_a_lowered_limit_counts_what_was_taken_under_the_old_one() -> None:
    window = RateWindow(3)
    for now in (1.0, 1.25, 1.5):
        assert window.allow(now)
    window.limit = 1
    assert window.free_at(1.5) == 2.5
    assert not window.allow(2.25)
    assert window.allow(2.5)


def test_a_limit_of_zero_lets_nothing_through() -> None:
    window = RateWindow(0)
    assert not window.allow(1.0)
    assert window.free_at(1.0) == math.inf
    assert window.idle(1.0)
