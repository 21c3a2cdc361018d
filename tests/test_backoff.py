"""Delay schedules."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.backoff import Backoff


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
