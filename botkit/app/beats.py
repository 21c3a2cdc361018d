"""The timers of a bot, its handlers of ``every``: they keep their times when the code behind them changes."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from botkit.app.targets import Target
from botkit.app.version import Version

BeatKey: TypeAlias = tuple[str, str, int]
"""Which timer: file and name of its handler, and the how many-th it is of that handler."""

CallBeat: TypeAlias = Callable[[Version, Target], Awaitable[None]]


class _Timer:
    """Beats on a fixed grid: the next one, the ``number``-th, is at ``begin + number * seconds``."""

    def __init__(self, key: BeatKey, seconds: float, version: Version, target: Target) -> None:
        self.key, self.seconds, self.version, self.target = key, seconds, version, target
        self.begin, self.number = trio.current_time(), 1
        self.wanted = True
        self.waiting: trio.CancelScope | None = None

    @property
    def due(self) -> float:
        return self.begin + self.number * self.seconds

    def become(self, seconds: float, version: Version, target: Target) -> None:
        """Beat for another version, and from the last beat on at another pace, but not in the past."""
        self.wanted, self.version, self.target = True, version, target
        if seconds != self.seconds:
            last = self.begin + (self.number - 1) * self.seconds
            self.begin, self.number, self.seconds = max(last, trio.current_time() - seconds), 1, seconds
            self.look_again()

    def look_again(self) -> None:
        """Wait no more for what was due."""
        if self.waiting is not None:
            self.waiting.cancel()

    def leave_out(self, now: float) -> int:
        """Leave those out that have passed already; how many."""
        passed = max(0, int((now - self.begin) / self.seconds) - (self.number - 1))
        self.number += passed
        return passed


class Timers:
    """Calls the beats of one version at a time, each handler's in a task of its own, which ``start_soon`` begins.

    A beat that comes while the last one of the same handler is still at work is left out; ``on_left_out`` gets their
    number. ``call`` gets the version and the target, and raises nothing.
    """

    def __init__(
        self,
        start_soon: Callable[[Callable[[_Timer], Awaitable[None]], _Timer], None],
        call: CallBeat,
        on_left_out: Callable[[int], None],
    ) -> None:
        self._start_soon, self._call, self._on_left_out = start_soon, call, on_left_out
        self._timers: dict[BeatKey, _Timer] = {}

    def become(self, version: Version) -> None:
        """From now on, beat for this version.

        A handler of the same name, in the same file, goes on where the last version's was: with the same seconds at the
        same times, with others counted from its last beat. The others begin now, or end. What is at work ends itself.
        """
        seen = Counter[tuple[str, str]]()
        wanted: set[BeatKey] = set()
        for seconds, target in version.beats:
            handler = (target.place.file, target.place.name)
            key = (*handler, seen[handler])
            seen[handler] += 1
            wanted.add(key)
            timer = self._timers.get(key)
            if timer is None:
                timer = self._timers[key] = _Timer(key, seconds, version, target)
                self._start_soon(self._run, timer)
            else:
                timer.become(seconds, version, target)
        for key, timer in self._timers.items():
            if key not in wanted:
                timer.wanted = False
                timer.look_again()

    async def _run(self, timer: _Timer) -> None:
        while timer.wanted:
            with trio.CancelScope() as timer.waiting:
                await trio.sleep_until(timer.due)
            if timer.waiting.cancel_called:
                continue  # it is no longer wanted, or at other times
            timer.waiting = None
            timer.number += 1
            await self._call(timer.version, timer.target)
            if left_out := timer.leave_out(trio.current_time()):
                self._on_left_out(left_out)
        del self._timers[timer.key]
