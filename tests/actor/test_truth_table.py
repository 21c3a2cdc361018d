"""OTP's truth table: strategies × restart types × ways to end, and what the supervisor then does, in virtual time.

Three children, ``a``, ``b`` and ``c``, start in this order, and something happens to ``b``. What is seen afterwards:

    +x  x starts        ?x  x tries to start, and fails        x.  x is gone for good
    -x  x is stopped    !x  x is stopped, and killed at its stop deadline

``a`` and ``c`` are permanent unless a table says otherwise.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.actor.child import Restart
from botkit.actor.restarts import RestartBudget, Strategy
from botkit.actor.supervisor import Supervisor
from botkit.backoff import Backoff
from botkit.errors import RestartBudgetSpent
from tests.actor.puppets import MANY, Puppet, supervised

AT_ONCE = Backoff(initial=0.001, maximum=0.001)

B_ENDS = """
strategy     restart    b                       seen

one_for_one  permanent  returns                 +b
one_for_one  permanent  raises                  +b
one_for_one  permanent  calls sys.exit          +b
one_for_one  permanent  raises, fails to start  ?b +b
one_for_one  permanent  raises, ends early      ?b +b
one_for_one  permanent  raises, others linger   +b
one_for_one  transient  returns                 b.
one_for_one  transient  raises                  +b
one_for_one  transient  calls sys.exit          +b
one_for_one  transient  raises, fails to start  ?b +b
one_for_one  transient  raises, ends early      ?b b.
one_for_one  transient  raises, others linger   +b
one_for_one  temporary  returns                 b.
one_for_one  temporary  raises                  b.
one_for_one  temporary  calls sys.exit          b.
one_for_one  temporary  raises, fails to start  b.
one_for_one  temporary  raises, ends early      b.
one_for_one  temporary  raises, others linger   b.

one_for_all  permanent  returns                 -c -a +a +b +c
one_for_all  permanent  raises                  -c -a +a +b +c
one_for_all  permanent  calls sys.exit          -c -a +a +b +c
one_for_all  permanent  raises, fails to start  -c -a +a ?b -a +a +b +c
one_for_all  permanent  raises, ends early      -c -a +a ?b -a +a +b +c
one_for_all  permanent  raises, others linger   !c !a +a +b +c
one_for_all  transient  returns                 b.
one_for_all  transient  raises                  -c -a +a +b +c
one_for_all  transient  calls sys.exit          -c -a +a +b +c
one_for_all  transient  raises, fails to start  -c -a +a ?b -a +a +b +c
one_for_all  transient  raises, ends early      -c -a +a ?b b. +c
one_for_all  transient  raises, others linger   !c !a +a +b +c
one_for_all  temporary  returns                 b.
one_for_all  temporary  raises                  b.
one_for_all  temporary  calls sys.exit          b.
one_for_all  temporary  raises, fails to start  b.
one_for_all  temporary  raises, ends early      b.
one_for_all  temporary  raises, others linger   b.

rest_for_one permanent  returns                 -c +b +c
rest_for_one permanent  raises                  -c +b +c
rest_for_one permanent  calls sys.exit          -c +b +c
rest_for_one permanent  raises, fails to start  -c ?b +b +c
rest_for_one permanent  raises, ends early      -c ?b +b +c
rest_for_one permanent  raises, others linger   !c +b +c
rest_for_one transient  returns                 b.
rest_for_one transient  raises                  -c +b +c
rest_for_one transient  calls sys.exit          -c +b +c
rest_for_one transient  raises, fails to start  -c ?b +b +c
rest_for_one transient  raises, ends early      -c ?b b. +c
rest_for_one transient  raises, others linger   !c +b +c
rest_for_one temporary  returns                 b.
rest_for_one temporary  raises                  b.
rest_for_one temporary  calls sys.exit          b.
rest_for_one temporary  raises, fails to start  b.
rest_for_one temporary  raises, ends early      b.
rest_for_one temporary  raises, others linger   b.
"""
"""``b`` ends by itself."""

B_IS_TAKEN_ALONG = """
strategy     restart    b                       seen

one_for_one  permanent  runs                    +a
one_for_one  permanent  lingers                 +a
one_for_one  permanent  had returned            +a
one_for_one  transient  runs                    +a
one_for_one  transient  lingers                 +a
one_for_one  transient  had returned            +a
one_for_one  temporary  runs                    +a
one_for_one  temporary  lingers                 +a
one_for_one  temporary  had returned            +a

one_for_all  permanent  runs                    -c -b +a +b +c
one_for_all  permanent  lingers                 -c !b +a +b +c
one_for_all  permanent  had returned            -c -b +a +b +c
one_for_all  transient  runs                    -c -b +a +b +c
one_for_all  transient  lingers                 -c !b +a +b +c
one_for_all  transient  had returned            -c +a +b +c
one_for_all  temporary  runs                    -c -b b. +a +c
one_for_all  temporary  lingers                 -c !b b. +a +c
one_for_all  temporary  had returned            -c +a +c

rest_for_one permanent  runs                    -c -b +a +b +c
rest_for_one permanent  lingers                 -c !b +a +b +c
rest_for_one permanent  had returned            -c -b +a +b +c
rest_for_one transient  runs                    -c -b +a +b +c
rest_for_one transient  lingers                 -c !b +a +b +c
rest_for_one transient  had returned            -c +a +b +c
rest_for_one temporary  runs                    -c -b b. +a +c
rest_for_one temporary  lingers                 -c !b b. +a +c
rest_for_one temporary  had returned            -c +a +c
"""
"""``a`` raises; what becomes of ``b``? As in OTP, a transient child that had ended normally comes up with its group."""

B_BEGINS = """
strategy     restart    b                       seen

one_for_one  permanent  fails to start          +a ?b -a a. b. c. raises
one_for_one  permanent  ends early              +a ?b +c +b
one_for_one  transient  fails to start          +a ?b -a a. b. c. raises
one_for_one  transient  ends early              +a ?b +c b.
one_for_one  temporary  fails to start          +a ?b -a a. b. c. raises
one_for_one  temporary  ends early              +a ?b +c b.

one_for_all  permanent  fails to start          +a ?b -a a. b. c. raises
one_for_all  permanent  ends early              +a ?b +c -c -a +a +b +c
one_for_all  transient  fails to start          +a ?b -a a. b. c. raises
one_for_all  transient  ends early              +a ?b +c b.
one_for_all  temporary  fails to start          +a ?b -a a. b. c. raises
one_for_all  temporary  ends early              +a ?b +c b.

rest_for_one permanent  fails to start          +a ?b -a a. b. c. raises
rest_for_one permanent  ends early              +a ?b +c -c +b +c
rest_for_one transient  fails to start          +a ?b -a a. b. c. raises
rest_for_one transient  ends early              +a ?b +c b.
rest_for_one temporary  fails to start          +a ?b -a a. b. c. raises
rest_for_one temporary  ends early              +a ?b +c b.
"""
"""The first start of all: ``b`` raises, or returns, before it is ready."""

NESTED = """
strategy     restart    b                       seen

one_for_one  permanent  its budget is spent     -y x. y. +x +y
one_for_one  transient  its budget is spent     -y x. y. +x +y
one_for_one  temporary  its budget is spent     -y x. y.
one_for_all  permanent  its budget is spent     -y x. y. -c -a +a +x +y +c
one_for_all  transient  its budget is spent     -y x. y. -c -a +a +x +y +c
one_for_all  temporary  its budget is spent     -y x. y.
rest_for_one permanent  its budget is spent     -y x. y. -c +x +y +c
rest_for_one transient  its budget is spent     -y x. y. -c +x +y +c
rest_for_one temporary  its budget is spent     -y x. y.

one_for_one  permanent  all its children ended  x. y. +x +y
one_for_one  transient  all its children ended  x. y.
one_for_one  temporary  all its children ended  x. y.
one_for_all  permanent  all its children ended  x. y. -c -a +a +x +y +c
one_for_all  transient  all its children ended  x. y.
one_for_all  temporary  all its children ended  x. y.
rest_for_one permanent  all its children ended  x. y. -c +x +y +c
rest_for_one transient  all its children ended  x. y.
rest_for_one temporary  all its children ended  x. y.
"""
"""``b`` is a supervisor of transient ``x`` and ``y``, with a budget of no restart: it escalates to its own."""

BUDGETS = """
restarts     seconds    raises at               gives up at

0            10         3                       3
1            10         3                       never
1            10         3 13                    13
1            10         3 13.5                  never
2            10         1 5 9 12                9
2            10         1 6 12 17 23            never
3            10         1 2 9                   never
3            10         1 2 9 11                11
3            10         1 2 9 11.5              never
"""
"""At most so many restarts (OTP's intensity) within so many seconds (its period), the last instant of it included."""

COLUMNS = (13, 11, 24)


def rows(table: str) -> list[tuple[str, ...]]:
    """The cells of a table, without its heading."""
    return [tuple(cells(line)) for line in table.splitlines()[2:] if line]


def cells(line: str) -> Iterator[str]:
    for width in COLUMNS:
        yield line[:width].strip()
        line = line[width:]
    yield line.strip()


def parametrized(table: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("strategy", "restart", "what", "expected"), rows(table))


SIGNS = {"up": "+{}", "tries": "?{}", "down": "-{}", "cut": "!{}", "gone": "{}.", "raises": "raises"}


def seen(log: Sequence[str]) -> str:
    """The puppets' log in the signs of the tables."""
    words = (line.rpartition(" ") for line in log)
    return " ".join(SIGNS[what].format(name) for name, _, what in words)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.mark.row("A03", "A04")
@parametrized(B_ENDS)
async def test_a_child_ends(autojump_clock: MockClock, strategy: str, restart: str, what: str, expected: str) -> None:
    log: list[str] = []
    a, b, c = Puppet("a", log), Puppet("b", log, Restart(restart)), Puppet("c", log)
    how, _, then = what.partition(", ")
    async with supervised([a, b, c], Strategy(strategy)):
        log.clear()
        if then == "others linger":
            a.clean_up_seconds = c.clean_up_seconds = 1000
        elif then:
            b.start_errors = [RuntimeError("not yet") if then == "fails to start" else None]
        b.end({"returns": "return", "raises": "raise", "calls sys.exit": "exit"}[how])
        await trio.sleep(60)
        assert seen(log) == expected


@pytest.mark.row("A03", "A04")
@parametrized(B_IS_TAKEN_ALONG)
async def test_a_sibling_ends(autojump_clock: MockClock, strategy: str, restart: str, what: str, expected: str) -> None:
    log: list[str] = []
    a, b, c = Puppet("a", log), Puppet("b", log, Restart(restart)), Puppet("c", log)
    async with supervised([a, b, c], Strategy(strategy)):
        if what == "had returned":
            b.end("return")
            await trio.sleep(60)
        elif what == "lingers":
            b.clean_up_seconds = 1000
        log.clear()
        a.end("raise")
        await trio.sleep(60)
        assert seen(log) == expected


@pytest.mark.row("A03", "A04")
@parametrized(B_BEGINS)
async def test_a_first_start(autojump_clock: MockClock, strategy: str, restart: str, what: str, expected: str) -> None:
    log: list[str] = []
    a, b, c = Puppet("a", log), Puppet("b", log, Restart(restart)), Puppet("c", log)
    b.start_errors = [RuntimeError("no") if what == "fails to start" else None]
    supervisor = Supervisor("top", [one.spec for one in (a, b, c)], strategy=Strategy(strategy), budget=MANY)
    async with trio.open_nursery() as nursery:
        try:
            await nursery.start(supervisor.run)
        except RuntimeError:
            log.append("raises")
        await trio.sleep(60)
        assert seen(log) == expected
        nursery.cancel_scope.cancel()


@pytest.mark.row("A03")
@parametrized(NESTED)
async def test_a_nest(autojump_clock: MockClock, strategy: str, restart: str, what: str, expected: str) -> None:
    log: list[str] = []
    a, c = Puppet("a", log), Puppet("c", log)
    x, y = Puppet("x", log, Restart.TRANSIENT), Puppet("y", log, Restart.TRANSIENT)
    inner = Supervisor("b", [x.spec, y.spec], budget=RestartBudget(0, 60.0))
    outer = Supervisor(
        "top", [a.spec, inner.as_child(Restart(restart)), c.spec], strategy=Strategy(strategy), budget=MANY
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(outer.run)
        log.clear()
        if what == "its budget is spent":
            x.end("raise")
        else:
            x.end("return")
            await wait_all_tasks_blocked()
            y.end("return")
        await trio.sleep(60)
        assert seen(log) == expected
        nursery.cancel_scope.cancel()


@pytest.mark.row("A03")
@pytest.mark.parametrize(("restarts", "seconds", "times", "expected"), rows(BUDGETS))
async def test_a_budget(autojump_clock: MockClock, restarts: str, seconds: str, times: str, expected: str) -> None:
    puppet = Puppet("a", [])
    supervisor = Supervisor("top", [puppet.spec], budget=RestartBudget(int(restarts), float(seconds)), backoff=AT_ONCE)
    ends: list[float] = []

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        try:
            await supervisor.run(task_status=task_status)
        except RestartBudgetSpent:
            ends.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        for time in times.split():
            await trio.sleep_until(float(time))
            puppet.end("raise")
        await trio.sleep(60)
        assert ends == ([] if expected == "never" else [float(expected)])
        nursery.cancel_scope.cancel()


WAYS = {
    "B_ENDS": {
        "returns",
        "raises",
        "calls sys.exit",
        "raises, fails to start",
        "raises, ends early",
        "raises, others linger",
    },
    "B_IS_TAKEN_ALONG": {"runs", "lingers", "had returned"},
    "B_BEGINS": {"fails to start", "ends early"},
    "NESTED": {"its budget is spent", "all its children ended"},
}


@pytest.mark.parametrize("name", WAYS)
def test_the_tables_are_whole(name: str) -> None:
    every = product((one.value for one in Strategy), (one.value for one in Restart), WAYS[name])
    assert sorted(row[:3] for row in rows(globals()[name])) == sorted(every)
