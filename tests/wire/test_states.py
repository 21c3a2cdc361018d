"""The state table of a call, move by move, and what holds for every order of moves."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.wire.states import CALL_MOVES, CALLEE_ACTIONS, CallAction, CallState, LoginStatus, next_call_state

A, S = CallAction, CallState
LEGAL = {
    (S.INVITED, A.ACKNOWLEDGE): S.RINGING,
    (S.INVITED, A.ACCEPT): S.CONNECTED,
    (S.INVITED, A.REFUSE): S.REFUSED,
    (S.INVITED, A.END): S.ENDED,
    (S.INVITED, A.FAIL): S.FAILED,
    (S.INVITED, A.MESSAGE): S.INVITED,
    (S.RINGING, A.ACCEPT): S.CONNECTED,
    (S.RINGING, A.REFUSE): S.REFUSED,
    (S.RINGING, A.END): S.ENDED,
    (S.RINGING, A.FAIL): S.FAILED,
    (S.RINGING, A.MESSAGE): S.RINGING,
    (S.CONNECTED, A.END): S.ENDED,
    (S.CONNECTED, A.MESSAGE): S.CONNECTED,
}


@pytest.mark.parametrize(("state", "action"), list(itertools.product(CallState, CallAction)))
def test_every_move(state: CallState, action: CallAction) -> None:
    assert next_call_state(state, action) is LEGAL.get((state, action))


def test_terminal_means_that_nothing_can_happen() -> None:
    assert {state for state in CallState if state.terminal} == {S.REFUSED, S.FAILED, S.ENDED}
    assert all(bool(CALL_MOVES[state]) is not state.terminal for state in CallState)


@given(st.lists(st.sampled_from(CallAction)))
def test_whatever_happens_in_whatever_order(actions: list[CallAction]) -> None:
    state, outcomes, rang, accepted = S.INVITED, 0, 0, 0
    for action in actions:
        after = next_call_state(state, action)
        if after is None:
            continue
        assert not state.terminal
        rang += action is A.ACKNOWLEDGE
        accepted += action is A.ACCEPT
        outcomes += after.terminal
        state = after
    assert outcomes <= 1, "a call ends once"
    assert rang <= 1, "the peer rings at most once"
    assert accepted <= 1, "a call is accepted at most once"
    assert not (accepted and state in {S.REFUSED, S.FAILED}), "an accepted call can only end"


def test_actions_have_the_names_of_the_wire() -> None:
    assert {action.value.removeprefix("voip_invite_") for action in CallAction} == {
        "ack",
        "accept",
        "refuse",
        "bye",
        "msg",
        "failed",
    }
    assert {action.name for action in CALLEE_ACTIONS} == {"ACKNOWLEDGE", "ACCEPT", "REFUSE"}


@pytest.mark.row("M08", "0.6")
def test_the_vendors_numbers_of_a_login() -> None:
    assert [(int(status), status.name) for status in LoginStatus] == [
        (0, "LOGGED_OUT"),
        (1, "CONNECTING"),
        (2, "LOGGED_IN"),
        (3, "LOGIN_FAILED"),
        (4, "INITIAL"),
    ]
