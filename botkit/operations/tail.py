"""The logs of a running process as a stream: one JSON object a line, as they are written."""

import threading
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager

import msgspec
import trio
from structlog.typing import EventDict

from botkit.observability.logs import facts_last
from botkit.observability.taps import tapped

MAX_WAITING = 1000
"""Lines that wait for a reader; while it is slower than the logs, the oldest go, and their number is told."""

MAX_READERS = 8


class LogTail:
    """One reader of the logs. Entries may come from any thread; ``lines`` is for the loop's."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._wanted = wanted
        self._waiting = deque[EventDict]()
        self._dropped = 0
        self._lock = threading.Lock()
        self._token = trio.lowlevel.current_trio_token()
        self._news = trio.Event()

    def take(self, event: EventDict) -> None:
        """An entry was logged."""
        if any(str(event.get(key)) != value for key, value in self._wanted.items()):
            return
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(event)
        try:
            self._token.run_sync_soon(self._wake, idempotent=True)
        except trio.RunFinishedError:
            pass  # a thread's last words, after the loop has ended: nobody reads them here

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Each entry as a line, until cancelled."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            with self._lock:
                entries, dropped = list(self._waiting), self._dropped
                self._waiting.clear()
                self._dropped = 0
            if dropped:
                yield _line({"event": "lines left out: this reader is too slow", "count": dropped})
            for entry in entries:
                yield _line(entry)

    def _wake(self) -> None:
        self._news.set()


class Tails:
    """All readers of a process, ``MAX_READERS`` at most."""

    def __init__(self) -> None:
        self.readers = 0

    @contextmanager
    def open(self, wanted: Mapping[str, str]) -> Iterator[LogTail]:
        """A reader of the entries whose fields are as ``wanted``, for the block."""
        tail = LogTail(wanted)
        self.readers += 1
        try:
            with tapped(tail.take):
                yield tail
        finally:
            self.readers -= 1


def _line(event: EventDict) -> bytes:
    return msgspec.json.encode(facts_last(None, "", event), enc_hook=repr) + b"\n"
