"""The call records: one row per call, from when it began to how it ended."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from botkit import Database, open_database
from bots.call_agent.timeline import Entry

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS call_records (
        id          TEXT PRIMARY KEY,
        agent       TEXT NOT NULL,     -- the bot's account
        direction   TEXT NOT NULL,     -- in, or out for a call of a campaign
        peer        TEXT NOT NULL,     -- the caller, or who was called
        channel     TEXT NOT NULL,
        start_ms    INTEGER NOT NULL,  -- the invitation, milliseconds since 1970
        answered_ms INTEGER,           -- NULL: never answered
        end_ms      INTEGER,           -- NULL: still going on
        digits      TEXT NOT NULL,     -- what was pressed, in order; secret digits are masked
        human       TEXT NOT NULL,     -- who took the caller; empty: nobody
        waited      REAL NOT NULL,     -- seconds in queues
        outcome     TEXT NOT NULL,     -- empty while it goes on; see the package's docstring
        reason      TEXT NOT NULL,
        result      TEXT NOT NULL,     -- the flow's own word for it
        timeline    TEXT NOT NULL      -- JSON
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS call_alarms (
        ms     INTEGER NOT NULL,
        agent  TEXT NOT NULL,
        kind   TEXT NOT NULL,          -- displaced, logged_out
        reason TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS call_records_by_peer ON call_records (peer, start_ms)",
    "CREATE INDEX IF NOT EXISTS call_records_by_time ON call_records (start_ms)",
    "CREATE INDEX IF NOT EXISTS call_records_going_on ON call_records (agent) WHERE end_ms IS NULL",
)

COLUMNS = (
    *("id", "agent", "direction", "peer", "channel", "start_ms", "answered_ms", "end_ms"),
    *("digits", "human", "waited", "outcome", "reason", "result", "timeline"),
)

_PUT = (
    f"INSERT INTO call_records ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS[6:])}"
)


class CallRecord(Struct, frozen=True, kw_only=True):
    """One call. ``answered_ms`` is None for one that was never answered, ``end_ms`` for one that goes on."""

    id: str
    agent: str
    direction: Literal["in", "out"]
    peer: str
    channel: str
    start_ms: int
    answered_ms: int | None = None
    end_ms: int | None = None
    digits: str = ""
    human: str = ""
    waited: float = 0
    outcome: str = ""
    reason: str = ""
    result: str = ""
    timeline: Sequence[Entry] = ()


class Alarm(NamedTuple):
    """An agent stopped hearing calls: when, which, and why."""

    ms: int
    agent: str
    kind: str
    reason: str


def new_id() -> str:
    """An id that no other call has."""
    return secrets.token_hex(8)


class CallRecords:
    """Writes and reads the table. Made by :func:`open_records`. All methods raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, record: CallRecord) -> None:
        """Write a call down as it is now."""
        row = msgspec.structs.asdict(record)
        row["timeline"] = msgspec.json.encode(record.timeline).decode()
        await self._database.execute(_PUT, row)

    async def close_left_open(self, agent: str, ms: int) -> int:
        """Closes what an earlier run of this agent left open, as ``unknown``; how many there were."""
        return await self._database.execute(
            "UPDATE call_records SET end_ms = max(?, start_ms), outcome = 'unknown', "
            "reason = 'the bot stopped meanwhile' WHERE end_ms IS NULL AND agent = ?",
            (ms, agent),
        )

    async def forget_before(self, ms: int) -> int:
        """Deletes what is over and began before ``ms``; how many there were."""
        return await self._database.execute("DELETE FROM call_records WHERE start_ms < ? AND end_ms IS NOT NULL", (ms,))

    async def alarm(self, agent: str, ms: int, kind: str, reason: str) -> None:
        """Write an alarm down."""
        await self._database.execute("INSERT INTO call_alarms VALUES (?, ?, ?, ?)", (ms, agent, kind, reason))

    async def alarms(self, limit: int) -> list[Alarm]:
        """The latest alarms, oldest first."""
        rows = await self._database.fetch(
            "SELECT ms, agent, kind, reason FROM call_alarms ORDER BY ms DESC, rowid DESC LIMIT ?", (limit,)
        )
        return [Alarm(int(ms or 0), str(agent), str(kind), str(reason)) for ms, agent, kind, reason in reversed(rows)]

    async def find(self, record: str) -> CallRecord | None:
        """The call with this id, or with the only one that begins so."""
        rows = await self._database.fetch(
            f"SELECT {', '.join(COLUMNS)} FROM call_records WHERE id LIKE ? || '%' ORDER BY id LIMIT 2", (record,)
        )
        return _record(rows[0]) if len(rows) == 1 else None

    async def latest(
        self, *, limit: int, peer: str = "", outcome: str = "", since_ms: int = 0, until_ms: int | None = None
    ) -> list[CallRecord]:
        """The latest calls, oldest first; those of ``peer`` and with ``outcome`` alone, if named."""
        rows = await self._database.fetch(
            f"SELECT {', '.join(COLUMNS)} FROM call_records WHERE start_ms >= :since AND start_ms <= :until "
            "AND :peer IN ('', peer) AND :outcome IN ('', outcome) ORDER BY start_ms DESC, rowid DESC LIMIT :limit",
            {
                "since": since_ms,
                "until": 2**62 if until_ms is None else until_ms,
                "peer": peer,
                "outcome": outcome,
                "limit": limit,
            },
        )
        return [_record(row) for row in reversed(rows)]


def _record(row: Sequence[object]) -> CallRecord:
    facts = dict(zip(COLUMNS, row, strict=True))
    facts["timeline"] = msgspec.json.decode(str(facts["timeline"]))
    return msgspec.convert(facts, CallRecord)


@asynccontextmanager
async def open_records(url: str) -> AsyncIterator[CallRecords]:
    """The call records at ``url``. Raises ``StoreError``."""
    async with open_database(url, SCHEMA) as database:
        yield CallRecords(database)
