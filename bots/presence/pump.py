"""Brings the log to one sink, in order and each record at least once, whatever the sink does meanwhile.

Each sink has a task and a place of its own: one that fails or hangs holds up nobody else. What cannot be delivered is
tried again, ever more rarely. Past the sink's budget it goes to the dead letters, which are bounded, and the log goes
on.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog
import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit import Meters
from bots.presence.pipeline import Pipeline
from bots.presence.positions import Positions
from bots.presence.progress import Progress
from bots.presence.records import VERSION, Place, Record
from bots.presence.stays import Key

READ_AT_ONCE = 500
"""Records of the log that are read together."""

SAVE_SECONDS = 1.0
"""How old the saved place may be of a sink that remembers by itself what it was told."""

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 60.0

_log: FilteringBoundLogger = structlog.get_logger("botkit.presence")


class Sink(Protocol):
    """Where records go."""

    remembers: bool
    """Whether ``last_told`` knows for certain, after whatever: then its place is not saved each time."""

    async def last_told(self) -> Place | None:
        """The cursor of the last record that is certainly there, if the sink can tell. May raise anything."""

    async def deliver(self, records: Sequence[Record]) -> None:
        """Take these, all of them. Whatever it raises has them delivered again."""


class Budget(Struct, frozen=True, kw_only=True):
    """How a sink is treated: ``batch`` records at once, ``timeout`` seconds for each try, ``retry_seconds`` in all."""

    batch: int = 100
    timeout: float = 10.0
    retry_seconds: float = 86_400.0


class Pump:
    """One sink's way out of the log. ``run`` is its task."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        pipeline: Pipeline,
        budget: Budget,
        *,
        positions: Positions,
        progress: Progress,
        meters: Meters,
    ) -> None:
        self.name, self.pipeline = name, pipeline
        self._sink, self._budget = sink, budget
        self._positions, self._progress = positions, progress
        self._told = meters.counter("presence_sink_records", "Records that sinks have taken", "sink")
        self._failures = meters.counter("presence_sink_failures", "Deliveries that failed, and are tried again", "sink")
        self._dead = meters.counter("presence_sink_dead_letters", "Records that a sink did not take in time", "sink")
        self.place: Place = (0, 0, 0)
        """The cursor of the last record that was delivered."""
        self.taken: Place = (0, 0, 0)
        """The cursor of the last record that was made for it, delivered or not."""
        self.read_n = 0
        """The number of the last record of the log that was taken."""
        self._save_at = 0.0
        self.known_ms = 0
        """The gateway's time up to which its view has come."""

    def held(self) -> set[Key]:
        """Who is gone by the log, and is not told yet to be."""
        return {key for stream in self.pipeline.streams for key in stream.view.held}

    def is_told_of(self, account: str, channel: str) -> bool:
        """Whether the sink is told of who is there."""
        return any(stream.interest.is_about(account, channel) for stream in self.pipeline.streams)

    async def run(self) -> None:
        """Deliver, until cancelled. Raises ``StoreError``."""
        start = await self._positions.load(self.name)
        self.place = self.taken = max(start, await self._last_told() or start)
        begin = await self._positions.before(self.place, self.pipeline.reach_ms, self.pipeline.needs)
        self.read_n = begin.n
        self.pipeline.seed(begin)
        while True:
            known_ms = self._progress.known_ms
            records = self._progress.after(self.read_n, READ_AT_ONCE)
            if records is None:
                records = await self._positions.read(self.read_n, READ_AT_ONCE)
            told = self._note_forgotten(records)
            for record in records:
                told += self.pipeline.take(record)
                self.read_n = record.n
            if len(records) < READ_AT_ONCE:
                told += self.pipeline.advance(known_ms)
                self.known_ms = known_ms
            if told:
                self.taken = max(self.taken, told[-1].cursor or self.taken)
            await self._deliver_all([record for record in told if (record.cursor or self.place) > self.place])
            if len(records) < READ_AT_ONCE:
                await self._wait(known_ms)

    def _note_forgotten(self, records: Sequence[Record]) -> list[Record]:
        """The log is bounded: who was away for too long has missed what is no longer in it."""
        if not records or records[0].n <= self.read_n + 1:
            return []
        first = records[0]
        missing = first.n - 1 - max(self.read_n, self.place[1])
        _log.error("a sink has missed records that are no longer kept", sink=self.name, records=missing)
        return [
            Record(
                v=VERSION,
                id=f"missed-{self.read_n}-{first.n}",
                n=0,
                event="gap",
                ms=first.ms,
                reason="the log no longer has all",
                to_ms=first.ms,
                scope="all",
                count=missing,
                cursor=(first.ms, self.read_n + 1, 0),
            )
        ]

    async def _deliver_all(self, records: Sequence[Record]) -> None:
        for start in range(0, len(records), self._budget.batch):
            batch = records[start : start + self._budget.batch]
            taken = await self._deliver(batch)
            self.place = max(self.place, batch[-1].cursor or self.place)
            if not taken or not self._sink.remembers or trio.current_time() >= self._save_at:
                await self._positions.save(self.name, self.place)
                self._save_at = trio.current_time() + SAVE_SECONDS

    async def _deliver(self, batch: Sequence[Record]) -> bool:
        """Whether the sink has taken it; if not, it is among the dead letters."""
        began, delay = trio.current_time(), FIRST_RETRY_SECONDS
        while True:
            problem = await self._try(batch)
            if not problem:
                if delay > FIRST_RETRY_SECONDS:
                    _log.info("a sink takes records again", sink=self.name)
                self._told.add_for(self.name, len(batch))
                return True
            self._failures.add_for(self.name)
            waited = trio.current_time() - began
            if waited + delay > self._budget.retry_seconds:
                self._dead.add_for(self.name, len(batch))
                _log.error("a sink did not take records in time", sink=self.name, error=problem, records=len(batch))
                await self._positions.bury(self.name, batch)
                return False
            _log.warning("a sink fails and is tried again", sink=self.name, error=problem, again_in=delay)
            await trio.sleep(delay)
            delay = min(2 * delay, LONGEST_RETRY_SECONDS)
            there = await self._last_told() or self.place  # of a try that only seemed to fail
            batch = [record for record in batch if (record.cursor or there) > there]
            if not batch:
                return True

    async def _try(self, batch: Sequence[Record]) -> str:
        """One try; what went wrong, if something did."""
        try:
            with trio.fail_after(self._budget.timeout):
                await self._sink.deliver(batch)
        except trio.TooSlowError:
            return f"it took longer than {self._budget.timeout:g} s"
        except Exception as error:  # noqa: BLE001 - the sink border: whatever a sink raises is its own affair
            return f"{type(error).__name__}: {error}"
        return ""

    async def _last_told(self) -> Place | None:
        try:
            with trio.fail_after(self._budget.timeout):
                return await self._sink.last_told()
        except trio.TooSlowError:
            return None
        except Exception as error:  # noqa: BLE001 - the sink border
            _log.warning("a sink cannot tell what it has", sink=self.name, error=f"{type(error).__name__}: {error}")
            return None

    async def _wait(self, known_ms: int) -> None:
        due = self.pipeline.due_ms()
        if self._progress.last_n > self.read_n or self._progress.known_ms > known_ms:
            await trio.lowlevel.checkpoint()
            return
        seconds = float("inf") if due is None else max(0, due - known_ms) / 1000
        with trio.move_on_after(seconds) as waited:
            await self._progress.wait()
        if waited.cancelled_caught:
            self._progress.ask()
            await self._progress.wait()
