"""Quarantine: what crashes again and again is stopped for a while, and let in again by a probe (a circuit breaker)."""

import math
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

import structlog
import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit.actor.supervisor import Supervisor
from botkit.actor.tree import TreeNode, error_line
from botkit.backoff import Backoff

_log: FilteringBoundLogger = structlog.get_logger()


class QuarantineSettings(Struct, frozen=True, kw_only=True):
    """How long a quarantine lasts. Raises ``ValueError`` for what cannot be.

    ``probe_after``: seconds until the first probe; after each one that fails the next comes twice as late, up to
    ``longest`` seconds, and all of them up to a quarter earlier, by chance. ``give_up_after``: so many probes may
    fail in a row, then it ends for good; None: it is probed for ever. 0: there is no quarantine at all.
    """

    probe_after: float = 30.0
    longest: float = 1800.0
    give_up_after: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.probe_after <= self.longest < math.inf:
            raise ValueError(
                f"quarantine: 0 < probe_after <= longest expected, got {self.probe_after} and {self.longest}"
            )
        if self.give_up_after is not None and self.give_up_after < 0:
            raise ValueError(f"quarantine: give_up_after of 0 or more expected, got {self.give_up_after}")


DEFAULT_QUARANTINE = QuarantineSettings()


class Quarantine:
    """Runs a supervisor; when that gives up, its children are in quarantine until a probe shows that they are well.

    A probe is a start with a budget that is spent: the first crash ends it, and the quarantine goes on, for longer. A
    probe that lives for as long as the budget's period has passed: the children are re-admitted, with their whole
    budget. ``is_final`` names the errors that no probe would change.

    ``on_quarantine`` is told each beginning of a quarantine and each probe that failed, ``on_readmitted`` each end;
    they must not raise. ``who`` stands in the lines of the log. ``fraction`` gives random numbers from 0 to 1.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        settings: QuarantineSettings = DEFAULT_QUARANTINE,
        *,
        is_final: Callable[[Exception], bool] = lambda _error: False,
        on_quarantine: Callable[[], None] = lambda: None,
        on_readmitted: Callable[[], None] = lambda: None,
        who: Mapping[str, str] = MappingProxyType({}),
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self._supervisor, self._settings, self._is_final = supervisor, settings, is_final
        self._on_quarantine, self._on_readmitted, self._fraction = on_quarantine, on_readmitted, fraction
        self._who = {"supervisor": supervisor.name, **who}
        self._backoff = Backoff(settings.probe_after, settings.longest, jitter=0.25)
        self._failed_probes = 0
        self._ended = False
        self._waiting = trio.CancelScope()
        self.failure: Exception | None = None
        """Why it is in quarantine, on probation, or has ended; None while all is well."""
        self.ever_started = False
        """True once all children were up."""
        self.probe_at: float | None = None
        """When the next probe is, on trio's clock; None while it is not in quarantine."""

    @property
    def in_quarantine(self) -> bool:
        """True while nothing runs and a probe is to come."""
        return self.probe_at is not None

    @property
    def on_probation(self) -> bool:
        """True while a probe runs."""
        return self.failure is not None and not self.in_quarantine and not self._ended

    @property
    def state(self) -> str:
        """``quarantined``, or that of the supervisor's first child; see ``TreeNode``."""
        if self.in_quarantine:
            return "quarantined"
        return "ended" if self._ended else self._supervisor.statistics()[0].state

    @property
    def detail(self) -> str:
        """A few words for the tree; empty while all is well."""
        if self.probe_at is not None:
            return f"probe {self._failed_probes} in {max(0.0, self.probe_at - trio.current_time()):.0f}s"
        return "on probation" if self.on_probation else ""

    def node(self) -> TreeNode:
        """The supervisor with what runs below it, now."""
        return TreeNode(
            kind="supervisor",
            name=self._supervisor.name,
            state=self.state,
            detail=self.detail,
            last_error=error_line(self.failure),
            children=self._supervisor.nodes(),
        )

    def give_up(self) -> None:
        """End a quarantine for good: ``run`` raises the error. Nothing happens while it is in none."""
        if self.in_quarantine:
            self._end()
            self._waiting.cancel()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the supervisor until all its children have ended for good; started when they have, the first time.

        Raises the error that it has given up for: a final one, the last of ``give_up_after`` failed probes, or the one
        that ``give_up`` ended the quarantine with. A cancel stops the children as the supervisor does.
        """
        while True:
            error = await self._run_once(task_status)
            if error is None:
                self.failure = None
                return
            self.failure = error
            if self._is_over(error):
                self._end()
                raise error
            await self._wait_for_probe(error)
            if self._ended:
                raise error

    async def _run_once(self, task_status: trio.TaskStatus[None]) -> Exception | None:
        up = _Up(self, task_status)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._readmit_when_stable, up.event)
            try:
                await self._supervisor.run(on_probation=self.failure is not None, task_status=up)
            except Exception as error:  # noqa: BLE001 - the border above a supervisor: quarantine is for what it gave up
                return error
            finally:
                nursery.cancel_scope.cancel()
        return None

    async def _readmit_when_stable(self, up: trio.Event) -> None:
        if self.failure is None:
            return
        await up.wait()
        await trio.sleep(self._supervisor.budget.seconds)
        self.failure = None
        self._failed_probes = 0
        _log.warning("re-admitted after quarantine", **self._who)
        self._on_readmitted()

    def _is_over(self, error: Exception) -> bool:
        most = self._settings.give_up_after
        return self._is_final(error) or (most is not None and self._failed_probes >= most)

    async def _wait_for_probe(self, error: Exception) -> None:
        self._failed_probes += 1
        delay = self._backoff.delay(self._failed_probes, self._fraction())
        self.probe_at = probe_at = trio.current_time() + delay
        _log.error(
            "quarantined",
            **self._who,
            error=f"{type(error).__name__}: {error}",
            probe_in=round(delay, 1),
            failed_probes=self._failed_probes - 1,
        )
        with trio.CancelScope() as self._waiting:
            self._on_quarantine()
            await trio.sleep_until(probe_at)
        if not self._ended:
            self.probe_at = None
            _log.warning("probing what is in quarantine", **self._who)

    def _end(self) -> None:
        self._ended, self.probe_at = True, None


class _Up:
    """A task status for each run: the caller's is told once, and who waits for this run is told, too."""

    def __init__(self, quarantine: Quarantine, task_status: trio.TaskStatus[None]) -> None:
        self._quarantine, self._task_status = quarantine, task_status
        self.event = trio.Event()

    def started(self, _value: None = None) -> None:
        self.event.set()
        if not self._quarantine.ever_started:
            self._quarantine.ever_started = True
            self._task_status.started()
