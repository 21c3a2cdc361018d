"""The JSON lines: one object per event, appended to a file.

Tasks may write at once: what waits while a write is under way goes out together in the next one, in order.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Literal

import msgspec
import trio
from msgspec import Struct

MAX_WAITING = 10_000
"""Lines that may wait for a disk that does not take them."""


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. Which fields it has depends on ``event``; those that are empty are left out.

    ``ms`` is the gateway's time of the event; of ``started``, ``stopped`` and ``gap`` our own. ``offline`` and
    ``left`` say since when (``start_ms``, missing if not known), why (``reason``) and if that is ``uncertain``.
    ``gap`` says why events are missing (``reason``), how many (``count``, missing if not known) and how many spans
    are uncertain by it (``spans``). ``snapshot`` follows what a page of a snapshot showed: how many stays it has
    (``count``) and how many lines before it stand for events that were missed (``spans``; they are ``uncertain``).
    ``started`` says how many ``spans`` an earlier run that was killed had left open, ``stopped`` how many were closed
    because nobody watches any more.
    """

    ms: int
    event: Literal["online", "offline", "joined", "left", "gap", "snapshot", "started", "stopped"]
    account: str = ""
    uid: int = 0
    channel: str = ""
    start_ms: int | None = None
    reason: str = ""
    uncertain: bool = False
    count: int | None = None
    spans: int = 0


class LineWriter:
    """Appends lines to a file, in a worker thread. Made by :func:`open_lines`."""

    def __init__(self, file: IO[bytes] | None, *, max_waiting: int = MAX_WAITING) -> None:
        self._file = file
        self._max_waiting = max_waiting
        self._encoder = msgspec.json.Encoder()
        self._waiting: list[bytes] = []
        self._writing = trio.Lock()
        self.dropped = 0

    async def write(self, *lines: Line) -> None:
        """Appends lines; returns when they are with the operating system.

        Their place in the file is taken at once, before the first wait. A cancel leaves them to whoever writes next,
        or to the closing of the file. Raises ``OSError`` when the disk does not take them: then they wait for the
        next try, but past ``MAX_WAITING`` such lines new ones are dropped and counted in ``dropped``.
        """
        if self._file is None:
            return
        if len(self._waiting) < self._max_waiting:
            self._waiting += [self._encoder.encode(line) + b"\n" for line in lines]
        else:
            self.dropped += len(lines)
        async with self._writing:
            if self._waiting:
                await trio.to_thread.run_sync(self.flush)

    def flush(self) -> None:
        """Writes all that waits, blocking. What was not written when it raises ``OSError`` waits on."""
        count = len(self._waiting)
        rest = b"".join(self._waiting[:count])
        while self._file is not None and rest:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError:
                self._waiting[:count] = [rest]
                raise
        del self._waiting[:count]


@asynccontextmanager
async def open_lines(path: str | None) -> AsyncIterator[LineWriter]:
    """A writer for the file at ``path``, or one that writes nothing for None. Folders are made, the file kept.

    Raises ``OSError`` when it cannot be opened.
    """
    if path is None:
        yield LineWriter(None)
        return
    file = await trio.to_thread.run_sync(_open, Path(path))
    writer = LineWriter(file)
    try:
        yield writer
    finally:
        try:
            writer.flush()
        finally:
            file.close()


def _open(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab", buffering=0)
