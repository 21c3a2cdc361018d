"""From lines to what the sessions do."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.cli.replay.accounts import AccountNames
from botkit.cli.replay.plan import Action, Join, Leave, LogOut, Plan, Send, make_plan
from botkit.irc_log import read_log
from botkit.types import Account

ANN, BOB = Account("ann"), Account("bob")
JOINED = "=== {} [n=x@host]  has joined #den"
LEFT = '=== {} [n=x@host]  has left #den ["bye"]'
QUIT = "=== {} [n=x@host]  has quit [bye]"
SAID = "[09:00] <{}> hi"


def plan(*lines: str) -> Plan:
    return make_plan(list(read_log(io.BytesIO("\n".join(lines).encode()))), AccountNames(reserved=[]))


def actions(*lines: str) -> list[Action]:
    return [action for step in plan(*lines).steps for action in step.actions]


def test_who_speaks_first_was_there_before() -> None:
    made = plan(SAID.format("ann"), JOINED.format("bob"), SAID.format("bob"))
    assert made.cast == (ANN,)
    assert [step.actions for step in made.steps] == [(Send(ANN, "hi"),), (Join(BOB),), (Send(BOB, "hi"),)]
    assert made.accounts == {ANN, BOB}


def test_an_action_is_told_in_the_third_person() -> None:
    assert actions("[09:00]  * ann waves") == [Send(ANN, "* ann waves")]


def test_leaving_keeps_the_session_and_quitting_ends_it() -> None:
    assert actions(JOINED.format("ann"), LEFT.format("ann"), JOINED.format("ann"), QUIT.format("ann")) == [
        Join(ANN),
        Leave(ANN),
        Join(ANN),
        LogOut(ANN),
    ]


def test_a_new_name_is_another_session() -> None:
    assert actions(JOINED.format("ann"), "=== ann is now known as bob", SAID.format("bob")) == [
        Join(ANN),
        LogOut(ANN),
        Join(BOB),
        Send(BOB, "hi"),
    ]


def test_a_new_name_of_who_was_there_before() -> None:
    made = plan("=== ann is now known as bob")
    assert made.cast == (ANN,)
    assert made.steps[0].actions == (LogOut(ANN), Join(BOB))


def test_a_name_that_is_taken_or_the_same() -> None:
    assert actions(JOINED.format("ann"), JOINED.format("bob"), "=== ann is now known as bob") == [
        Join(ANN),
        Join(BOB),
        LogOut(ANN),
    ]
    assert actions(JOINED.format("ann"), "=== ann is now known as ann") == [Join(ANN)]


def test_what_the_log_does_not_say_follows_from_what_it_does() -> None:
    assert actions(JOINED.format("ann"), JOINED.format("ann")) == [Join(ANN), LogOut(ANN), Join(ANN)]
    assert actions(JOINED.format("ann"), QUIT.format("ann"), SAID.format("ann")) == [
        Join(ANN),
        LogOut(ANN),
        Join(ANN),
        Send(ANN, "hi"),
    ]


def test_lines_of_one_minute_are_spread_over_it() -> None:
    made = plan("[09:00] <ann> a", "=== mode/#den [+o ann]  by bob", "[09:00] <ann> b", "[09:02] <ann> c", "what?")
    assert [(step.line, step.offset) for step in made.steps] == [(1, 0), (3, 40), (4, 120)]
    assert made.kinds == {"Said": 3, "ModeChanged": 1, "Unknown": 1}
    assert [line.number for line in made.unknown] == [5]
    assert made.lines == 5


MOVES = [JOINED, LEFT, QUIT, SAID, "[09:00]  * {} waves", "=== {} is now known as ann", "=== {} is now known as cid"]


@given(st.lists(st.tuples(st.sampled_from(MOVES), st.sampled_from(["ann", "bob", "cid"]))))
def test_whatever_the_log_says_the_sessions_can_do_it(moves: list[tuple[str, str]]) -> None:
    made = plan(*(move.format(nick) for move, nick in moves))
    logged_in, there = set(made.cast), set(made.cast)
    for step in made.steps:
        for action in step.actions:
            match action:
                case Join(account=account):
                    assert account not in there
                    logged_in.add(account)
                    there.add(account)
                case Leave(account=account):
                    there.remove(account)
                case LogOut(account=account):
                    logged_in.remove(account)
                    there.discard(account)
                case Send(account=account):
                    assert account in there
    assert [step.offset for step in made.steps] == sorted(step.offset for step in made.steps)


@pytest.mark.parametrize("lines", [[], [""]])
def test_an_empty_log_is_an_empty_plan(lines: list[str]) -> None:
    made = plan(*lines)
    assert (made.lines, made.steps, made.accounts) == (0, (), frozenset())
