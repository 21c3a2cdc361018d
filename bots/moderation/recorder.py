"""What the bot judges, written down for a backtest: a line of JSON for each fact, in a bounded file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import structlog
import trio
from msgspec import Meta, Struct
from structlog.typing import FilteringBoundLogger

from botkit import Meters
from bots.moderation.backtest.recording import encode_fact
from bots.moderation.rules import Fact

FLUSH_SECONDS = 1.0
MAX_WAITING = 20_000
"""Facts that wait to be written; further ones are left out, and counted."""

_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class RecordSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Record traffic in ``file``. At ``max_mib`` mebibytes it becomes ``file`` with ``.1`` behind, a new one begins.

    It holds what people said, with their accounts: whoever may read it may read every moderated channel.
    """

    file: str
    max_mib: Annotated[float, Meta(gt=0, le=1_048_576)] = 256


class Recorder:
    """Notes facts, and writes them once a second. Made by :func:`open_recorder`."""

    def __init__(self, settings: RecordSettings | None, meters: Meters) -> None:
        self._settings = settings
        self._waiting: list[bytes] = []
        self._failing = False
        self._written = meters.counter("moderation_recorded", "Facts that were written down for a backtest")
        self._lost = meters.counter("moderation_unrecorded", "Facts that could not be written down")

    def note(self, fact: Fact) -> None:
        """Write this down, soon."""
        if self._settings is None:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._lost.add()
        else:
            self._waiting.append(encode_fact(fact))

    async def flush(self) -> None:
        """Write what waits. What cannot be written is counted and told, and stops nothing."""
        count = len(self._waiting)
        if self._settings is None or not count:
            return
        lines = b"".join(self._waiting)
        try:
            # A cancel comes before it begins, and then all of them still wait, or after its end.
            await trio.to_thread.run_sync(_append, Path(self._settings.file), lines, self._settings.max_mib)
        except OSError as error:
            self._lost.add(count)
            if not self._failing:
                _log.error("traffic cannot be recorded", file=self._settings.file, reason=error.strerror)
            self._failing = True
        else:
            self._written.add(count)
            self._failing = False
        del self._waiting[:count]

    async def run(self) -> None:
        """Flush every second, until cancelled."""
        while self._settings is not None:
            await trio.sleep(FLUSH_SECONDS)
            await self.flush()


@asynccontextmanager
async def open_recorder(settings: RecordSettings | None, meters: Meters) -> AsyncIterator[Recorder]:
    """A recorder for as long as the block takes; what it has noted by then is written at the end."""
    recorder = Recorder(settings, meters)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(recorder.run)
            try:
                yield recorder
            finally:
                nursery.cancel_scope.cancel()
    finally:  # not before `run` is at its end: what it is still writing would be written twice
        with trio.CancelScope(shield=True):
            await recorder.flush()


def _append(path: Path, lines: bytes, max_mib: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(lines)
        full = file.tell() >= max_mib * (1 << 20)
    if full:
        path.replace(path.with_name(f"{path.name}.1"))
