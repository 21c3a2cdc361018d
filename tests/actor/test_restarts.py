"""The rules for restarts, without a supervisor."""

import pytest

from botkit.actor.child import Restart
from botkit.actor.exits import Exit
from botkit.actor.restarts import RestartBudget, RestartCount, Strategy, needs_restart, restart_group


@pytest.mark.parametrize(
    ("restart", "exit", "expected"),
    [
        (Restart.PERMANENT, Exit.RETURNED, True),
        (Restart.PERMANENT, Exit.RAISED, True),
        (Restart.TRANSIENT, Exit.RETURNED, False),
        (Restart.TRANSIENT, Exit.RAISED, True),
        (Restart.TEMPORARY, Exit.RETURNED, False),
        (Restart.TEMPORARY, Exit.RAISED, False),
    ],
)
def test_restart_types(restart: Restart, exit: Exit, expected: bool) -> None:
    assert needs_restart(restart, exit) is expected


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ["b"]),
        (Strategy.ONE_FOR_ALL, ["a", "b", "c"]),
        (Strategy.REST_FOR_ONE, ["b", "c"]),
    ],
)
def test_strategies(strategy: Strategy, expected: list[str]) -> None:
    assert restart_group(strategy, ["a", "b", "c"], "b") == expected


def test_budget_allows_exactly_so_many() -> None:
    count = RestartCount(RestartBudget(2, 10.0))
    assert [count.spend(time) for time in (0.0, 1.0, 10.0)] == [True, True, False]


def test_budget_forgets_after_its_period() -> None:
    count = RestartCount(RestartBudget(2, 10.0))
    assert [count.spend(time) for time in (0.0, 1.0, 10.001)] == [True, True, True]


def test_budget_of_none_refuses_the_first() -> None:
    assert not RestartCount(RestartBudget(0, 1.0)).spend(0.0)


@pytest.mark.parametrize(("restarts", "seconds"), [(-1, 1.0), (1, 0.0), (1, -1.0)])
def test_budget_refuses_nonsense(restarts: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="restart budget"):
        RestartBudget(restarts, seconds)
