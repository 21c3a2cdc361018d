import math
from itertools import product

import pytest
from msgspec.structs import replace

from bots.call_agent.phases import ACCEPTED, MOVES, CallLimits, CallMachine, CallOutcome, Happening, IllegalMove, Phase

LIMITS = CallLimits(ring_seconds=10, max_seconds=100, idle_seconds=30, offer_seconds=20, wrap_up_seconds=5)
BEGINNINGS = (CallMachine.incoming(0, LIMITS), CallMachine.outgoing(0, LIMITS))
LENGTH = 8
ENDING = (Phase.CLOSING, Phase.OVER)
PACES = [(0.0, 31.0), pytest.param((0.0, 7.0, 31.0), marks=pytest.mark.slow)]
"""Seconds that pass before something happens: none, some, and more than most deadlines."""


def step(machine: CallMachine, happening: Happening, now: float) -> CallMachine:
    """What a driver does: time passes, then it happens, unless it is refused: then nothing has changed."""
    machine = machine.expire(now)
    if happening in MOVES[machine.phase]:
        return machine.after(happening, now)
    with pytest.raises(IllegalMove) as refused:
        machine.after(happening, now)
    assert (refused.value.phase, refused.value.happening) == (machine.phase, happening)
    return machine


def check(machine: CallMachine, now: float) -> None:
    """It is over, or left to itself it will be in time, with an outcome."""
    if not machine.over:
        assert now < machine.deadline < math.inf
    ended = machine.expire(now + 1000)
    assert ended.over
    assert ended.outcome is not None
    unanswered = LIMITS.ring_seconds + LIMITS.max_seconds + LIMITS.wrap_up_seconds
    assert ended.since <= (machine.began + unanswered if machine.phase is not Phase.OVER else now)


def moved_to_zero(machine: CallMachine, now: float) -> CallMachine:
    """The call as it would be if now were 0; began is kept apart, since only ``check`` looks at it."""
    answered = None if machine.answered is None else machine.answered - now
    return replace(
        machine, began=0 if answered is None else answered, since=machine.since - now, heard=machine.heard - now,
        answered=answered,
    )  # fmt: skip


@pytest.mark.row("F02")
@pytest.mark.row("F04")
@pytest.mark.parametrize("paces", PACES)
def test_all_orders_of_what_may_happen_lead_to_an_end(paces: tuple[float, ...]) -> None:
    """All happenings, at several paces, in all orders up to length 8. Orders that lead to the same call go on together,
    from the shortest on: a call is a value, and what follows depends on nothing else.
    """
    calls, known, phases = set(BEGINNINGS), set(BEGINNINGS), set[Phase]()
    for _ in range(LENGTH):
        following = set()
        for machine, happening, now in product(calls, Happening, paces):
            after = step(machine, happening, now)
            check(after, now)
            phases.add(after.phase)
            if not after.over:
                following.add(moved_to_zero(after, now))
        calls = following - known
        known |= calls
    assert phases == set(Phase)
    assert {machine.phase for machine in known} == set(Phase) - {Phase.OVER}
    assert len(known) > 50


@pytest.mark.row("F02")
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("happening", Happening)
def test_every_illegal_move_is_refused_by_name(phase: Phase, happening: Happening) -> None:
    answered = 1 if phase in ACCEPTED else None
    outcome: CallOutcome | None = "completed" if phase in ENDING else None
    machine = CallMachine(began=0, limits=LIMITS, phase=phase, answered=answered, outcome=outcome)
    assert machine.may(happening) is (happening in MOVES[phase])
    if machine.may(happening):
        assert machine.after(happening, 2).phase is MOVES[phase][happening]
    else:
        with pytest.raises(IllegalMove, match=f"{happening.value} is not possible in a call that is {phase.value}"):
            machine.after(happening, 2)


@pytest.mark.row("F02")
def test_only_what_is_over_is_terminal() -> None:
    assert [phase for phase in Phase if not MOVES[phase]] == [Phase.OVER]


def after_all(*happenings: Happening, began: float = 0) -> CallMachine:
    """An incoming call to which these happened, a second apart."""
    machine = CallMachine.incoming(began, LIMITS)
    for number, happening in enumerate(happenings, 1):
        machine = machine.after(happening, began + number)
    return machine


H = Happening


@pytest.mark.row("F04")
@pytest.mark.parametrize(
    ("happenings", "deadline", "outcome"),
    [
        ((), 10, "no_answer"),
        ((H.ANSWERED,), 31, "idle"),
        ((H.ANSWERED, H.ACTIVITY), 32, "idle"),
        ((H.ANSWERED, H.ENQUEUED), 101, "too_long"),
        ((H.ANSWERED, H.OFFERING), 22, "idle"),  # back to the talk, which is idle then
        ((H.ANSWERED, H.OFFERING, H.BRIEFING), 22, "idle"),  # ringing and briefing share their time
        ((H.ANSWERED, H.OFFERING, H.TAKEN), 101, "too_long"),
        ((H.ANSWERED, H.FINISHED), 7, "completed"),
    ],
)
def test_each_phase_has_its_deadline(happenings: tuple[Happening, ...], deadline: float, outcome: str) -> None:
    machine = after_all(*happenings)
    assert machine.deadline == deadline
    assert machine.expire(deadline - 0.1) == machine
    assert machine.expire(deadline).phase is not machine.phase
    assert machine.expire(1000).outcome == outcome


@pytest.mark.row("F04")
def test_activity_does_not_prolong_the_whole_call() -> None:
    machine = after_all(H.ANSWERED)
    for now in range(10, 101, 10):
        machine = machine.after(H.ACTIVITY, now)
    assert machine.deadline == 101
    assert machine.expire(101).outcome == "too_long"


@pytest.mark.parametrize(
    ("happenings", "outcome"),
    [
        ((H.HUNG_UP,), "withdrawn"),
        ((H.REFUSED,), "refused"),
        ((H.ANSWERED, H.HUNG_UP), "hung_up"),
        ((H.ANSWERED, H.ENQUEUED, H.HUNG_UP), "abandoned"),
        ((H.ANSWERED, H.OFFERING, H.HUNG_UP), "abandoned"),
        ((H.ANSWERED, H.OFFERING, H.TAKEN, H.HUNG_UP), "transferred"),
        ((H.ANSWERED, H.OFFERING, H.TAKEN, H.RELEASED, H.HUNG_UP), "hung_up"),
        ((H.ANSWERED, H.FAILED), "failed"),
        ((H.ANSWERED, H.STOPPED, H.CLOSED), "stopped"),
        ((H.ANSWERED, H.FINISHED, H.HUNG_UP), "completed"),
    ],
)
def test_how_it_ended_is_what_happened_first(happenings: tuple[Happening, ...], outcome: str) -> None:
    machine = after_all(*happenings)
    assert machine.over
    assert machine.outcome == outcome


def test_a_flow_may_say_how_it_ended() -> None:
    machine = after_all(H.ANSWERED).after(H.FINISHED, 2, "no_input")
    assert machine.after(H.CLOSED, 3).outcome == "no_input"
