"""The table of spans in SQLite."""

from collections.abc import Sequence

from botkit import Database, SqlValue
from bots.presence.spans import UNKNOWN, Span

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS spans (
        id        TEXT PRIMARY KEY,
        kind      TEXT NOT NULL,     -- online: in the service; member: in a channel
        account   TEXT NOT NULL,
        uid       INTEGER NOT NULL,
        channel   TEXT NOT NULL,     -- empty for online
        start_ms  INTEGER,           -- milliseconds since 1970; NULL: the beginning was not seen
        end_ms    INTEGER,           -- NULL: still open
        reason    TEXT NOT NULL,     -- why it ended: logout, disconnected, leave, moved, …, unknown
        uncertain INTEGER NOT NULL   -- 1: events were missed while it was open, so it may have ended before
    )
    """,
    "CREATE INDEX IF NOT EXISTS spans_by_account ON spans (account, start_ms)",
    "CREATE INDEX IF NOT EXISTS open_spans ON spans (kind, channel) WHERE end_ms IS NULL",
    """
    CREATE VIEW IF NOT EXISTS online_now AS
        SELECT account, uid, start_ms, uncertain FROM spans WHERE kind = 'online' AND end_ms IS NULL
    """,
    """
    CREATE VIEW IF NOT EXISTS members_now AS
        SELECT channel, account, uid, start_ms, uncertain FROM spans WHERE kind = 'member' AND end_ms IS NULL
    """,
)

# An end, and being uncertain, are never taken back: so the order in which two writes of a span arrive does not matter.
_SAVE = """
    INSERT INTO spans VALUES (:id, :kind, :account, :uid, :channel, :start_ms, :end_ms, :reason, :uncertain)
    ON CONFLICT (id) DO UPDATE SET
        end_ms = coalesce(excluded.end_ms, end_ms),
        reason = CASE WHEN excluded.end_ms IS NULL THEN reason ELSE excluded.reason END,
        uncertain = max(uncertain, excluded.uncertain)
"""


class SpanTable:
    """Writes spans. All methods raise ``StoreError``; a cancel may leave a span unwritten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, spans: Sequence[Span]) -> None:
        """Writes new spans and what changed in known ones, all or none."""
        if spans:
            await self._database.write([(_SAVE, _row(span)) for span in spans])

    async def close_left_open(self, ms: int) -> int:
        """Closes what is open, at ``ms``, as unknown and uncertain; how many spans there were."""
        return await self._database.execute(
            "UPDATE spans SET end_ms = max(?, coalesce(start_ms, 0)), reason = ?, uncertain = 1 WHERE end_ms IS NULL",
            (ms, UNKNOWN),
        )


def _row(span: Span) -> dict[str, SqlValue]:
    return {
        "id": span.id,
        "kind": span.kind,
        "account": span.account,
        "uid": span.uid,
        "channel": span.channel,
        "start_ms": span.start_ms,
        "end_ms": span.end_ms,
        "reason": span.reason,
        "uncertain": int(span.uncertain),
    }
