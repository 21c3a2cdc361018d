"""One clock for all deadlines of a gateway: a heap of plain callbacks and one task."""

import heapq
import itertools
import math
from collections.abc import Awaitable, Callable

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.observability.metrics import Counter

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")

FEW = 1000
"""Up to so many deadlines are kept without looking which of them were cancelled."""


class Timer:
    """A deadline that is still to come. ``cancel`` it when it is not needed any more."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Never call back. May be called twice, or late."""
        self._callback = None

    @property
    def pending(self) -> bool:
        """False once it was cancelled or has called back."""
        return self._callback is not None

    def fire(self) -> None:
        """Call back, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """Deadlines by trio's clock. Callbacks run in the task of ``run``, one after the other, and may not wait."""

    def __init__(self, failed: Counter) -> None:
        self._failed = failed
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._changed = trio.Event()
        self._tidy_at = FEW

    @property
    def waiting(self) -> int:
        """How many deadlines are kept; cancelled ones are among them for a while."""
        return len(self._heap)

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` in ``seconds``."""
        return self.at(trio.current_time() + seconds, callback)

    def at(self, deadline: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` when trio's clock shows ``deadline``, at once if it does already."""
        if len(self._heap) >= self._tidy_at:
            self._tidy()
        timer = Timer(callback)
        heapq.heappush(self._heap, (deadline, next(self._order), timer))
        if self._heap[0][2] is timer:
            self._changed.set()
        return timer

    def every(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` each ``seconds`` for as long as ``run`` runs."""

        def again() -> None:
            self.after(seconds, again)
            callback()

        self.after(seconds, again)

    async def run(self, after_callbacks: Callable[[], Awaitable[None]]) -> None:
        """Fire what is due until cancelled; ``await after_callbacks()`` sends what the callbacks queued."""
        while True:
            self._changed = trio.Event()
            with trio.move_on_at(self._next_deadline()):
                await self._changed.wait()
            if self._fire_due():
                await after_callbacks()

    def _tidy(self) -> None:
        """Forget cancelled deadlines: a long one that is set again and again would else pile up."""
        self._heap = [entry for entry in self._heap if entry[2].pending]
        heapq.heapify(self._heap)
        self._tidy_at = max(FEW, 2 * len(self._heap))

    def _next_deadline(self) -> float:
        while self._heap and not self._heap[0][2].pending:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def _fire_due(self) -> bool:
        fired = False
        now = trio.current_time()
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            try:
                timer.fire()
            except Exception:  # noqa: BLE001 - the border around deadlines: one that fails must not stop the others
                _log.exception("a deadline's callback failed by our own fault")
                self._failed.add()
            fired = True
        return fired
