"""When a loop is broken, and when not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.routing.loops import MAX_PAIRS, LoopBreaker, LoopLimits, Verdict

LIMITS = LoopLimits(turns=3, window_seconds=0.5, pause_seconds=60)
LISTEN, BREAK, PAUSE = Verdict


def turns(
    breaker: LoopBreaker, *, count: int, at: float, account: str = "bob", reaction: float = 0.01
) -> list[Verdict]:
    """What becomes of the messages of somebody who is answered at once each time, and reacts so fast."""
    verdicts = []
    for number in range(count):
        now = at + number * reaction
        verdicts.append(breaker.heard(account, now))
        if verdicts[-1] is LISTEN:
            breaker.answered(account, now)
    return verdicts


def test_the_last_turn_breaks_the_loop_and_the_pause_follows() -> None:
    breaker = LoopBreaker(LIMITS)
    assert turns(breaker, count=6, at=0) == [LISTEN, LISTEN, LISTEN, BREAK, PAUSE, PAUSE]
    assert breaker.heard("bob", 60.02) is PAUSE
    assert breaker.heard("ann", 1) is LISTEN


def test_after_the_pause_it_all_begins_anew() -> None:
    breaker = LoopBreaker(LIMITS)
    turns(breaker, count=4, at=0)
    assert breaker.heard("bob", 0.03 + 60) is LISTEN
    assert turns(breaker, count=5, at=100) == [LISTEN, LISTEN, LISTEN, BREAK, PAUSE]


@pytest.mark.parametrize(("reaction", "broken"), [(0.5, True), (0.500001, False), (0.0, True)])
def test_the_window(reaction: float, broken: bool) -> None:
    verdicts = turns(LoopBreaker(LoopLimits(turns=3, window_seconds=0.5)), count=20, at=0, reaction=reaction)
    assert (BREAK in verdicts) is broken


def test_one_late_answer_begins_the_count_anew() -> None:
    breaker = LoopBreaker(LIMITS)
    assert turns(breaker, count=3, at=0) == [LISTEN] * 3
    assert turns(breaker, count=4, at=5) == [LISTEN] * 3 + [BREAK]


def test_what_is_said_without_being_answered_is_no_turn() -> None:
    breaker = LoopBreaker(LIMITS)
    for number in range(100):
        assert breaker.heard("bob", number * 0.01) is LISTEN
    breaker.answered("bob", 1)
    assert [breaker.heard("bob", 1.01) for _ in range(100)] == [LISTEN] * 100


def test_bots_that_answer_twice_each_time() -> None:
    breaker, verdicts = LoopBreaker(LIMITS), []
    for number in range(4):
        verdicts += [breaker.heard("bob", number * 0.02), breaker.heard("bob", number * 0.02 + 0.01)]
        breaker.answered("bob", number * 0.02 + 0.01)
        breaker.answered("bob", number * 0.02 + 0.01)
    assert verdicts.index(BREAK) == 6


@given(st.integers(0, 2**32))
def test_people_who_chat_fast_are_listened_to(seed: int) -> None:
    """An hour of messages every second or so; a third of them come as fast as a bot's."""
    dice, breaker, now = random.Random(seed), LoopBreaker(LoopLimits()), 0.0
    for _ in range(2000):
        now += dice.uniform(0.1, 0.5) if dice.random() < 0.33 else dice.uniform(0.6, 3)
        assert breaker.heard("ann", now) is LISTEN
        breaker.answered("ann", now + 0.01)


def test_it_can_be_switched_off() -> None:
    breaker = LoopBreaker(LoopLimits(turns=0))
    assert turns(breaker, count=1000, at=0) == [LISTEN] * 1000
    assert len(breaker) == 0


def test_only_so_many_accounts_are_followed() -> None:
    breaker = LoopBreaker(LoopLimits(turns=1))
    for number in range(MAX_PAIRS + 10):
        breaker.answered(str(number), 0)
    assert len(breaker) == MAX_PAIRS
    assert breaker.heard("9", 0) is LISTEN
    assert breaker.heard("10", 0) is BREAK
    for number in range(11, MAX_PAIRS + 10):
        breaker.heard(str(number), 0)
    for number in range(20):
        breaker.answered(f"more {number}", 0)
        breaker.heard(f"more {number}", 0)
    assert len(breaker) == MAX_PAIRS


@pytest.mark.parametrize("wrong", [{"turns": -1}, {"window_seconds": 0}, {"pause_seconds": -1}])
def test_limits_that_cannot_be(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"loops: {name} is "):
        LoopLimits(**wrong)
