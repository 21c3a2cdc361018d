"""The audit table: every verdict, what was done about it, and how that went. Strikes are counted from it."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, TypeAlias

from msgspec import Struct

from botkit import Database, open_database
from bots.moderation.judge import Sanction, Verdict

Outcome: TypeAlias = Literal["done", "failed", "dry"]
"""``done`` or ``failed`` with a reason. A row has ``pending`` until then. ``dry``: nothing was done, in a dry run."""

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS verdicts (
        id        TEXT PRIMARY KEY,
        ms        INTEGER NOT NULL,  -- the message's time, milliseconds since 1970
        moderator TEXT NOT NULL,     -- the bot's account
        channel   TEXT NOT NULL,
        account   TEXT NOT NULL,     -- who wrote it
        text      TEXT NOT NULL,     -- the whole message
        rule      TEXT NOT NULL,     -- words, links, flood
        evidence  TEXT NOT NULL,     -- the matched span, as it was written
        detail    TEXT NOT NULL,     -- what is wrong with it
        strikes   INTEGER NOT NULL,  -- of the account, this one included
        action    TEXT NOT NULL,     -- record, warn, mute; until it is chosen, what the rule asked for
        outcome   TEXT NOT NULL,     -- pending, done, failed, dry
        reason    TEXT NOT NULL      -- why it failed, or what else there is to say
    )
    """,
    "CREATE INDEX IF NOT EXISTS verdicts_by_account ON verdicts (account, ms)",
)

# One statement, so that two channels that give strikes to one account at once cannot both count the same number.
_OPEN = """
    INSERT INTO verdicts
    VALUES (:id, :ms, :moderator, :channel, :account, :text, :rule, :evidence, :detail,
            (SELECT count(*) FROM verdicts WHERE account = :account AND ms > :since AND action <> 'record'
             AND (outcome <> 'dry' OR :outcome = 'dry')) + :counts,
            :action, :outcome, '')
"""

_INTERRUPTED = """
    UPDATE verdicts SET outcome = 'failed', reason = 'the bot stopped before the outcome was known'
    WHERE outcome = 'pending' AND moderator = ?
"""


class Message(Struct, frozen=True):
    """The message that a verdict is about."""

    channel: str
    account: str
    text: str
    ms: int


class Case(Struct, frozen=True):
    """An open row: its id, and how many strikes its account has with it."""

    id: str
    strikes: int


class AuditLog:
    """Writes the table. Made by :func:`open_audit`; several may share a file. All raise ``StoreError``."""

    def __init__(self, database: Database, moderator: str, forget_ms: int) -> None:
        self._database, self._moderator, self._forget_ms = database, moderator, forget_ms

    async def open_case(self, message: Message, verdict: Verdict, *, dry: bool = False) -> Case:
        """Writes the verdict as pending and counts the strikes; once this returns, it is on the disk.

        With ``dry`` it is written as one of a dry run: its strike counts in dry runs, and never against anybody. A
        cancel may come before or after the row is written.
        """
        case_id = secrets.token_hex(8)
        await self._database.execute(
            _OPEN,
            {
                "id": case_id,
                "ms": message.ms,
                "moderator": self._moderator,
                "channel": message.channel,
                "account": message.account,
                "text": message.text,
                "rule": verdict.rule,
                "evidence": verdict.evidence,
                "detail": verdict.detail,
                "since": message.ms - self._forget_ms,
                "counts": int(verdict.action != "record"),
                "action": verdict.action,
                "outcome": "dry" if dry else "pending",
            },
        )
        rows = await self._database.fetch("SELECT strikes FROM verdicts WHERE id = ?", (case_id,))
        return Case(case_id, int(rows[0][0] or 0))

    async def close_case(self, case: Case, action: Sanction, outcome: Outcome, reason: str = "") -> None:
        """Writes what was done and how it went."""
        await self._database.execute(
            "UPDATE verdicts SET action = ?, outcome = ?, reason = ? WHERE id = ?", (action, outcome, reason, case.id)
        )

    async def fail_interrupted(self) -> int:
        """Marks what an earlier run of this bot left pending as failed; how many there were."""
        return await self._database.execute(_INTERRUPTED, (self._moderator,))


@asynccontextmanager
async def open_audit(url: str, moderator: str, *, forget_hours: float) -> AsyncIterator[AuditLog]:
    """The audit table at ``url``, for the bot whose account is ``moderator``. Raises ``StoreError``."""
    async with open_database(url, SCHEMA) as database:
        yield AuditLog(database, moderator, int(forget_hours * 3_600_000))
