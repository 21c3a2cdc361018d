"""The watchdog: a thread that notices when the loop does not turn, and names what blocks it while it still does.

No task runs while a handler calls ``time.sleep``: who is to notice has to be outside of the loop. The thread asks the
loop for a sign of life a few times a second, which costs the loop a callback each. Time is the machine's own here, not
trio's: a block is real, and a virtual clock would stand still in it.
"""

import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType

import structlog
import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit.app.culprit import Culprit, find_culprit, is_idle, task_frame
from botkit.observability.metrics import Meters

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

ASK_SECONDS = 0.15
"""How often the loop is asked for a sign of life."""

LOOK_SECONDS = 0.25
"""How often a loop that gives none is looked at. Who is at the same step two looks in a row blocks it: that is noticed
0.65 s after the step's begin at the latest, or 0.9 s if the loop was busy before."""

LAST_LINE_SECONDS = 1.0
"""How long the thread is waited for, should nobody read the log any more."""

_BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Block(Struct, frozen=True, kw_only=True):
    """Something kept the loop from turning for so many ``seconds``."""

    seconds: float
    culprit: Culprit


class Watchdog:
    """Reports each time that something blocks the loop which ``watching`` is entered in.

    One report as soon as that is noticed, with bot, handler, lines and stack, and a line with the whole time when the
    loop turns again; each block is counted for its bot. Where the process is just busy, many tasks and none of them
    long, nothing is reported. Apps of one process share one watchdog: its thread lives from the first ``watching`` to
    the last.
    """

    def __init__(self, meters: Meters) -> None:
        self._blocks = meters.counter("loop_blocks", "Times that something blocked the loop, by its bot", "bot")
        self._seconds = meters.histogram("loop_blocked_seconds", "For how long something blocked the loop", _BUCKETS)
        self._watchers = 0
        self._thread: _WatchThread | None = None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Inside, the loop is watched. The thread has ended when the last of those who are inside has left."""
        self._watchers += 1
        if self._thread is None:
            self._thread = _WatchThread(trio.lowlevel.current_trio_token(), self._count)
            self._thread.start()
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers and self._thread is not None:
                self._thread.stop()
                self._thread = None

    def _count(self, block: Block) -> None:
        self._blocks.add_for(block.culprit.bot or "none")
        self._seconds.observe(block.seconds)


class _WatchThread(threading.Thread):
    """Asks the loop of the thread that makes it, again and again, until that thread stops it."""

    def __init__(self, loop: trio.lowlevel.TrioToken, count: Callable[[Block], None]) -> None:
        super().__init__(name="botkit watchdog", daemon=True)  # it must not hold up an exit that waits for nobody
        self._loop, self._count = loop, count
        self._watched = threading.get_ident()
        self._turned, self._stopping = threading.Event(), threading.Event()
        self._turned_at = 0.0

    def stop(self) -> None:
        """End the thread, and wait for it: it sleeps, or writes its last line (for ``LAST_LINE_SECONDS`` at most)."""
        self._stopping.set()
        self._note_turn()
        self.join(LAST_LINE_SECONDS)

    def run(self) -> None:
        """See ``threading.Thread.run``."""
        try:
            while not self._stopping.wait(ASK_SECONDS):
                self._turned.clear()
                if self._stopping.is_set():
                    return  # stopped just now: nobody would set it again
                asked = time.monotonic()
                self._loop.run_sync_soon(self._note_turn)
                self._watch_turn(asked)
        except trio.RunFinishedError:
            pass

    def _watch_turn(self, asked: float) -> None:
        try:
            self._wait_for_turn(asked)
        except trio.RunFinishedError:
            raise
        except Exception:  # noqa: BLE001 - it reads frames that go on meanwhile: the next block must be noticed, too
            _log.exception("the watchdog cannot say what blocks the loop")

    def _note_turn(self) -> None:
        """The sign of life: for the loop to call. The time is taken here: this thread may hear of it late."""
        self._turned_at = time.monotonic()
        self._turned.set()

    def _wait_for_turn(self, asked: float) -> None:
        before: FrameType | None = None
        looked = asked
        while not self._turned.wait(LOOK_SECONDS):
            frame = sys._current_frames().get(self._watched)
            late = time.monotonic() - looked > 2 * LOOK_SECONDS
            looked = time.monotonic()
            if frame is None or is_idle(frame):
                return  # it is about to turn, or the whole process was stopped for a while
            step = task_frame(frame)
            # Who holds Python's global lock keeps this thread from looking, and is seen right after that.
            if step is before or late:
                self._report(find_culprit(frame), asked)
                return
            before = step

    def _report(self, culprit: Culprit, asked: float) -> None:
        _log.error(
            "a bot blocks the loop" if culprit.bot else "the loop is blocked",
            **_who(culprit),
            blocked_at=culprit.blocked_at,
            seconds=round(time.monotonic() - asked, 2),
            stack=culprit.stack,
        )
        self._turned.wait()
        block = Block(seconds=self._turned_at - asked, culprit=culprit)
        _log.warning("the loop turns again", **_who(culprit), blocked_seconds=round(block.seconds, 1))
        self._loop.run_sync_soon(self._count, block)


def _who(culprit: Culprit) -> dict[str, str | int]:
    names = {"bot": culprit.bot, "account": culprit.account, "event_type": culprit.event_type}
    facts: dict[str, str | int] = {key: name for key, name in names.items() if name}
    if culprit.handler:
        facts |= {"handler": culprit.handler, "file": culprit.file, "line": culprit.line}
    return facts
