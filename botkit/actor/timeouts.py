"""Timeouts of what is typically answered long before, at the price of a look at the clock.

A timeout scope would be 6 of an ask's 20 µs. So whoever waits is written down, and one task looks after all that wait
in this run of trio: it sleeps until the first of them has waited long enough, and ends when there is none. As trio's
own helpers it belongs to the run, which cancels it in the end.
"""

import math
from typing import Protocol

import trio


class Waiting(Protocol):
    """What waits for something."""

    def fail(self, error: Exception) -> None:
        """End the waiting with this error."""


class Timeouts:
    """Ends with ``trio.TooSlowError`` what waits for too long. ``of_this_run`` gives the one that there is."""

    def __init__(self) -> None:
        # By their seconds, since those of the same fall due in the order in which they came.
        self._lines: dict[float, dict[Waiting, float]] = {}
        self._first = math.inf  # when the task looks next; without an end if there is no task
        self._sleep = trio.CancelScope()

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def begin(self, waiting: Waiting, seconds: float) -> None:
        """It waits from now on, for at most so many seconds."""
        line = self._lines.get(seconds)
        if line is None:
            line = self._lines[seconds] = {}
        line[waiting] = due = trio.current_time() + seconds
        if due < self._first:
            self._look_at(due)

    def end(self, waiting: Waiting, seconds: float) -> None:
        """It waits no more; ``seconds`` as for ``begin``."""
        line = self._lines.get(seconds)
        if line is not None:
            line.pop(waiting, None)
            if not line:
                del self._lines[seconds]

    def _look_at(self, due: float) -> None:
        is_running, self._first = self._first < math.inf, due
        if is_running:
            self._sleep.deadline = due
        else:
            trio.lowlevel.spawn_system_task(self._run, name="timeouts of asks")

    async def _run(self) -> None:
        while self._first < math.inf:
            with trio.CancelScope(deadline=self._first) as self._sleep:
                await trio.sleep_forever()
            now = trio.current_time()
            for seconds in list(self._lines):
                self._end_due(seconds, now)
            self._first = min((next(iter(line.values())) for line in self._lines.values()), default=math.inf)

    def _end_due(self, seconds: float, now: float) -> None:
        line = self._lines[seconds]
        late = []
        for waiting, due in line.items():
            if due > now:
                break
            late.append(waiting)
        for waiting in late:
            self.end(waiting, seconds)
            waiting.fail(trio.TooSlowError())


_OF_THIS_RUN = trio.lowlevel.RunVar[Timeouts]("timeouts of asks")


def of_this_run() -> Timeouts:
    """Those of this run of trio."""
    try:
        return _OF_THIS_RUN.get()
    except LookupError:
        timeouts = Timeouts()
        _OF_THIS_RUN.set(timeouts)
        return timeouts
