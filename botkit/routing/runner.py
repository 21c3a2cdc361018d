"""Runs jobs in order per key and side by side across keys.

There is no task per job: a few workers take the keys that have something to do, one worker at a key at a
time. A worker that was woken wakes the next one only if there is more to do than itself, so quick jobs are
run by one task in one go, and slow ones get as many tasks as there are busy keys, up to a bound.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import trio
from msgspec import Struct

from botkit.errors import ActorError
from botkit.routing.deadlines import Allowance, Deadlines

J = TypeVar("J")

MAX_IDLE_WORKERS = 8
"""Workers that wait for something to do; more than these end."""

JOBS_PER_TURN = 16
"""A worker lets other tasks run after so many jobs, should none of them have done so."""

TURNS_TO_BEGIN = 32
"""How often others run, at most, so that jobs can begin that are ahead of another one."""


class RunnerLimits(Struct, frozen=True, kw_only=True):
    """The bounds of a bot's handlers; all of them 1 or more, or ``ValueError``.

    ``running`` jobs at a time, each of another key, and ``lasting`` ones beside them. ``waiting`` jobs in all:
    then ``submit`` waits. ``waiting_per_key`` jobs: then a further job of that key is dropped, so that a key
    that is stuck costs its own events and nobody else's.
    """

    running: int = 128
    lasting: int = 1024
    waiting: int = 8192
    waiting_per_key: int = 1024

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 1:
                raise ValueError(f"limits: {name} is 1 or more, not {getattr(self, name)}")


class RunnerStatistics(Struct, frozen=True, kw_only=True):
    """A runner, now. The last four count: jobs done, jobs dropped, and how often a bound made somebody wait."""

    waiting: int
    running: int
    lasting: int
    workers: int
    done: int
    dropped: int
    submits_blocked: int
    lasting_blocked: int


class KeyedRunner(Generic[J]):
    """Calls ``work`` with each job: in order within a key, side by side across keys.

    ``work`` must not raise; what it raises ends ``run``. A lasting job begins in its turn, and once it waits
    for something for the first time, the later jobs of its key go on beside it. Any other has an allowance, with which
    ``work`` says how long what it does may take. Where that is spent, ``work`` lets the ``trio.Cancelled`` pass, or
    returns; if it has more to do it does ``put_first`` before, and is called with that again.
    """

    def __init__(
        self, work: Callable[[J, Allowance | None], Awaitable[None]], limits: RunnerLimits | None = None
    ) -> None:
        self.limits = limits or RunnerLimits()
        self._work = work
        self._lines: dict[Hashable, deque[tuple[J, bool]]] = {}  # a key is here while it has jobs, waiting or running
        self._ready: deque[Hashable] = deque()
        self._held: deque[Hashable] = deque()
        self.deadlines = Deadlines()
        """Those of the allowances; looked after as long as ``run`` runs. ``work`` may open others there."""
        self._nursery: trio.Nursery | None = None
        self._closed = False
        self._searching = 0  # workers that will look for work without waiting for anything first
        self._workers = self._running = self._lasting = self._waiting = 0
        self._blocked = 0  # those that wait for room
        self._done = self._dropped = self._submits_blocked = self._lasting_blocked = 0
        self._work_to_do, self._room, self._all_done = (trio.lowlevel.ParkingLot() for _ in range(3))

    async def run(self) -> None:
        """Run what is submitted until cancelled: then running jobs are cancelled, waiting ones are left out.

        Raises ``ActorError`` when a job has cancelled the nursery that it runs in, and all others with it.
        """
        try:
            async with trio.open_nursery() as self._nursery:
                self._wake_worker()
                await self.deadlines.run()
            raise ActorError("a handler has cancelled the nursery that all handlers of its bot run in")
        finally:
            self._closed = True
            self._room.unpark_all()
            self._all_done.unpark_all()

    async def submit(self, key: Hashable, what: J, *, lasting: bool = False) -> bool:
        """Put a job in line; False when it was dropped, or the runner has ended.

        Waits while ``limits.waiting`` jobs wait. A cancel while it waits leaves the job out.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.is_full:
            await self.wait_for_room()
        return self.submit_nowait(key, what, lasting=lasting)

    @property
    def is_full(self) -> bool:
        """Whether ``submit`` would wait."""
        return self._waiting >= self.limits.waiting and not self._closed

    async def wait_for_room(self) -> None:
        """Wait until it is not full."""
        while self.is_full:
            self._submits_blocked += 1
            self._blocked += 1
            try:
                await self._room.park()
            finally:
                self._blocked -= 1

    def submit_nowait(self, key: Hashable, what: J, *, lasting: bool = False) -> bool:
        """Like ``submit``, but for the bound on all that waits, which it does not look at."""
        if self._closed:
            return False
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = deque()
            self._ready.append(key)
        elif len(line) >= self.limits.waiting_per_key:
            self._dropped += 1
            return False
        line.append((what, lasting))
        self._waiting += 1
        if not self._searching:
            self._wake_worker()
        return True

    def put_first(self, key: Hashable, what: J) -> None:
        """For ``work``, when its allowance is spent: the job that comes next for the key that it is at."""
        self._lines[key].appendleft((what, False))
        self._waiting += 1

    async def wait_all_done(self) -> None:
        """Wait until nothing waits or runs, lasting jobs included, or the runner has ended."""
        while (self._lines or self._lasting) and not self._closed:
            await self._all_done.park()

    @property
    def piled_up(self) -> bool:
        """Whether a job waits behind another one of its key: a new job for another key would begin before it."""
        return self._waiting > len(self._ready)

    async def let_begin(self) -> None:
        """Let jobs begin that wait behind others of their keys, unless those others take their time."""
        stalled = 0
        for _ in range(TURNS_TO_BEGIN):
            if not self.piled_up or stalled == 2:  # in the first turn workers may not have had theirs
                return
            done = self._done
            await trio.lowlevel.checkpoint()
            stalled = stalled + 1 if self._done == done else 0

    def statistics(self) -> RunnerStatistics:
        """The counters, now."""
        return RunnerStatistics(
            waiting=self._waiting,
            running=self._running,
            lasting=self._lasting,
            workers=self._workers,
            done=self._done,
            dropped=self._dropped,
            submits_blocked=self._submits_blocked,
            lasting_blocked=self._lasting_blocked,
        )

    def _wake_worker(self) -> None:
        if self._searching or not self._ready or self._nursery is None or self._closed:
            return
        if self._work_to_do:
            self._work_to_do.unpark()
        elif self._workers < self.limits.running:
            self._workers += 1
            self._nursery.start_soon(self._serve, name="handlers")
        else:
            return  # all are busy; the first that is done takes it
        self._searching += 1

    async def _serve(self) -> None:
        # Whoever started or woke this worker has counted it as searching.
        allowance = self.deadlines.open()
        try:
            while True:
                with allowance.renew():
                    if not await self._work_on(allowance):
                        return
                self._searching += 1  # its allowance was spent: it goes on searching
        finally:
            self._workers -= 1
            self.deadlines.close(allowance)

    async def _work_on(self, allowance: Allowance) -> bool:
        """Work until this worker is not needed any more (False), or its allowance is spent."""
        turn = 0
        while self._ready or await self._found_work():
            await trio.lowlevel.checkpoint_if_cancelled()
            key = self._ready.popleft()
            self._searching -= 1
            if self._ready and not self._searching:
                self._wake_worker()
            line = self._lines[key]
            what, lasting = line[0]
            if lasting:
                await self._begin_lasting(key, line)
            else:
                self._take(line)
                try:
                    await self._work(what, allowance)
                    self._done += 1
                finally:
                    self._leave(key, line)
            if allowance.spent:
                return True  # the job has kept the cancel to itself: in this scope nothing more can be done
            self._searching += 1
            turn += 1
            if turn % JOBS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        return False

    async def _found_work(self) -> bool:
        """Wait for work; False when this worker is not needed any more."""
        while not self._ready:
            self._searching -= 1
            if len(self._work_to_do) >= MAX_IDLE_WORKERS:
                return False
            await self._work_to_do.park()
        return True

    async def _begin_lasting(self, key: Hashable, line: deque[tuple[J, bool]]) -> None:
        if self._lasting >= self.limits.lasting:
            self._lasting_blocked += 1
            self._held.append(key)
            return
        what, _ = line[0]
        self._take(line)
        self._lasting += 1
        assert self._nursery is not None
        try:
            await self._nursery.start(self._run_lasting, what)
        finally:
            self._leave(key, line)

    def _take(self, line: deque[tuple[J, bool]]) -> None:
        line.popleft()
        self._waiting -= 1
        self._running += 1
        if self._blocked:
            self._room.unpark()

    def _leave(self, key: Hashable, line: deque[tuple[J, bool]]) -> None:
        """This worker is done with the key, for now."""
        self._running -= 1
        if line:
            self._ready.append(key)
        else:
            del self._lines[key]
            self._note_done()

    async def _run_lasting(self, what: J, *, task_status: trio.TaskStatus[None]) -> None:
        # Until its first checkpoint this task goes on: the job has begun before anything later of its key does.
        task_status.started()
        try:
            await self._work(what, None)
            self._done += 1
        finally:
            self._lasting -= 1
            if self._held:
                self._ready.append(self._held.popleft())
                self._wake_worker()
            self._note_done()

    def _note_done(self) -> None:
        if not self._lines and not self._lasting:
            self._all_done.unpark_all()
