import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.moderation.flood import FloodMeter


@pytest.mark.row("D01")
def test_the_message_after_the_last_allowed_one_is_a_flood() -> None:
    meter = FloodMeter(3, 10)
    assert [meter.count("ann", now) for now in (0, 1, 2)] == [None, None, None]
    assert meter.count("ann", 3) == 3


@pytest.mark.row("D01")
def test_a_message_leaves_the_window_after_exactly_its_length() -> None:
    meter = FloodMeter(1, 10)
    assert meter.count("ann", 0) is None
    assert meter.count("ann", 10) is None
    assert meter.count("ann", 19.999) == pytest.approx(9.999)


def test_accounts_are_counted_apart() -> None:
    meter = FloodMeter(1, 10)
    assert meter.count("ann", 0) is None
    assert meter.count("bob", 0) is None
    assert meter.count("bob", 1) == 1
    assert meter.count("ann", 1) == 1


def test_after_a_verdict_the_count_starts_afresh() -> None:
    meter = FloodMeter(2, 10)
    verdicts = [meter.count("ann", now / 10) is not None for now in range(9)]
    assert verdicts == [False, False, True] * 3


def test_past_its_bound_the_meter_forgets_who_was_silent_longest() -> None:
    meter = FloodMeter(1, 1000, max_accounts=2)
    for now, account in enumerate(["ann", "bob", "eve"]):
        assert meter.count(account, now) is None
    assert meter.count("bob", 3) == 2
    assert meter.count("ann", 4) is None


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 5), st.floats(0.5, 10))
def test_agrees_with_counting_all_messages_since_the_last_verdict(gaps: list[float], most: int, seconds: float) -> None:
    meter = FloodMeter(most, seconds)
    now, since = 0.0, list[float]()
    for gap in gaps:
        now += gap
        since.append(now)
        recent = [time for time in since if time > now - seconds]
        took = meter.count("ann", now)
        assert (took is not None) == (len(recent) > most)
        if took is not None:
            assert took == now - recent[0]
            since.clear()
