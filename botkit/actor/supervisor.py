"""Supervisors: they start children in order, restart those that end, and stop them in reverse order."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

import structlog
import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.actor.entry import ChildStatus, Entry
from botkit.actor.exits import Exit
from botkit.actor.life import Life
from botkit.actor.registry import Registry
from botkit.actor.restarts import RestartBudget, RestartCount, Strategy, needs_restart, restart_group
from botkit.actor.tree import TreeNode
from botkit.backoff import Backoff, Slots
from botkit.errors import ActorError, BotkitError, RestartBudgetSpent

DEFAULT_BUDGET = RestartBudget()
DEFAULT_BACKOFF = Backoff(initial=0.2, maximum=10.0)

log: FilteringBoundLogger = structlog.get_logger()


class ChildExit(Struct, frozen=True, kw_only=True):
    """A life of a child ended otherwise than its supervisor had planned.

    It ended by itself; or it was to stop, and was killed at its deadline, or failed on the way. ``delay`` is the
    seconds until its restart; None: it is not restarted, or not for this.
    """

    supervisor: str
    child: str
    exit: Exit
    error: Exception | None
    delay: float | None


OnExit: TypeAlias = Callable[[ChildExit], None]


class Supervisor:
    """Keeps its children running, by OTP's rules.

    They start in order, each when the one before it has started; a child that cannot start at first makes
    the supervisor stop the others and raise the child's error. A child that ends is restarted as its
    ``Restart`` says, together with those that ``strategy`` names, after a delay from ``backoff`` (which
    begins anew after a life of ``budget.seconds``). One restart more than ``budget`` allows, and the
    supervisor stops all children and raises ``RestartBudgetSpent``, caused by the last error. It returns
    when all children have ended for good.

    To stop, children end in reverse order, each when the one before has ended; with ``stop_together``, for
    children that do not need one another, all at the same time.

    ``on_exit`` is told each end that was not planned; it must not raise. ``registry`` has the actors among the children
    from their first start until they have ended for good. ``slots``, shared with other supervisors, keeps the restarts
    of all their children apart. ``fraction`` gives random numbers from 0 to 1.
    """

    def __init__(
        self,
        name: str,
        children: Sequence[ChildSpec],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        budget: RestartBudget = DEFAULT_BUDGET,
        backoff: Backoff = DEFAULT_BACKOFF,
        stop_together: bool = False,
        on_exit: OnExit | None = None,
        registry: Registry | None = None,
        slots: Slots | None = None,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self.name, self.strategy, self.budget, self.backoff = name, strategy, budget, backoff
        self._stop_together = stop_together
        self._entries = {spec.name: Entry(spec) for spec in children}
        if len(self._entries) != len(children):
            raise ValueError(f"supervisor {name}: two children have the same name")
        self._count = RestartCount(budget)
        self._on_exit, self._registry, self._fraction = on_exit, registry, fraction
        self._slots = slots or Slots()
        # Unbounded, and yet never longer than the list of children: a new life begins after the end was read.
        self._report_exit, self._exits = trio.open_memory_channel[Life](math.inf)
        self._nursery: trio.Nursery | None = None

    async def run(
        self, *, on_probation: bool = False, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run the children until all have ended for good; started when they have.

        A cancel stops them in reverse order, each within its ``stop_seconds``. Raises the error of a child that cannot
        start at first, ``RestartBudgetSpent``, and ``ActorError`` when something below it cancelled it. With
        ``on_probation`` the budget is spent at first, and comes back after its period.
        """
        self._count = RestartCount(self.budget)
        if on_probation:
            self._count.begin_spent(trio.current_time())
        failure: Exception | None = ActorError(f"supervisor {self.name} was cancelled by something that runs below it")
        with self._registered():
            async with trio.open_nursery() as self._nursery:
                try:
                    failure = await self._start_and_supervise(task_status)
                finally:
                    with trio.CancelScope(shield=True):
                        await self._stop(self._entries.values())
                    self._end_all_for_good(failure)
        if failure is not None:
            raise failure

    def as_child(self, restart: Restart = Restart.PERMANENT) -> ChildSpec:
        """This supervisor as a child of another one. Its stop is bounded by those of its own children."""

        async def run(lifetime: Lifetime) -> None:
            with lifetime.work:
                await self.run(task_status=lifetime)

        return ChildSpec(
            name=self.name,
            run=run,
            restart=restart,
            stop_seconds=math.inf,
            on_gone=lambda _end: self._end_children(),  # those of one that never came to its turn, too
            kind="supervisor",
            detail=lambda: self.strategy.value,
            below=self.nodes,
        )

    def statistics(self) -> tuple[ChildStatus, ...]:
        """The children in start order, now."""
        return tuple(entry.status() for entry in self._entries.values())

    def nodes(self) -> tuple[TreeNode, ...]:
        """The children in start order and what runs below them, now."""
        return tuple(entry.node() for entry in self._entries.values())

    async def _start_and_supervise(self, task_status: trio.TaskStatus[None]) -> Exception | None:
        failure = await self._start_all()
        if failure is None:
            task_status.started()
            failure = await self._supervise()
        return failure

    async def _start_all(self) -> Exception | None:
        for entry in self._entries.values():
            life = self._begin_life(entry)
            await life.wait_settled()
            if life.error is not None and life.started_at is None:
                entry.last_error = life.error
                return life.error
        return None

    def _begin_life(self, entry: Entry) -> Life:
        assert self._nursery is not None
        life = Life(entry.spec, self._report_exit.send_nowait)
        entry.begin(life)
        self._nursery.start_soon(life.run, name=f"{self.name}/{entry.spec.name}")
        return life

    @contextmanager
    def _registered(self) -> Iterator[None]:
        registry = Registry() if self._registry is None else self._registry
        with ExitStack() as stack:
            for entry in self._entries.values():
                if entry.spec.ref is not None:
                    registry.add(entry.spec.ref)
                    stack.callback(registry.remove, entry.spec.ref)
            yield

    def _end_all_for_good(self, failure: Exception | None) -> None:
        while self._unread():  # those that ended while nobody looked
            life = self._exits.receive_nowait()
            if life.error is not None and life.error is failure:
                self._report(life, None)  # who gets it raised does the rest
            else:
                self._tell(life, None)
        self._end_children()

    def _end_children(self) -> None:
        for entry in self._entries.values():
            entry.end_for_good()

    async def _supervise(self) -> Exception | None:
        while any(entry.running or entry.restart_at is not None for entry in self._entries.values()) or self._unread():
            life = await self._next_exit()
            if life is None:
                await self._start_due()
                continue
            failure = await self._handle_exit(life)
            if failure is not None:
                return failure
        return None

    def _unread(self) -> bool:
        return self._exits.statistics().current_buffer_used > 0

    async def _next_exit(self) -> Life | None:
        """The next child that ended, or None when a restart is due first."""
        due = min((entry.restart_at for entry in self._entries.values() if entry.restart_at is not None), default=None)
        try:
            return self._exits.receive_nowait()
        except trio.WouldBlock:
            pass
        with trio.move_on_at(math.inf if due is None else due):
            return await self._exits.receive()
        return None

    async def _start_due(self) -> None:
        now = trio.current_time()
        for entry in self._entries.values():
            if entry.restart_at is None or entry.restart_at > now:
                continue
            entry.restarts += 1
            life = self._begin_life(entry)
            if self.strategy is Strategy.ONE_FOR_ONE:
                continue  # nobody depends on it: a slow start must not keep others from their restart
            await life.wait_settled()
            if life.ended:
                return  # its end is dealt with first; the later ones of the group are due still

    async def _handle_exit(self, life: Life) -> RestartBudgetSpent | None:
        entry, now = self._entries[life.spec.name], trio.current_time()
        entry.last_error = life.error
        if entry.restart_at is not None:  # a sibling's end has already decided about this child
            self._tell(life, max(0.0, entry.restart_at - now))
            return None
        if not needs_restart(entry.spec.restart, life.exit):
            self._tell(life, None)
            entry.end_for_good()
            return None
        if not self._count.spend(now):
            self._tell(life, None)
            spent = RestartBudgetSpent(self.name, entry.spec.name, self.budget.restarts, self.budget.seconds)
            spent.__cause__ = life.error
            return spent
        delay = self.backoff.delay(entry.next_attempt(now, self.budget.seconds), self._fraction())
        restart_at = self._slots.take(now, now + delay)
        self._tell(life, restart_at - now)
        await self._stop_group(entry, restart_at)
        return None

    async def _stop_group(self, ended: Entry, restart_at: float) -> None:
        names = restart_group(self.strategy, tuple(self._entries), ended.spec.name)
        group = [self._entries[name] for name in names]
        await self._stop(group)
        for entry in group:
            if entry.spec.restart is not Restart.TEMPORARY:
                entry.restart_at = restart_at
            elif entry.life is not None:
                entry.end_for_good()

    async def _stop(self, entries: Iterable[Entry]) -> None:
        lives = [entry.life for entry in entries if entry.life is not None and not entry.life.ended]
        if self._stop_together:
            async with trio.open_nursery() as nursery:
                for life in lives:
                    nursery.start_soon(self._stop_one, life)
        else:
            for life in reversed(lives):
                await self._stop_one(life)

    async def _stop_one(self, life: Life) -> None:
        await life.stop()
        if life.overran:
            log.warning("child passed its stop deadline", **self._who(life), stop_seconds=life.spec.stop_seconds)
        if life.error is not None:
            self._entries[life.spec.name].last_error = life.error
            log.error("child failed while stopping", **self._who(life), exc_info=life.error)
        if life.overran or life.error is not None:
            self._report(life, None)

    def _tell(self, life: Life, delay: float | None) -> None:
        if life.error is None:
            # Who is permanent has no business to end; for others it is how their work is done.
            note = log.error if life.spec.restart is Restart.PERMANENT else log.info
            note("child ended", **self._who(life), restart_in=delay)
        else:
            error = f"{type(life.error).__name__}: {life.error}"
            trace = life.error if _needs_trace(life.error) else None
            log.error("child failed", **self._who(life), restart_in=delay, error=error, exc_info=trace)
        self._report(life, delay)

    def _report(self, life: Life, delay: float | None) -> None:
        if self._on_exit is not None:
            self._on_exit(
                ChildExit(supervisor=self.name, child=life.spec.name, exit=life.exit, error=life.error, delay=delay)
            )

    def _who(self, life: Life) -> dict[str, str]:
        return {"supervisor": self.name, "child": life.spec.name}


def _needs_trace(error: Exception) -> bool:
    """What botkit raises says all in its text; anything else, and what a ``sys.exit`` became, needs the place, too."""
    cause = error.__cause__
    return not isinstance(error, BotkitError) or (cause is not None and not isinstance(cause, Exception))
