"""What one subscriber is told: the log, with flaps and outages taken out of it. Pure: time comes with the records.

A view is a function of the log alone: whatever ends the process, the same records give the same output, each with the
same ``cursor``. So a subscriber needs nothing on disk but the cursor of the last thing that it was told.

**Flaps.** An end is held back for the view's window. Who is back in time was never gone, and nothing is told. A window
of 0 is the raw view.

**Outages.** When so many go at once as never go by themselves, their ends are held for longer, and one ``outage`` says
how many went and how many are back; only those that are not have an end.
"""

import heapq
from collections import deque

from msgspec import Struct
from msgspec.structs import replace

from bots.presence.records import UNKNOWN, VERSION, Record
from bots.presence.stays import Key

OUTAGE_REASONS = frozenset({"disconnected", "stopped", "crashed", "store_slow", "crowded", UNKNOWN})
"""Why somebody goes who did not want to."""


class OutageRule(Struct, frozen=True):
    """So many accounts that go within a view's window are an outage, which is waited for so long."""

    accounts: int = 100
    ms: int = 60_000


class _Outage(Struct):
    from_ms: int
    until_ms: int
    gone: set[str]
    back: int = 0


class View:
    """The log as it is told with a window of ``window_ms``. ``take`` the records in their order, and ``advance``."""

    def __init__(self, window_ms: int, outages: OutageRule | None = None) -> None:
        self._window_ms, self._rule = window_ms, outages or OutageRule()
        self._held: dict[Key, Record] = {}
        self._left: dict[str, str] = {}
        self._due: list[tuple[int, int, Key]] = []
        self._recent: deque[tuple[int, str]] = deque()
        self._outage: _Outage | None = None

    @property
    def reach_ms(self) -> int:
        """How far back in the log its output depends on."""
        return 0 if not self._window_ms else 2 * (self._window_ms + self._rule.ms) + 1

    @property
    def held(self) -> set[Key]:
        """Who is gone, and is not told yet to be."""
        return set(self._held)

    def due_ms(self) -> int | None:
        """When it has something to tell next, if nothing happens."""
        due = self._due[0][0] if self._due else None
        if self._outage is not None:
            return self._outage.until_ms if due is None else min(due, self._outage.until_ms)
        return due

    def take(self, record: Record) -> list[Record]:
        """The next record; what is told now."""
        told = self.advance(record.ms)
        if self._window_ms and record.event in ("offline", "left"):
            self._hold(record)
            return told
        passed = list[Record]()
        if record.event == "joined":
            passed += self._release_other_channel(record)
        if not self._was_held(record):
            passed.append(record)
        return told + [replace(one, cursor=(record.ms, record.n, number)) for number, one in enumerate(passed)]

    def advance(self, ms: int) -> list[Record]:
        """All that happened before ``ms`` has been taken: what is told by then."""
        told = list[Record]()
        while (due := self.due_ms()) is not None and due <= ms:
            if self._outage is not None and due == self._outage.until_ms:
                told.append(self._end_outage(self._outage))
                continue
            _, n, key = heapq.heappop(self._due)
            record = self._held.get(key)
            if record is not None and record.n == n:
                del self._held[key]
                self._left.pop(record.account if record.channel else "", None)
                told.append(replace(record, cursor=(due, 0, n)))
        return told

    def _hold(self, record: Record) -> None:
        key = (record.account, record.channel)
        due = record.ms + self._window_ms
        if record.reason in OUTAGE_REASONS:
            self._note_loss(record)
            if self._outage is not None:
                due = max(due, self._outage.until_ms)
        self._held[key] = record
        if record.channel:
            self._left[record.account] = record.channel
        heapq.heappush(self._due, (due, record.n, key))

    def _note_loss(self, record: Record) -> None:
        if record.channel:
            return
        if self._outage is not None:
            self._outage.gone.add(record.account)
            return
        self._recent.append((record.ms, record.account))
        while self._recent[0][0] <= record.ms - self._window_ms:
            self._recent.popleft()
        gone = {account for _, account in self._recent}
        if len(gone) >= self._rule.accounts:
            from_ms = self._recent[0][0]
            self._outage = _Outage(from_ms=from_ms, until_ms=from_ms + self._rule.ms + self._window_ms, gone=gone)
            self._recent.clear()
            self._wait_longer(self._outage)

    def _wait_longer(self, outage: _Outage) -> None:
        self._due = [(max(due, outage.until_ms) if self._is_loss(key) else due, n, key) for due, n, key in self._due]
        heapq.heapify(self._due)

    def _is_loss(self, key: Key) -> bool:
        record = self._held.get(key)
        return record is not None and record.reason in OUTAGE_REASONS

    def _end_outage(self, outage: _Outage) -> Record:
        self._outage = None
        still = sum(not channel and account in outage.gone for account, channel in self._held)
        return Record(
            v=VERSION,
            id=f"outage-{outage.from_ms}",
            n=0,
            event="outage",
            ms=outage.until_ms,
            from_ms=outage.from_ms,
            to_ms=outage.until_ms,
            count=len(outage.gone),
            found=len(outage.gone) - still,
            gone=still,
            cursor=(outage.until_ms, 0, 0),
        )

    def _was_held(self, record: Record) -> bool:
        """Whether this ends what is held back: then nothing ever happened."""
        return (
            record.event in ("online", "joined") and self._held.pop((record.account, record.channel), None) is not None
        )

    def _release_other_channel(self, record: Record) -> list[Record]:
        """Who joins a channel has really left the one before: told before it."""
        left = self._left.pop(record.account, record.channel)
        held = self._held.pop((record.account, left), None) if left != record.channel else None
        return [] if held is None else [held]
