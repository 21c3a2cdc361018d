"""Deadlines for what is typically quick, at the price of one addition and one comparison each.

A timeout scope costs several times what a quick handler does. So a worker has one scope for many jobs, in which it
writes down until when the present one may take, and one task looks after all workers: it sleeps until the first of
these times, and cancels the scope of whoever is still at it. The scope is spent then, and the worker goes on in a
new one. Who is still at it ``OVERDUE_SECONDS`` later shields itself or waits for a thread, and cannot be cancelled:
that is told once.
"""

import math
from collections.abc import Callable

import trio

OVERDUE_SECONDS = 10.0
"""How long what was cancelled may go on before that is told."""


def _tell_nobody(*_: object) -> None:
    pass


class Allowance:
    """How long what a worker is at may take. ``spent``: it took longer, and the worker's scope is cancelled.

    ``on_overdue`` is called with ``about`` when it goes on long after that; it may not wait.
    """

    __slots__ = ("_deadlines", "about", "due", "on_overdue", "scope", "spent")

    def __init__(self, deadlines: "Deadlines") -> None:
        self._deadlines = deadlines
        self.due = math.inf
        self.scope = trio.CancelScope()
        self.spent = False
        self.on_overdue: Callable[..., None] = _tell_nobody
        self.about: tuple[object, ...] = ()

    def renew(self) -> trio.CancelScope:
        """A new scope to work in."""
        self.spent, self.due, self.scope = False, math.inf, trio.CancelScope()
        return self.scope

    def begin(self, seconds: float, now: float | None = None) -> None:
        """What begins ``now``, on trio's clock, may take so long."""
        self.due = due = (trio.current_time() if now is None else now) + seconds
        if due < self._deadlines.first:
            self._deadlines.look_at(due)

    def end(self) -> None:
        """It is done."""
        self.due = math.inf


class Deadlines:
    """Cancels what takes longer than its allowance; ``run`` is the task that does it."""

    def __init__(self) -> None:
        self.first = math.inf
        """When ``run`` looks next; nothing is due before."""
        self._sleep = trio.CancelScope()
        self._allowances: set[Allowance] = set()

    def open(self) -> Allowance:
        """An allowance for a worker; ``close`` gives it back."""
        allowance = Allowance(self)
        self._allowances.add(allowance)
        return allowance

    def close(self, allowance: Allowance) -> None:
        """The worker has ended."""
        self._allowances.discard(allowance)

    def look_at(self, due: float) -> None:
        """Look at this time; it is before ``first``."""
        self.first = self._sleep.deadline = due

    async def run(self) -> None:
        """Look after all allowances until cancelled."""
        while True:
            with trio.CancelScope(deadline=self.first) as self._sleep:
                await trio.sleep_forever()
            now, self.first = trio.current_time(), math.inf
            for allowance in self._allowances:
                if allowance.due <= now:
                    self._end_time(allowance, now)
                self.first = min(self.first, allowance.due)

    def _end_time(self, allowance: Allowance, now: float) -> None:
        if allowance.spent:
            allowance.due = math.inf
            allowance.on_overdue(*allowance.about)
        else:
            allowance.spent, allowance.due = True, now + OVERDUE_SECONDS
            allowance.scope.cancel()
