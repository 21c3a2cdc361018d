"""Order within a key, concurrency across keys, and every bound."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ActorError
from botkit.routing.deadlines import Allowance, Deadlines
from botkit.routing.runner import MAX_IDLE_WORKERS, KeyedRunner, RunnerLimits

Job = tuple[str, float]


@asynccontextmanager
async def running(
    work: Callable[[Job, Allowance | None], Awaitable[None]], limits: RunnerLimits | None = None
) -> AsyncIterator[KeyedRunner[Job]]:
    runner = KeyedRunner[Job](work, limits)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        yield runner
        nursery.cancel_scope.cancel()


class Diary:
    """Work that takes the seconds that the job says, and writes down what begins and ends when."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str, str]] = []
        self.active = self.most_active = 0

    async def work(self, job: Job, _allowance: Allowance | None) -> None:
        name, seconds = job
        self.lines.append((trio.current_time(), "begin", name))
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await trio.sleep(seconds)
        finally:
            self.active -= 1
        self.lines.append((trio.current_time(), "end", name))

    def begun(self) -> list[str]:
        return [name for _, what, name in self.lines if what == "begin"]


@pytest.mark.row("B09")
async def test_one_sender_in_order_while_a_hundred_others_run(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work) as runner:
        for number in range(10):
            await runner.submit("ann", (f"ann {number}", 1))
        for number in range(100):
            await runner.submit(number, (f"other {number}", 10))
        await runner.wait_all_done()
    assert trio.current_time() == 10
    ann = [line for line in diary.lines if line[2].startswith("ann")]
    assert ann == [(time, what, f"ann {n}") for n in range(10) for time, what in ((n, "begin"), (n + 1, "end"))]
    assert diary.most_active == 101


@pytest.mark.row("B09")
async def test_the_bound_on_running_jobs_is_kept(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work, RunnerLimits(running=5)) as runner:
        for number in range(20):
            await runner.submit(number, (str(number), 1))
        await runner.wait_all_done()
        assert runner.statistics().done == 20
    assert diary.most_active == 5
    assert trio.current_time() == 4


async def test_quick_jobs_take_no_task_each() -> None:
    tasks: set[trio.lowlevel.Task] = set()

    async def work(_job: Job, _allowance: Allowance | None) -> None:
        tasks.add(trio.lowlevel.current_task())

    async with running(work) as runner:
        await wait_all_tasks_blocked()
        for number in range(1000):
            runner.submit_nowait(number, ("", 0))
        await runner.wait_all_done()
        assert runner.statistics().done == 1000
        assert len(tasks) <= 2


async def test_quick_jobs_let_others_run() -> None:
    seen: list[int] = []

    async def work(_job: Job, _allowance: Allowance | None) -> None:
        pass

    async def watch(runner: KeyedRunner[Job]) -> None:
        while runner.statistics().done < 100:
            seen.append(runner.statistics().done)
            await trio.lowlevel.checkpoint()

    async with running(work) as runner:
        for _ in range(100):
            runner.submit_nowait("key", ("", 0))
        await watch(runner)
    assert len(set(seen)) > 3


async def test_workers_without_work_end(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work) as runner:
        for number in range(50):
            await runner.submit(number, ("", 1))
        await trio.sleep(0.5)
        assert runner.statistics().workers == 50
        await trio.sleep(10)
        assert runner.statistics().workers == MAX_IDLE_WORKERS


@pytest.mark.row("B09")
async def test_a_lasting_job_begins_in_its_turn_and_blocks_nothing(autojump_clock: MockClock) -> None:
    for _ in range(20):  # trio shuffles its tasks: the order must hold every time
        diary = Diary()
        async with running(diary.work) as runner:
            await runner.submit("call", ("before", 1))
            await runner.submit("call", ("invited", 60), lasting=True)
            await runner.submit("call", ("digits", 2))
            await runner.submit("call", ("more", 2))
            start = trio.current_time()
            await runner.wait_all_done()
        assert [(time - start, what, name) for time, what, name in diary.lines] == [
            (0, "begin", "before"),
            (1, "end", "before"),
            (1, "begin", "invited"),
            (1, "begin", "digits"),
            (3, "end", "digits"),
            (3, "begin", "more"),
            (5, "end", "more"),
            (61, "end", "invited"),
        ]


async def test_the_bound_on_lasting_jobs_holds_up_only_their_own_keys(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work, RunnerLimits(running=2, lasting=2)) as runner:
        for number in range(5):
            await runner.submit(f"call {number}", (f"call {number}", 10), lasting=True)
        await runner.submit("call 4", ("digits", 1))
        await runner.submit("other", ("other", 1))
        await trio.sleep(5)
        assert sorted(diary.begun()) == ["call 0", "call 1", "other"]
        assert runner.statistics().lasting == 2
        assert runner.statistics().lasting_blocked == 3
        await runner.wait_all_done()
    assert len(diary.begun()) == 7
    assert diary.begun().index("digits") > diary.begun().index("call 4")
    assert trio.current_time() == 30


async def test_a_stuck_key_costs_only_its_own_jobs(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work, RunnerLimits(waiting_per_key=3)) as runner:
        assert await runner.submit("stuck", ("stuck", 1000))
        await wait_all_tasks_blocked()
        taken = [await runner.submit("stuck", (str(number), 1)) for number in range(5)]
        assert taken == [True, True, True, False, False]
        assert await runner.submit("other", ("other", 1))
        await trio.sleep(2)
        assert (1.0, "end", "other") in diary.lines
        assert runner.statistics().dropped == 2


async def test_submit_waits_while_too_much_waits(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work, RunnerLimits(running=1, waiting=2)) as runner:
        for number in range(3):
            await runner.submit(number, (str(number), 1))
            await wait_all_tasks_blocked()
        assert runner.statistics().waiting == 2
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.5):
            await runner.submit(3, ("never", 1))
        assert await runner.submit(4, ("4", 1))
        assert trio.current_time() == 1
        assert runner.statistics().submits_blocked == 2
        await runner.wait_all_done()
    assert diary.begun() == ["0", "1", "2", "4"]


async def test_the_end_cancels_what_runs_and_leaves_out_what_waits(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work, RunnerLimits(waiting=2)) as runner:
        await runner.submit("a", ("runs", 1000))
        await runner.submit("b", ("lasts", 1000), lasting=True)
        await wait_all_tasks_blocked()
        await runner.submit("a", ("waits", 1))
        await runner.submit("a", ("waits too", 1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runner.submit, "c", ("blocked", 1))
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert sorted(diary.begun()) == ["lasts", "runs"]
    assert [what for _, what, _ in diary.lines] == ["begin", "begin"]
    assert not await runner.submit("d", ("late", 1))
    await runner.wait_all_done()


async def test_what_is_submitted_before_the_run_waits_for_it() -> None:
    diary = Diary()
    runner = KeyedRunner[Job](diary.work)
    assert await runner.submit("a", ("early", 0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runner.run)
        await runner.wait_all_done()
        nursery.cancel_scope.cancel()
    assert diary.begun() == ["early"]


@given(
    jobs=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.booleans()), max_size=60),
    workers=st.integers(1, 4),
)
def test_any_jobs_begin_in_order_and_all_are_done(jobs: list[tuple[str, int, bool]], workers: int) -> None:
    begun: list[tuple[str, str]] = []

    async def work(job: Job, _allowance: Allowance | None) -> None:
        name, seconds = job
        begun.append((name[0], name))
        if seconds:
            await trio.sleep(seconds)

    async def main() -> None:
        async with running(work, RunnerLimits(running=workers, lasting=2)) as runner:
            for number, (key, seconds, lasting) in enumerate(jobs):
                await runner.submit(key, (f"{key}{number}", seconds), lasting=lasting)
            with trio.fail_after(1000):
                await runner.wait_all_done()
            statistics = runner.statistics()
            assert (statistics.done, statistics.waiting, statistics.lasting) == (len(jobs), 0, 0)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    for key in "abcd":
        assert [name for k, name in begun if k == key] == [f"{key}{n}" for n, job in enumerate(jobs) if job[0] == key]


async def test_a_job_that_cancels_all_of_them_does_not_go_unnoticed() -> None:
    async def cancel_all(_job: Job, _allowance: Allowance | None) -> None:
        nursery = trio.lowlevel.current_task().parent_nursery
        assert nursery is not None
        nursery.cancel_scope.cancel()

    runner = KeyedRunner[Job](cancel_all)
    runner.submit_nowait("key", ("", 0))
    with pytest.raises(ActorError, match="cancelled the nursery that all handlers"):
        await runner.run()


@pytest.mark.parametrize("name", RunnerLimits.__struct_fields__)
def test_a_bound_is_one_or_more(name: str) -> None:
    assert getattr(RunnerLimits(**{name: 1}), name) == 1
    with pytest.raises(ValueError, match=f"limits: {name} is 1 or more, not 0"):
        RunnerLimits(**{name: 0})


# Allowances


@given(
    jobs=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from([0, 1, 3]), st.sampled_from(["let pass", "keep", "go on"])),
        max_size=40,
    ),
    workers=st.integers(1, 4),
)
def test_whatever_jobs_do_when_their_time_is_up_order_and_workers_stay(
    jobs: list[tuple[str, int, str]], workers: int
) -> None:
    begun: list[str] = []

    async def main() -> None:
        async def work(job: tuple[str, int, str, str], allowance: Allowance | None) -> None:
            name, seconds, way, again = job
            assert allowance is not None
            begun.append(name + again)
            allowance.begin(2)
            try:
                await trio.sleep(0 if again else seconds)
            except trio.Cancelled:
                if way == "go on":
                    runner.put_first(name[0], (name, seconds, way, " again"))
                if way != "keep":
                    raise
            finally:
                allowance.end()

        runner = KeyedRunner[tuple[str, int, str, str]](work, RunnerLimits(running=workers))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runner.run)
            for number, (key, seconds, way) in enumerate(jobs):
                await runner.submit(key, (f"{key}{number}", seconds, way, ""))
            with trio.fail_after(1000):
                await runner.wait_all_done()
                begin = trio.current_time()
                for number in range(workers):
                    await runner.submit(number, ("z", 1, "keep", ""))
                await runner.wait_all_done()
            assert trio.current_time() - begin == pytest.approx(1)  # all of them side by side
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    for key in "abcd":
        expected: list[str] = []
        for number, (of, seconds, way) in enumerate(jobs):
            if of == key:
                expected += [f"{key}{number}", *([f"{key}{number} again"] if seconds > 2 and way == "go on" else [])]
        assert [name for name in begun if name[0] == key] == expected


class Slow:
    """Work in steps that each take their seconds, with an allowance of two for each; a step too slow is cut off."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self.runner = KeyedRunner[tuple[str, list[float]]](self.work, RunnerLimits(running=2))

    async def work(self, job: tuple[str, list[float]], allowance: Allowance | None) -> None:
        name, steps = job
        assert allowance is not None
        while steps:
            seconds = steps.pop(0)
            allowance.begin(2)
            try:
                await trio.sleep(seconds)
            except trio.Cancelled:
                if allowance.spent:
                    self.lines.append((trio.current_time(), f"{name} cut off"))
                    self.runner.put_first(name, job)
                raise
            allowance.end()
            self.lines.append((trio.current_time(), f"{name} {seconds}"))


async def test_what_takes_longer_than_its_allowance_is_cut_off_and_goes_on_with_what_is_left(
    autojump_clock: MockClock,
) -> None:
    slow = Slow()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow.runner.run)
        slow.runner.submit_nowait("a", ("a", [1, 5, 1]))
        slow.runner.submit_nowait("a", ("a", [0.5, 9]))
        slow.runner.submit_nowait("b", ("b", [1.9, 1.9]))
        await slow.runner.wait_all_done()
        statistics = slow.runner.statistics()
        await trio.sleep(100)
        assert slow.runner.statistics().running == 0
        nursery.cancel_scope.cancel()
    assert sorted(slow.lines) == [
        (1, "a 1"),
        (1.9, "b 1.9"),
        (3, "a cut off"),
        (3.8, "b 1.9"),
        (4, "a 1"),
        (4.5, "a 0.5"),
        (6.5, "a cut off"),
    ]
    assert (statistics.waiting, statistics.done) == (0, 3)


async def test_work_that_keeps_the_cancel_to_itself_costs_no_worker(autojump_clock: MockClock) -> None:
    done: list[str] = []

    async def work(job: Job, allowance: Allowance | None) -> None:
        assert allowance is not None
        name, seconds = job
        allowance.begin(2)
        with suppress(trio.Cancelled):
            await trio.sleep(seconds)
        allowance.end()
        done.append(name)

    async with running(work, RunnerLimits(running=2)) as runner:
        for number in range(7):
            await runner.submit(number, (f"slow {number}", 9))
        with trio.fail_after(100):
            await runner.wait_all_done()
        begin = trio.current_time()
        await runner.submit("a", ("a", 1))
        await runner.submit("b", ("b", 1))
        await runner.wait_all_done()
        assert trio.current_time() == begin + 1  # side by side
    assert sorted(done) == ["a", "b", *(f"slow {number}" for number in range(7))]


async def test_a_cancel_from_outside_counts_before_a_spent_allowance(autojump_clock: MockClock) -> None:
    slow = Slow()
    slow.runner.submit_nowait("a", ("a", [5, 1]))
    with trio.move_on_after(2):
        await slow.runner.run()
    assert trio.current_time() == 2
    assert not any(line.endswith("1") for _, line in slow.lines)


async def test_shorter_allowances_that_begin_later_are_seen_in_time(autojump_clock: MockClock) -> None:
    deadlines = Deadlines()
    long, short = deadlines.open(), deadlines.open()
    cut: list[tuple[float, str]] = []

    async def take(name: str, allowance: Allowance, seconds: float) -> None:
        with allowance.renew():
            allowance.begin(seconds)
            await trio.sleep_forever()
        cut.append((trio.current_time(), name))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(deadlines.run)
        nursery.start_soon(take, "long", long, 10)
        await trio.sleep(1)
        nursery.start_soon(take, "short", short, 3)
        await trio.sleep(50)
        assert cut == [(4, "short"), (10, "long")]
        nursery.cancel_scope.cancel()


async def put_in_order(runner: KeyedRunner[Job], names: list[str], seconds: float = 0) -> None:
    for name in names:
        await runner.submit(name[0], (name, seconds))
        await runner.let_begin()


@pytest.mark.parametrize("keys", ["ab", "aab", "abcdefghijklmnopqrstuvw", "aaaaaaaaaaaaaaaaaaaaaaaaaaaab"])
async def test_what_is_let_begin_begins_in_its_order_across_keys(autojump_clock: MockClock, keys: str) -> None:
    begun: list[str] = []

    async def work(job: Job, _allowance: Allowance | None) -> None:
        begun.append(job[0])

    async with running(work) as runner:
        await wait_all_tasks_blocked()  # it has begun
        names = [f"{key} {number}" for number, key in enumerate(keys * 20)]
        await put_in_order(runner, names)
        await runner.wait_all_done()
    assert begun == names


async def test_what_waits_for_a_job_that_takes_its_time_is_not_waited_for(autojump_clock: MockClock) -> None:
    diary = Diary()
    async with running(diary.work) as runner:
        await wait_all_tasks_blocked()
        await put_in_order(runner, ["a 1", "a 2", "b 1"], 5)
        assert trio.current_time() == 0
        await wait_all_tasks_blocked()
        assert diary.begun() == ["a 1", "b 1"]
