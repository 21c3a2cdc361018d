"""The call records: one row per invitation, from when it arrived to how it ended."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botkit import Database, open_database

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS calls (
        id          TEXT PRIMARY KEY,
        agent       TEXT NOT NULL,     -- the bot's account
        caller      TEXT NOT NULL,
        channel     TEXT NOT NULL,
        start_ms    INTEGER NOT NULL,  -- the invitation, milliseconds since 1970
        answered_ms INTEGER,           -- NULL: never answered
        end_ms      INTEGER,           -- NULL: still going on
        digits      TEXT NOT NULL,     -- what was pressed, in order
        outcome     TEXT NOT NULL,     -- empty while it goes on; see the package's docstring
        reason      TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS calls_by_caller ON calls (caller, start_ms)",
    "CREATE INDEX IF NOT EXISTS calls_going_on ON calls (agent) WHERE end_ms IS NULL",
)


class CallRecords:
    """Writes the table. Made by :func:`open_records`. All methods raise ``StoreError``."""

    def __init__(self, database: Database, agent: str) -> None:
        self._database, self._agent = database, agent

    async def open_record(self, caller: str, channel: str, ms: int) -> str:
        """An invitation arrived at ``ms``; the id of its record."""
        record = secrets.token_hex(8)
        await self._database.execute(
            "INSERT INTO calls VALUES (?, ?, ?, ?, ?, NULL, NULL, '', '', '')",
            (record, self._agent, caller, channel, ms),
        )
        return record

    async def add_refusal(self, caller: str, channel: str, *, start_ms: int, end_ms: int, reason: str) -> None:
        """An invitation of ``start_ms`` was refused."""
        await self._database.execute(
            "INSERT INTO calls VALUES (?, ?, ?, ?, ?, NULL, ?, '', 'refused', ?)",
            (secrets.token_hex(8), self._agent, caller, channel, start_ms, end_ms, reason),
        )

    async def answer(self, record: str, ms: int) -> None:
        """The call was answered at ``ms``."""
        await self._database.execute("UPDATE calls SET answered_ms = ? WHERE id = ?", (ms, record))

    async def close_record(self, record: str, ms: int, *, outcome: str, digits: str = "", reason: str = "") -> None:
        """The call, or the invitation, ended at ``ms``."""
        await self._database.execute(
            "UPDATE calls SET end_ms = ?, outcome = ?, digits = ?, reason = ? WHERE id = ?",
            (ms, outcome, digits, reason, record),
        )

    async def close_left_open(self, ms: int) -> int:
        """Closes what an earlier run of this agent left open, as ``unknown``; how many there were."""
        return await self._database.execute(
            "UPDATE calls SET end_ms = max(?, start_ms), outcome = 'unknown', reason = 'the bot stopped meanwhile' "
            "WHERE end_ms IS NULL AND agent = ?",
            (ms, self._agent),
        )


@asynccontextmanager
async def open_records(url: str, agent: str) -> AsyncIterator[CallRecords]:
    """The call records at ``url``, for the bot whose account is ``agent``. Raises ``StoreError``."""
    async with open_database(url, SCHEMA) as database:
        yield CallRecords(database, agent)
