"""What the daemon keeps on disk: its records, the stays and gaps that they come to, and where it was in the ledger.

One transaction has a step's records, stays and gaps together with the cursor: whatever kills the process, it goes on
from there, and nothing is written twice or left out.
"""

from collections.abc import Sequence

from msgspec import Struct, convert
from msgspec.structs import astuple

from botkit import Database, SqlValue
from bots.presence.changes import Changes
from bots.presence.projection import Projection
from bots.presence.records import Record, decode_record, encode_record
from bots.presence.stays import Cursor, Gap, Stay

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS records (
        n       INTEGER PRIMARY KEY,   -- its number
        ms      INTEGER NOT NULL,      -- milliseconds since 1970, by the gateway's clock
        event   TEXT NOT NULL,
        account TEXT NOT NULL,
        channel TEXT NOT NULL,
        json    TEXT NOT NULL          -- the whole record
    )
    """,
    "CREATE INDEX IF NOT EXISTS records_by_account ON records (account, n)",
    "CREATE INDEX IF NOT EXISTS records_by_time ON records (ms)",
    "CREATE INDEX IF NOT EXISTS records_of_gaps ON records (n) WHERE event IN ('gap', 'snapshot')",
    """
    CREATE TABLE IF NOT EXISTS stays (
        id          INTEGER PRIMARY KEY,
        account     TEXT NOT NULL,
        channel     TEXT NOT NULL,      -- empty: in the service
        uid         INTEGER NOT NULL,
        session     TEXT NOT NULL,
        start_ms    INTEGER NOT NULL,
        start_n     INTEGER NOT NULL,
        start_known INTEGER NOT NULL,   -- 0: it was there before, nobody knows since when
        state       TEXT NOT NULL,      -- open; held: cut off by a gap, nobody knows if it lasts; closed
        end_ms      INTEGER,
        end_n       INTEGER,
        end_known   INTEGER NOT NULL,   -- 0: it may have lasted longer
        reason      TEXT NOT NULL       -- why it ended: logout, disconnected, leave, moved, …, gap, unknown
    )
    """,
    "CREATE INDEX IF NOT EXISTS stays_by_account ON stays (account, start_ms)",
    "CREATE INDEX IF NOT EXISTS stays_by_end ON stays (end_ms)",
    "CREATE INDEX IF NOT EXISTS stays_that_last ON stays (state) WHERE state <> 'closed'",
    """
    CREATE TABLE IF NOT EXISTS gaps (
        n       INTEGER PRIMARY KEY,    -- the number of its record
        cause   TEXT NOT NULL,
        epoch   TEXT NOT NULL,
        seq     INTEGER NOT NULL,       -- the last event before it
        from_ms INTEGER,                -- NULL: from ever
        to_ms   INTEGER                 -- NULL: still
    )
    """,
    "CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value)",
    "DROP VIEW IF EXISTS online_now",
    """
    CREATE VIEW online_now AS
        SELECT account, uid, session, start_ms, start_known, state FROM stays WHERE channel = '' AND state <> 'closed'
    """,
    "DROP VIEW IF EXISTS members_now",
    """
    CREATE VIEW members_now AS
        SELECT channel, account, uid, session, start_ms, start_known, state
        FROM stays WHERE channel <> '' AND state <> 'closed'
    """,
)

STAY_COLUMNS = ", ".join(Stay.__struct_fields__)
GAP_COLUMNS = "n, cause, epoch, seq, from_ms, to_ms"

_SAVE_RECORD = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)"
_SAVE_STAY = f"""
    INSERT INTO stays ({STAY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        state = excluded.state, end_ms = excluded.end_ms, end_n = excluded.end_n,
        end_known = excluded.end_known, reason = excluded.reason
"""
_SAVE_GAP = (
    f"INSERT INTO gaps ({GAP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (n) DO UPDATE SET to_ms = excluded.to_ms"
)
_SAVE_STATE = "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


FORGET_AT_ONCE = 5_000
"""Rows that are deleted in one transaction."""


class Saved(Struct, frozen=True, kw_only=True):
    """Where the last run ended. ``ignore`` is what it left out; None when there was none."""

    projection: Projection
    cursor: Cursor | None
    known_ms: int | None
    ignore: str | None


class PresenceStore:
    """The daemon's database. All methods raise ``StoreError``; a cancel leaves a write done, or not begun."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def load(self) -> Saved:
        """Where the last run ended, however it did."""
        state = {str(key): value for key, value in await self.database.fetch("SELECT key, value FROM state")}
        stays = await self.database.fetch(f"SELECT {STAY_COLUMNS} FROM stays WHERE state <> 'closed' ORDER BY id")
        gaps = await self.database.fetch(f"SELECT {GAP_COLUMNS} FROM gaps WHERE to_ms IS NULL")
        projection = Projection(
            last_n=number(state.get("last_n")),
            last_stay=number(state.get("last_stay")),
            latest_ms=number(state.get("latest_ms")),
            stays=[stay_of(row) for row in stays],
            gap=gap_of(gaps[0]) if gaps else None,
        )
        epoch, known, ignore = state.get("epoch"), state.get("known_ms"), state.get("ignore")
        return Saved(
            projection=projection,
            cursor=Cursor(str(epoch), number(state.get("seq"))) if epoch else None,
            known_ms=None if known is None else number(known),
            ignore=None if ignore is None else str(ignore),
        )

    async def commit(self, changes: Changes, state: dict[str, SqlValue]) -> None:
        """Write what a step has changed, and ``state`` with it, all or nothing."""
        statements: list[tuple[str, Sequence[SqlValue]]] = []
        statements += [(_SAVE_RECORD, _record_row(record)) for record in changes.records]
        statements += [(_SAVE_STAY, astuple(stay)) for stay in changes.stays.values()]
        statements += [(_SAVE_GAP, astuple(gap)) for gap in changes.gaps.values()]
        statements += [(_SAVE_STATE, item) for item in state.items()]
        await self.database.write(statements)

    async def read(self, after: int, limit: int) -> list[Record]:
        """Records behind number ``after``, in their order."""
        rows = await self.database.fetch("SELECT json FROM records WHERE n > ? ORDER BY n LIMIT ?", (after, limit))
        return [decode_record(str(text)) for (text,) in rows]

    async def stays_at(self, n: int) -> list[Stay]:
        """The stays of who was there when record ``n`` was the newest; ``held`` are those that a gap has cut off."""
        where = "start_n <= ? AND (end_n IS NULL OR end_n > ? OR state = 'held')"
        rows = await self.database.fetch(f"SELECT {STAY_COLUMNS} FROM stays WHERE {where} ORDER BY id", (n, n))
        return [stay_of(row) for row in rows]

    async def forget(self, before_ms: int, most: int) -> int:
        """Delete what is older than ``before_ms``, and all but the latest ``most`` records; how many records went.

        From then on nothing is known of the time before the oldest that is kept.
        """
        rows = await self.database.fetch("SELECT ms FROM records ORDER BY n DESC LIMIT 1 OFFSET ?", (most,))
        floor = max(before_ms, number(rows[0][0]) + 1 if rows else 0)
        ((oldest,),) = await self.database.fetch("SELECT min(ms) FROM records")
        if oldest is None or number(oldest) >= floor:
            return 0
        await self.database.write([(_SAVE_STATE, ("floor_ms", floor)), ("DELETE FROM gaps WHERE to_ms < ?", (floor,))])
        await self._delete(
            "stays WHERE id IN (SELECT id FROM stays WHERE end_ms < ? AND state = 'closed' LIMIT ?)", floor
        )
        return await self._delete("records WHERE n IN (SELECT n FROM records WHERE ms < ? LIMIT ?)", floor)

    async def _delete(self, what: str, floor: int) -> int:
        """In portions, so that what happens meanwhile does not wait for all of it to be written."""
        total = 0
        while count := await self.database.execute(f"DELETE FROM {what}", (floor, FORGET_AT_ONCE)):
            total += count
        return total


def number(value: SqlValue) -> int:
    """A column that is a whole number, or nothing."""
    return int(value or 0)


def optional(value: SqlValue) -> int | None:
    """A column that is a whole number, or NULL."""
    return None if value is None else int(value)


def stay_of(row: Sequence[SqlValue]) -> Stay:
    """A stay from the columns ``STAY_COLUMNS``."""
    return convert(dict(zip(Stay.__struct_fields__, row, strict=True)), Stay, strict=False)


def gap_of(row: Sequence[SqlValue]) -> Gap:
    """A gap from the columns ``GAP_COLUMNS``."""
    n, cause, epoch, seq, from_ms, to_ms = row
    return Gap(
        number=number(n),
        cause=str(cause),
        epoch=str(epoch),
        seq=number(seq),
        from_ms=optional(from_ms),
        to_ms=optional(to_ms),
    )


def _record_row(record: Record) -> Sequence[SqlValue]:
    return record.n, record.ms, record.event, record.account, record.channel, encode_record(record)
