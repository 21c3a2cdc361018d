"""A table of records in an SQLite database of its own."""

from collections.abc import Sequence

from botkit import Database, SqlValue, open_database
from bots.presence.records import Place, Record, encode_record

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS told (
        cursor_ms INTEGER NOT NULL,
        cursor_n  INTEGER NOT NULL,
        cursor_k  INTEGER NOT NULL,
        event     TEXT NOT NULL,
        ms        INTEGER NOT NULL,
        account   TEXT NOT NULL,
        channel   TEXT NOT NULL,
        json      TEXT NOT NULL,
        PRIMARY KEY (cursor_ms, cursor_n, cursor_k)
    )
    """,
)


class DatabaseSink:
    """Inserts a row for each record, a batch in one transaction. A row that is there already stays."""

    remembers = True

    def __init__(self, url: str) -> None:
        self._url = url

    async def last_told(self) -> Place | None:
        """The highest cursor in the table. Raises ``StoreError``."""
        async with open_database(self._url, SCHEMA) as database:
            columns = "cursor_ms, cursor_n, cursor_k"
            rows = await database.fetch(
                f"SELECT {columns} FROM told ORDER BY cursor_ms DESC, cursor_n DESC, cursor_k DESC LIMIT 1"
            )
        return (int(rows[0][0] or 0), int(rows[0][1] or 0), int(rows[0][2] or 0)) if rows else None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Insert these. Raises ``StoreError``."""
        async with open_database(self._url, SCHEMA) as database:
            await _insert(database, [_row(record) for record in records])


async def _insert(database: Database, rows: Sequence[Sequence[SqlValue]]) -> None:
    await database.write([("INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row) for row in rows])


def _row(record: Record) -> Sequence[SqlValue]:
    place = record.cursor or (record.ms, record.n, 0)
    return (*place, record.event, record.ms, record.account, record.channel, encode_record(record))
