"""Supervisors: order, budget, deadlines, nests, and what they say. The rules for restarts are in the truth table."""

import math

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.actor.child import ChildSpec, Lifetime, Restart, task_child
from botkit.actor.exits import Exit
from botkit.actor.restarts import RestartBudget, Strategy
from botkit.actor.supervisor import ChildExit, Supervisor
from botkit.errors import ActorError, RestartBudgetSpent
from tests.actor.puppets import Puppet, supervised

ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE
PERMANENT, TRANSIENT, TEMPORARY = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY


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


async def test_a_child_that_cannot_start_stops_the_others_and_its_error_comes_out() -> None:
    log: list[str] = []
    puppets = [Puppet("a", log), Puppet("b", log), Puppet("c", log)]
    puppets[1].start_errors = [RuntimeError("no start")]
    with pytest.raises(RuntimeError, match="no start"):
        await Supervisor("top", [puppet.spec for puppet in puppets]).run()
    assert log == ["a up", "b tries", "a down", "a gone", "b gone", "c gone"]


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_restart_that_cannot_start_is_tried_again(autojump_clock: MockClock, strategy: Strategy) -> None:
    log: list[str] = []
    puppets = [Puppet("a", log), Puppet("b", log)]
    async with supervised(puppets, strategy) as supervisor:
        puppets[0].start_errors = [RuntimeError("not yet"), RuntimeError("not yet")]
        puppets[0].end("raise")
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


@pytest.mark.row("A09")
@pytest.mark.parametrize("restart", Restart)
async def test_no_silent_death(autojump_clock: MockClock, restart: Restart) -> None:
    exits: list[ChildExit] = []
    puppet = Puppet("a", [], restart)
    supervisor = Supervisor("top", [puppet.spec, Puppet("b", []).spec], on_exit=exits.append)
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            puppet.end("raise")
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert [(line["event"], line["log_level"], line["child"], line["error"]) for line in logs] == [
        ("child failed", "error", "a", "RuntimeError: a")
    ]
    assert [(exit.child, exit.exit, repr(exit.error)) for exit in exits] == [("a", Exit.RAISED, "RuntimeError('a')")]


@pytest.mark.row("A09")
@pytest.mark.parametrize(("restart", "level"), [(PERMANENT, "error"), (TRANSIENT, "info"), (TEMPORARY, "info")])
async def test_a_permanent_child_that_just_returns_is_an_error(
    autojump_clock: MockClock, restart: Restart, level: str
) -> None:
    puppet = Puppet("a", [], restart)
    with capture_logs() as logs:
        async with supervised([puppet, Puppet("b", [])]):
            puppet.end("return")
            await wait_all_tasks_blocked()
    assert [(line["event"], line["log_level"], line["child"]) for line in logs] == [("child ended", level, "a")]


@pytest.mark.row("A09")
@pytest.mark.parametrize("strategy", Strategy)
async def test_of_several_that_end_at_once_each_is_told(autojump_clock: MockClock, strategy: Strategy) -> None:
    exits: list[ChildExit] = []
    log: list[str] = []
    puppets = [Puppet(name, log) for name in "abc"]
    supervisor = Supervisor("top", [one.spec for one in puppets], strategy=strategy, on_exit=exits.append)
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.run)
            for puppet in puppets:
                puppet.end("raise")
            await trio.sleep(30)
            assert sorted(exit.child for exit in exits) == ["a", "b", "c"]
            assert [line["event"] for line in logs] == 3 * ["child failed"]
            assert sorted(log[3:]) == ["a up", "b up", "c up"]
            nursery.cancel_scope.cancel()


@pytest.mark.row("A03")
async def test_a_group_that_ends_at_once_counts_once(autojump_clock: MockClock) -> None:
    puppets = [Puppet(name, []) for name in "abc"]
    with capture_logs():
        async with supervised(puppets, ALL, RestartBudget(1, 60.0)) as supervisor:
            for puppet in puppets:
                puppet.end("raise")
            await trio.sleep(30)
            assert [(one.state, one.restarts) for one in supervisor.statistics()] == 3 * [("running", 1)]


@pytest.mark.row("A09")
async def test_those_that_end_while_the_supervisor_gives_up_are_told(autojump_clock: MockClock) -> None:
    exits: list[ChildExit] = []
    puppets = [Puppet(name, []) for name in "ab"]
    supervisor = Supervisor("top", [one.spec for one in puppets], budget=RestartBudget(0, 60.0), on_exit=exits.append)

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        with pytest.raises(RestartBudgetSpent):
            await supervisor.run(task_status=task_status)

    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            await nursery.start(run)
            for puppet in puppets:
                puppet.end("raise")
    assert sorted(exit.child for exit in exits) == sorted(line["child"] for line in logs) == ["a", "b"]


@pytest.mark.row("A09")
async def test_a_stop_that_goes_wrong_is_told(autojump_clock: MockClock) -> None:
    exits: list[ChildExit] = []
    slow = Puppet("slow", [], stop_seconds=1)
    slow.clean_up_seconds = 5

    async def run(lifetime: Lifetime) -> None:
        with lifetime.work:
            lifetime.started()
            await trio.sleep_forever()
        raise RuntimeError("in clean-up")

    specs = [slow.spec, ChildSpec(name="bad", run=run)]
    with capture_logs(), trio.move_on_after(1):
        await Supervisor("top", specs, on_exit=exits.append).run()
    assert [(exit.child, exit.exit, repr(exit.error)) for exit in exits] == [
        ("bad", Exit.STOPPED, "RuntimeError('in clean-up')"),
        ("slow", Exit.KILLED, "None"),
    ]


@pytest.mark.row("A09")
async def test_a_supervisor_that_something_below_it_cancels_has_failed(autojump_clock: MockClock) -> None:
    async def cancel_those_above() -> None:
        nursery = trio.lowlevel.current_task().parent_nursery
        assert nursery is not None
        nursery.cancel_scope.cancel()

    log: list[str] = []
    supervisor = Supervisor("top", [Puppet("a", log).spec, task_child("b", cancel_those_above)])
    with pytest.raises(ActorError, match="supervisor top was cancelled by something that runs below it"):
        await supervisor.run()
    assert log == ["a up", "a down", "a gone"]


async def test_ctrl_c_is_for_the_process(autojump_clock: MockClock) -> None:
    async def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(BaseExceptionGroup) as caught:
        await Supervisor("top", [task_child("a", interrupted)]).run()
    assert caught.group_contains(KeyboardInterrupt)


async def test_on_probation_the_first_crash_is_one_too_many(autojump_clock: MockClock) -> None:
    puppet = Puppet("a", [])
    supervisor = Supervisor("top", [puppet.spec], budget=RestartBudget(2, 60.0))

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        with pytest.raises(RestartBudgetSpent):
            await supervisor.run(on_probation=True, task_status=task_status)

    with capture_logs():
        async with trio.open_nursery() as nursery:
            await nursery.start(run)
            puppet.end("raise")
            await trio.sleep(30)
            assert supervisor.statistics()[0].state == "ended"
            await nursery.start(run)
            for _ in range(2):
                await trio.sleep(61)
                puppet.end("raise")
            await trio.sleep(10)
            assert supervisor.statistics()[0].state == "running"
            puppet.end("raise")
            await trio.sleep(10)
            assert supervisor.statistics()[0].state == "running"
            puppet.end("raise")
            await trio.sleep(10)
            assert supervisor.statistics()[0].state == "ended"


def test_two_children_of_one_name_are_refused() -> None:
    spec = Puppet("a", []).spec
    with pytest.raises(ValueError, match="same name"):
        Supervisor("top", [spec, spec])


def test_a_supervisor_as_child_has_no_deadline_of_its_own() -> None:
    assert Supervisor("top", []).as_child().stop_seconds == math.inf
