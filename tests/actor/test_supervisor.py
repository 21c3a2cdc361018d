"""Supervision follows OTP's rules: a truth table, order, budget, deadlines, and nests."""

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.actor.child import ChildSpec, Lifetime, Restart, task_child
from botkit.actor.restarts import Exit, RestartBudget, Strategy
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.backoff import Backoff
from botkit.errors import RestartBudgetSpent

ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE
PERMANENT, TRANSIENT, TEMPORARY = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY


class Puppet:
    """A child that does what it is told, and writes down when it starts and stops."""

    def __init__(self, name: str, log: list[str], restart: Restart = PERMANENT, stop_seconds: float = 5.0) -> None:
        self.name, self.log = name, log
        self.orders = trio.Event()
        self.order = ""
        self.start_error: Exception | None = None
        self.clean_up_seconds = 0.0
        self.spec = ChildSpec(
            name=name,
            run=self.run,
            restart=restart,
            stop_seconds=stop_seconds,
            on_gone=lambda: log.append(f"{name} gone"),
        )

    async def run(self, lifetime: Lifetime) -> None:
        if self.start_error is not None:
            raise self.start_error
        self.log.append(f"{self.name} up")
        lifetime.started()
        try:
            with lifetime.work:
                await self.orders.wait()
                self.orders = trio.Event()
                if self.order == "raise":
                    raise RuntimeError(self.name)
                return
            await trio.sleep(self.clean_up_seconds)
            self.log.append(f"{self.name} down")
        except trio.Cancelled:
            self.log.append(f"{self.name} cut")
            raise

    def end(self, order: str) -> None:
        self.order = order
        self.orders.set()


@asynccontextmanager
async def supervised(
    puppets: Sequence[Puppet],
    strategy: Strategy = ONE,
    budget: RestartBudget = RestartBudget(100, 60.0),  # noqa: B008
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor("top", [puppet.spec for puppet in puppets], strategy=strategy, budget=budget)
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        yield supervisor
        nursery.cancel_scope.cancel()


# Three children; the one in the middle ends. What is stopped (in this order), then what comes up again.
TRUTH = [
    (ONE, PERMANENT, "return", [], ["b"]),
    (ONE, PERMANENT, "raise", [], ["b"]),
    (ONE, TRANSIENT, "return", [], []),
    (ONE, TRANSIENT, "raise", [], ["b"]),
    (ONE, TEMPORARY, "return", [], []),
    (ONE, TEMPORARY, "raise", [], []),
    (ALL, PERMANENT, "return", ["c", "a"], ["a", "b", "c"]),
    (ALL, PERMANENT, "raise", ["c", "a"], ["a", "b", "c"]),
    (ALL, TRANSIENT, "return", [], []),
    (ALL, TRANSIENT, "raise", ["c", "a"], ["a", "b", "c"]),
    (ALL, TEMPORARY, "return", [], []),
    (ALL, TEMPORARY, "raise", [], []),
    (REST, PERMANENT, "return", ["c"], ["b", "c"]),
    (REST, PERMANENT, "raise", ["c"], ["b", "c"]),
    (REST, TRANSIENT, "return", [], []),
    (REST, TRANSIENT, "raise", ["c"], ["b", "c"]),
    (REST, TEMPORARY, "return", [], []),
    (REST, TEMPORARY, "raise", [], []),
]


@pytest.mark.row("A03", "A04")
@pytest.mark.parametrize(("strategy", "restart", "order", "stopped", "restarted"), TRUTH)
async def test_truth_table(
    autojump_clock: MockClock,
    *,
    strategy: Strategy,
    restart: Restart,
    order: str,
    stopped: list[str],
    restarted: list[str],
) -> None:
    log: list[str] = []
    puppets = [Puppet("a", log), Puppet("b", log, restart), Puppet("c", log)]
    async with supervised(puppets, strategy):
        assert log == ["a up", "b up", "c up"]
        log.clear()
        puppets[1].end(order)
        await trio.sleep(30)
        gone = ["b gone"] if not restarted else []
        assert log == gone + [f"{name} down" for name in stopped] + [f"{name} up" for name in restarted]


def test_the_truth_table_is_whole() -> None:
    assert len({row[:3] for row in TRUTH}) == len(Strategy) * len(Restart) * len(Exit) == len(TRUTH)


@pytest.mark.row("A03")
@pytest.mark.parametrize(("strategy", "ups"), [(ALL, ["a", "c"]), (REST, ["c"])])
async def test_a_temporary_sibling_is_stopped_and_stays_away(
    autojump_clock: MockClock, strategy: Strategy, ups: list[str]
) -> None:
    log: list[str] = []
    puppets = [Puppet("a", log), Puppet("b", log, TEMPORARY), Puppet("c", log)]
    async with supervised(puppets, strategy):
        log.clear()
        puppets[0 if strategy is ALL else 2].end("raise")
        await trio.sleep(30)
        assert [line for line in log if line.endswith("up")] == [f"{name} up" for name in ups]
        assert ("b gone" in log) is (strategy is ALL)


@pytest.mark.row("A03")
async def test_a_transient_child_that_had_ended_comes_up_with_its_group(autojump_clock: MockClock) -> None:
    log: list[str] = []
    puppets = [Puppet("a", log, TRANSIENT), Puppet("b", log)]
    async with supervised(puppets, ALL):
        puppets[0].end("return")
        await trio.sleep(30)
        log.clear()
        puppets[1].end("raise")
        await trio.sleep(30)
        assert log == ["a up", "b up"]  # OTP starts every child of the group, the ended one too


@pytest.mark.row("A04")
async def test_start_in_order_stop_in_reverse(autojump_clock: MockClock) -> None:
    log: list[str] = []
    puppets = [Puppet(name, log) for name in "abc"]
    puppets[1].clean_up_seconds = 2
    async with supervised(puppets):
        pass
    assert log[:3] == ["a up", "b up", "c up"]
    assert log[3:6] == ["c down", "b down", "a down"]
    assert sorted(log[6:]) == ["a gone", "b gone", "c gone"]
    assert trio.current_time() == 2


@pytest.mark.row("A04")
async def test_each_child_has_its_own_stop_deadline(autojump_clock: MockClock) -> None:
    log: list[str] = []
    puppets = [Puppet("quick", log, stop_seconds=1), Puppet("patient", log, stop_seconds=10)]
    for puppet in puppets:
        puppet.clean_up_seconds = 5
    with capture_logs() as logs:
        async with supervised(puppets):
            pass
    assert log[2:4] == ["patient down", "quick cut"]
    assert trio.current_time() == 6
    assert [(line["event"], line["child"]) for line in logs] == [("child passed its stop deadline", "quick")]


async def test_children_that_need_nothing_of_each_other_stop_together(autojump_clock: MockClock) -> None:
    log: list[str] = []
    puppets = [Puppet(name, log) for name in "abc"]
    for puppet, seconds in zip(puppets, (1, 2, 3), strict=True):
        puppet.clean_up_seconds = seconds
    with trio.move_on_after(10):
        await Supervisor("top", [puppet.spec for puppet in puppets], stop_together=True).run()
    assert log[3:6] == ["a down", "b down", "c down"]
    assert trio.current_time() == 13


@pytest.mark.row("A03")
async def test_budget_spent_stops_all_and_raises(autojump_clock: MockClock) -> None:
    log: list[str] = []
    puppets = [Puppet("a", log), Puppet("b", log)]
    supervisor = Supervisor("top", [puppet.spec for puppet in puppets], budget=RestartBudget(2, 1000.0))
    ended: list[RestartBudgetSpent] = []

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        try:
            await supervisor.run(task_status=task_status)
        except RestartBudgetSpent as error:
            ended.append(error)

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        for _ in range(3):
            assert ended == []
            puppets[1].end("raise")
            await trio.sleep(30)
    (error,) = ended
    assert (error.supervisor, error.child, error.restarts, error.period) == ("top", "b", 2, 1000.0)
    assert repr(error.__cause__) == "RuntimeError('b')"
    assert log.count("b up") == 3
    assert "a down" in log


@pytest.mark.row("A03")
async def test_budget_recovers_after_its_period(autojump_clock: MockClock) -> None:
    puppet = Puppet("a", [])
    async with supervised([puppet], budget=RestartBudget(1, 60.0)) as supervisor:
        for _ in range(5):
            puppet.end("raise")
            await trio.sleep(61)
        assert supervisor.statistics()[0].restarts == 5


async def test_delays_grow_and_begin_anew_after_a_stable_life(autojump_clock: MockClock) -> None:
    exits: list[ChildExit] = []
    puppet = Puppet("a", [])
    supervisor = Supervisor(
        "top",
        [puppet.spec],
        budget=RestartBudget(10, 60.0),
        backoff=Backoff(initial=1.0, maximum=4.0),
        on_exit=exits.append,
        fraction=lambda: 0.0,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        for life in (1, 1, 1, 1, 70, 1):
            await trio.sleep(life)
            puppet.end("raise")
            await wait_all_tasks_blocked()
            delay = exits[-1].delay
            assert delay is not None
            await trio.sleep(delay + 0.001)
        nursery.cancel_scope.cancel()
    assert [exit.delay for exit in exits] == [1, 2, 4, 4, 1, 2]
    assert {(exit.supervisor, exit.child, exit.exit) for exit in exits} == {("top", "a", Exit.RAISED)}


async def test_a_hundred_children_do_not_come_back_together(autojump_clock: MockClock) -> None:
    back: list[float] = []

    async def fall_once(lifetime: Lifetime) -> None:
        with lifetime.work:
            lifetime.started()
            if trio.current_time() == 0:
                await trio.sleep(1)
                raise ConnectionError
            back.append(trio.current_time())
            await trio.sleep_forever()

    specs = [ChildSpec(name=str(number), run=fall_once) for number in range(100)]
    supervisor = Supervisor(
        "top", specs, budget=RestartBudget(100, 60.0), backoff=Backoff(initial=30.0, maximum=60.0, jitter=1.0)
    )
    with capture_logs() as logs, trio.move_on_after(40):
        await supervisor.run()
    assert len(logs) == 100
    assert len(set(back)) == 100
    assert max(back) - min(back) > 15


async def test_a_child_that_cannot_start_stops_the_others_and_its_error_comes_out() -> None:
    log: list[str] = []
    puppets = [Puppet("a", log), Puppet("b", log), Puppet("c", log)]
    puppets[1].start_error = RuntimeError("no start")
    with pytest.raises(RuntimeError, match="no start"):
        await Supervisor("top", [puppet.spec for puppet in puppets]).run()
    assert log == ["a up", "a down", "a gone", "b gone", "c gone"]


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_restart_that_cannot_start_is_tried_again(autojump_clock: MockClock, strategy: Strategy) -> None:
    log: list[str] = []
    puppets = [Puppet("a", log), Puppet("b", log)]
    async with supervised(puppets, strategy) as supervisor:
        puppets[0].start_error = RuntimeError("not yet")
        puppets[0].end("raise")
        await trio.sleep(2)
        puppets[0].start_error = None
        await trio.sleep(30)
        assert [status.state for status in supervisor.statistics()] == ["running", "running"]
        assert supervisor.statistics()[0].restarts > 1
        if strategy is not ONE:
            assert log[-2:] == ["a up", "b up"]


async def test_a_slow_restart_keeps_no_sibling_waiting(autojump_clock: MockClock) -> None:
    async def slow(lifetime: Lifetime) -> None:
        with lifetime.work:
            if trio.current_time() > 0:
                await trio.sleep_forever()
            lifetime.started()
            await trio.sleep(1)

    log: list[str] = []
    puppet = Puppet("b", log)
    supervisor = Supervisor("top", [ChildSpec(name="a", run=slow), puppet.spec])
    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor.run)
        await trio.sleep(20)
        assert supervisor.statistics()[0].state == "starting"
        puppet.end("raise")
        await trio.sleep(20)
        assert log == ["b up", "b up"]
        nursery.cancel_scope.cancel()  # the one that never started is cancelled at once
    assert trio.current_time() == 40


async def test_a_cancel_while_starting_ends_at_once(autojump_clock: MockClock) -> None:
    async def never(lifetime: Lifetime) -> None:
        await trio.sleep_forever()

    with trio.move_on_after(3):
        await Supervisor("top", [ChildSpec(name="a", run=never)]).run()
    assert trio.current_time() == 3


async def test_run_returns_when_all_children_ended_for_good(autojump_clock: MockClock) -> None:
    async def work() -> None:
        await trio.sleep(3)

    await Supervisor("top", [task_child("a", work, restart=TRANSIENT), task_child("b", work, restart=TEMPORARY)]).run()
    assert trio.current_time() == 3


async def test_supervisors_nest_and_escalate(autojump_clock: MockClock) -> None:
    log: list[str] = []
    puppet, other = Puppet("a", log), Puppet("b", log)
    inner = Supervisor("inner", [puppet.spec], budget=RestartBudget(0, 60.0))
    outer = Supervisor("outer", [inner.as_child(), other.spec], budget=RestartBudget(1, 60.0))
    async with trio.open_nursery() as nursery:
        await nursery.start(outer.run)
        puppet.end("raise")
        await trio.sleep(30)
        assert log == ["a up", "b up", "a gone", "a up"]  # the inner one gave up, the outer one restarted it
        assert isinstance(outer.statistics()[0].last_error, RestartBudgetSpent)
        log.clear()
        nursery.cancel_scope.cancel()
    assert log == ["b down", "a down", "a gone", "b gone"]


async def test_an_error_while_stopping_is_logged(autojump_clock: MockClock) -> None:
    async def run(lifetime: Lifetime) -> None:
        with lifetime.work:
            lifetime.started()
            await trio.sleep_forever()
        raise RuntimeError("in clean-up")

    with capture_logs() as logs, trio.move_on_after(1):
        await Supervisor("top", [ChildSpec(name="a", run=run)]).run()
    assert [(line["event"], repr(line["exc_info"])) for line in logs] == [
        ("child failed while stopping", "RuntimeError('in clean-up')")
    ]


async def test_no_silent_death(autojump_clock: MockClock) -> None:
    exits: list[ChildExit] = []
    puppet = Puppet("a", [], TEMPORARY)
    supervisor = Supervisor("top", [puppet.spec], on_exit=exits.append)
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            puppet.end("raise")
    assert [(line["event"], line["child"], line["error"]) for line in logs] == [
        ("child failed", "a", "RuntimeError: a")
    ]
    assert [(exit.child, repr(exit.error), exit.delay) for exit in exits] == [("a", "RuntimeError('a')", None)]


def test_two_children_of_one_name_are_refused() -> None:
    spec = Puppet("a", []).spec
    with pytest.raises(ValueError, match="same name"):
        Supervisor("top", [spec, spec])


def test_a_supervisor_as_child_has_no_deadline_of_its_own() -> None:
    assert Supervisor("top", []).as_child().stop_seconds == math.inf
