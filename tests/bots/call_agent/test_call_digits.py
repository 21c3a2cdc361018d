"""Collecting digits. The first tests are named after bugs that others had with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.call_agent.digits import DIGITS, Collected, Collector, Gathering, GatherSpec

FOUR = GatherSpec(min_digits=4, max_digits=4, first_seconds=10, next_seconds=3)
FINISHED = replace(FOUR, min_digits=2, max_digits=6, finish="#")
ONE_OR_TWENTY = replace(FOUR, min_digits=1, max_digits=2, answers=("1", "20"))
TWO_OR_TWENTY = replace(FOUR, min_digits=1, max_digits=2, answers=("2", "20"))
NO_BARGING = replace(FOUR, prompt_seconds=5, barge_in=False)


def collect(spec: GatherSpec, *presses: tuple[float, str], until: float = 1000) -> Collected:
    """What one attempt comes to when these digits are pressed at these times."""
    collector = Collector(spec, 0)
    for at, digit in presses:
        collector.press(digit, at)
    collector.expire(until)
    assert collector.done is not None
    return collector.done


@pytest.mark.row("F05")
def test_partial_digits_at_the_timeout_are_kept() -> None:
    assert collect(FOUR, (1, "1"), (2, "2")) == Collected("12", "short")


@pytest.mark.row("F05")
def test_while_somebody_presses_only_the_time_between_digits_counts() -> None:
    """The tenth second passes in the middle: the time for the first digit is no limit of the whole."""
    assert collect(FOUR, (9, "1"), (11.5, "2"), (14, "3"), (16.5, "4")) == Collected("1234", "complete")


@pytest.mark.row("F05")
def test_the_time_for_the_first_digit_does_not_go_on_after_it() -> None:
    collector = Collector(FOUR, 0)
    collector.press("1", 1)
    assert collector.deadline == 4
    collector.expire(4)
    assert collector.done == Collected("1", "short")


@pytest.mark.row("F05")
def test_the_time_between_digits_is_counted_from_the_last_one() -> None:
    collector = Collector(FOUR, 0)
    collector.press("1", 9.9)
    assert collector.deadline == pytest.approx(12.9)


@pytest.mark.row("F05")
@pytest.mark.parametrize(
    ("spec", "presses", "result"),
    [
        (FOUR, [], Collected("", "silence")),
        (FOUR, [(9.9, "1"), (10, "2"), (10, "3"), (10, "4")], Collected("1234", "complete")),
        (FOUR, [(10, "1")], Collected("", "silence")),
        (FOUR, [(1, "1"), (4, "2")], Collected("1", "short")),
        (FOUR, [(1, "1"), (3.9, "2"), (6.8, "3"), (9.7, "4"), (9.8, "5")], Collected("1234", "complete")),
        (replace(FOUR, min_digits=2, max_digits=6), [(1, "1"), (2, "2")], Collected("12", "complete")),
        (FINISHED, [(1, "1"), (2, "2"), (3, "#")], Collected("12", "complete")),
        (FINISHED, [(1, "1"), (2, "#")], Collected("1", "short")),
        (FINISHED, [(1, "#")], Collected("", "silence")),
        (replace(FOUR, min_digits=0, max_digits=6, finish="#"), [(1, "#")], Collected("", "complete")),
        (replace(FOUR, min_digits=1, max_digits=2, finish="#"), [(1, "1"), (2, "*")], Collected("1*", "complete")),
        (replace(FOUR, min_digits=1, max_digits=1, answers=("1", "2")), [(1, "3")], Collected("3", "invalid")),
        (ONE_OR_TWENTY, [(1, "1")], Collected("1", "complete")),
        (TWO_OR_TWENTY, [(1, "2"), (2, "0")], Collected("20", "complete")),
        (TWO_OR_TWENTY, [(1, "2")], Collected("2", "complete")),
        (replace(FOUR, prompt_seconds=5), [(1, "1"), (2, "2"), (3, "3"), (4, "4")], Collected("1234", "complete")),
        (replace(FOUR, prompt_seconds=5), [(14.9, "1")], Collected("1", "short")),
        (NO_BARGING, [(4.9, "9"), (5, "1")], Collected("1", "short")),
        (NO_BARGING, [(1, "1"), (2, "2"), (3, "3"), (4, "4")], Collected("", "silence")),
    ],
)  # fmt: skip
def test_what_comes_of_an_attempt(spec: GatherSpec, presses: list[tuple[float, str]], result: Collected) -> None:
    assert collect(spec, *presses) == result


@pytest.mark.row("F05")
def test_a_digit_into_the_prompt_ends_it() -> None:
    collector = Collector(replace(FOUR, prompt_seconds=60), 0)
    assert collector.deadline == 70
    assert collector.press("1", 2)
    assert collector.deadline == 5


@pytest.mark.row("F05")
def test_retries_ask_again_and_then_give_up_with_the_last_digits() -> None:
    spec = replace(FOUR, prompt="Your number?", on_silence="Hello?", on_invalid="Too few.", retries=2)
    gathering = Gathering(spec, 0)
    assert gathering.take_words() == ["Your number?"]
    assert gathering.take_words() == []
    gathering.expire(10)
    assert gathering.take_words() == ["Hello?", "Your number?"]
    gathering.press("1", 12)
    gathering.expire(15)
    assert gathering.take_words() == ["Too few.", "Your number?"]
    gathering.press("1", 16)
    gathering.press("2", 17)
    gathering.expire(20)
    assert gathering.take_words() == ["Too few."]
    assert gathering.done == Collected("12", "short")
    assert not gathering.press("3", 21)
    assert gathering.attempts == 3


@pytest.mark.row("F05")
def test_a_good_answer_at_the_last_attempt_is_one() -> None:
    gathering = Gathering(replace(FOUR, retries=1), 0)
    gathering.expire(10)
    for at, digit in enumerate("1234", 11):
        gathering.press(digit, at)
    assert gathering.done == Collected("1234", "complete")


def test_timers_begin_when_the_words_are_said() -> None:
    gathering = Gathering(FOUR, 0)
    gathering.restart(100)
    assert gathering.deadline == 110


@pytest.mark.row("F05")
@given(
    st.integers(0, 3),
    st.integers(0, 4),
    st.sampled_from(["", "#"]),
    st.integers(0, 2),
    st.lists(st.tuples(st.floats(0, 20), st.sampled_from(DIGITS)), max_size=15),
)
def test_it_always_ends_in_time_and_loses_no_digit(
    least: int, more: int, finish: str, retries: int, presses: list[tuple[float, str]]
) -> None:
    spec = replace(FOUR, min_digits=least, max_digits=max(1, least + more), finish=finish, retries=retries, answers=())
    gathering, now, counted = Gathering(spec, 0), 0.0, ""
    for pause, digit in presses:
        now += pause
        before = gathering.attempts
        taken = gathering.press(digit, now)
        if gathering.attempts != before:
            counted = ""
        if taken and digit != finish and gathering.attempts == before:
            counted += digit
    while gathering.done is None:
        assert now <= gathering.deadline <= now + spec.first_seconds
        now = gathering.deadline
        before = gathering.attempts
        gathering.expire(now)
        if gathering.attempts != before:
            counted = ""
    assert gathering.attempts <= retries + 1
    assert len(gathering.done.digits) <= spec.max_digits
    assert finish not in gathering.done.digits or not finish
