"""Where the spans and the lines are written: SQLite and a file, fed by one projection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botkit import open_database
from bots.presence.lines import Line, LineWriter, open_lines
from bots.presence.projection import Projection
from bots.presence.settings import PresenceSettings
from bots.presence.spans import Moment, Page, Span
from bots.presence.table import SCHEMA, SpanTable


class Ledger:
    """Records what happens, in the tables and in the file. Made by :func:`open_ledger`.

    Each method changes the projection before its first wait, so the order of the calls is what counts. They raise
    ``StoreError`` or ``OSError``; a cancel leaves a change in the projection that may not be written.
    """

    def __init__(self, table: SpanTable, lines: LineWriter) -> None:
        self.projection = Projection()
        self._table, self._lines = table, lines

    async def begin(self, moment: Moment) -> None:
        """A login or a join."""
        spans = self.projection.begin(moment)
        await self._table.save(spans)
        await self._lines.write(
            Line(
                ms=moment.ms,
                event="joined" if moment.channel else "online",
                account=moment.account,
                uid=moment.uid,
                channel=moment.channel,
            )
        )

    async def end(self, moment: Moment) -> None:
        """A logout or a leave."""
        *_, span = spans = self.projection.end(moment)
        await self._table.save(spans)
        await self._lines.write(
            Line(
                ms=moment.ms,
                event="left" if moment.channel else "offline",
                account=moment.account,
                uid=moment.uid,
                channel=moment.channel,
                start_ms=span.start_ms,
                reason=moment.reason,
                uncertain=span.uncertain,
            )
        )

    async def lose(self, ms: int, reason: str, count: int | None) -> int:
        """Events are missing, ``count`` of them or an unknown number; how many open spans are uncertain by it."""
        spans = self.projection.lose()
        await self._table.save(spans)
        await self._lines.write(Line(ms=ms, event="gap", reason=reason, count=count, spans=len(spans)))
        return len(spans)

    async def take(self, page: Page) -> tuple[int, int]:
        """A page of a snapshot; how many it found without an open span, and how many open spans of nobody there."""
        spans = self.projection.take(page)
        await self._table.save(spans)
        told = Line(ms=page.ms, event="snapshot", count=len(page.present), spans=len(spans))
        await self._lines.write(*(_line_of(span) for span in spans), told)
        found = sum(span.end_ms is None for span in spans)
        return found, len(spans) - found

    async def start(self, ms: int) -> None:
        """Begins a run at ``ms``: what an earlier one left open is closed as unknown.

        Nobody knows when that ended, only that it was not seen to end before: so it is uncertain.
        """
        closed = await self._table.close_left_open(ms)
        await self._lines.write(Line(ms=ms, event="started", spans=closed))

    async def stop(self, ms: int) -> None:
        """Ends the run at ``ms``: what is open is closed as unknown, since nobody will see its end."""
        closed = await self._table.close_left_open(ms)
        await self._lines.write(Line(ms=ms, event="stopped", spans=closed))


def _line_of(span: Span) -> Line:
    """What a snapshot changed, as the line of the event that was missed."""
    if span.end_ms is None:
        return Line(
            ms=span.start_ms or 0,
            event="joined" if span.channel else "online",
            account=span.account,
            uid=span.uid,
            channel=span.channel,
            uncertain=True,
        )
    return Line(
        ms=span.end_ms,
        event="left" if span.channel else "offline",
        account=span.account,
        uid=span.uid,
        channel=span.channel,
        start_ms=span.start_ms,
        reason=span.reason,
        uncertain=True,
    )


@asynccontextmanager
async def open_ledger(settings: PresenceSettings) -> AsyncIterator[Ledger]:
    """A ledger that writes where ``settings`` say. Raises ``StoreError`` or ``OSError`` when it cannot be opened."""
    async with open_database(settings.database, SCHEMA) as database, open_lines(settings.file) as lines:
        yield Ledger(SpanTable(database), lines)
