"""JSON lines in a file, which is rotated by size, or on standard output."""

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import trio

from bots.presence.records import Place, Record, decode_record, encode_record

TAIL_BYTES = 64 * 1024
"""How much of a file's end is read for its last line; a record is far shorter."""


class FileSink:
    """Appends a line for each record; past ``max_bytes`` the file becomes ``NAME.1``, and so on up to ``keep``.

    What a killed process had written is known from the last line, so that nothing stands there twice; half a line is
    taken away.
    """

    remembers = True

    def __init__(self, path: Path, *, max_bytes: int, keep: int) -> None:
        self._path, self._max_bytes, self._keep = path, max_bytes, keep
        # A disk that hangs keeps its thread, and the next try waits for that one.
        self._disk = trio.CapacityLimiter(1)
        self._left: tuple[int, int] | None = None
        self._place: Place = (0, 0, 0)

    async def prepare(self) -> None:
        """Make the folder and the file, so that a path that cannot be is told at once. Raises ``OSError``."""
        await trio.to_thread.run_sync(self._append, (), limiter=self._disk)

    async def last_told(self) -> Place | None:
        """The cursor in the last line. Raises ``OSError``."""
        return await trio.to_thread.run_sync(self._recover, limiter=self._disk, abandon_on_cancel=True)

    async def deliver(self, records: Sequence[Record]) -> None:
        """Append these, and have them on the disk. Raises ``OSError``."""
        await trio.to_thread.run_sync(self._append, records, limiter=self._disk, abandon_on_cancel=True)

    def _append(self, records: Sequence[Record]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # against a try that was given up and goes on all the same
            if self._left != _identity(file):  # somebody else was at it, or half a line is there
                self._place = self._recover() or (0, 0, 0)
            self._left = None
            new = [record for record in records if record.cursor is None or record.cursor > self._place]
            _write_all(file, b"".join(encode_record(record).encode() + b"\n" for record in new))
            os.fsync(file.fileno())
            self._place = max([self._place, *(record.cursor for record in new if record.cursor is not None)])
            self._left = _identity(file)
            if self._left[1] > self._max_bytes:
                self._rotate()

    def _rotate(self) -> None:
        for number in range(self._keep, 0, -1):
            older = self._path if number == 1 else self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        if not self._keep:
            self._path.unlink()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _recover(self) -> Place | None:
        for path in (self._path, self._numbered(1)):
            if path.exists() and (place := _last_place(path)) is not None:
                return place
        return None


class StdoutSink:
    """Prints a line for each record."""

    remembers = False

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream
        self._turn = trio.CapacityLimiter(1)

    async def last_told(self) -> Place | None:
        """Nobody knows what was read."""
        return None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Print these; a pipe that nobody reads makes it wait. Raises ``OSError``."""
        lines = "".join(f"{encode_record(record)}\n" for record in records)
        await trio.to_thread.run_sync(self._print, lines, limiter=self._turn, abandon_on_cancel=True)

    def _print(self, lines: str) -> None:
        stream = sys.stdout if self._stream is None else self._stream
        stream.write(lines)
        stream.flush()


def _write_all(file: IO[bytes], lines: bytes) -> None:
    while lines:
        lines = lines[file.write(lines) :]


def _identity(file: IO[bytes]) -> tuple[int, int]:
    """Which file it is, and how long: whether it is as it was left."""
    stat = os.fstat(file.fileno())
    return stat.st_ino, stat.st_size


def _mend(path: Path, size: int) -> None:
    """Take away half a line at the end, which a killed process, or a full disk, has left."""
    if not size:
        return
    with path.open("rb+") as file:
        start = max(0, size - TAIL_BYTES)
        file.seek(start)
        tail = file.read()
        if not tail.endswith(b"\n"):
            file.truncate(start + tail.rfind(b"\n") + 1)


def _last_place(path: Path) -> Place | None:
    size = path.stat().st_size
    _mend(path, size)
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL_BYTES))
        for line in reversed(file.read().splitlines()):
            try:
                return decode_record(line).cursor
            except ValueError:
                continue
    return None
