"""How far each sink has come, what none would take, and the log from there on."""

from collections.abc import Collection, Sequence

import msgspec

from botkit import Database
from bots.presence.pipeline import Needs, Start
from bots.presence.records import Place, Record, decode_record, encode_record
from bots.presence.stays import Stay
from bots.presence.store import STAY_COLUMNS, number, stay_of

POSITIONS_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS positions (
        sink TEXT PRIMARY KEY,
        ms   INTEGER NOT NULL,      -- the cursor of the last record that it took
        n    INTEGER NOT NULL,
        k    INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS dead_letters (
        id   INTEGER PRIMARY KEY,
        sink TEXT NOT NULL,
        json TEXT NOT NULL          -- a record that the sink did not take in time
    )
    """,
    "CREATE INDEX IF NOT EXISTS dead_letters_by_sink ON dead_letters (sink, id)",
)

MAX_DEAD_LETTERS = 10_000
"""Of each sink; the oldest go."""

_AT_THE_END = 2**40


class Positions:
    """Keeps the places of sinks in the daemon's database. All methods raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, sinks: Sequence[str]) -> None:
        """Sinks that are new begin at the end of the log."""
        rows = await self._database.fetch("SELECT ms, n FROM records ORDER BY n DESC LIMIT 1")
        ms, n = (number(rows[0][0]), number(rows[0][1])) if rows else (0, 0)
        new = "INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (sink) DO NOTHING"
        await self._database.write([(new, (sink, ms, n, _AT_THE_END if n else 0)) for sink in sinks])

    async def load(self, sink: str) -> Place:
        """The cursor of the last record that the sink took."""
        rows = await self._database.fetch("SELECT ms, n, k FROM positions WHERE sink = ?", (sink,))
        ((ms, n, k),) = rows or [(0, 0, 0)]
        return number(ms), number(n), number(k)

    async def save(self, sink: str, place: Place) -> None:
        """The sink has taken all up to here."""
        sql = "INSERT INTO positions VALUES (?, ?, ?, ?) ON CONFLICT (sink) DO UPDATE SET ms = ?2, n = ?3, k = ?4"
        await self._database.execute(sql, (sink, *place))

    async def read(self, after: int, limit: int) -> list[Record]:
        """Records behind number ``after``, in their order."""
        rows = await self._database.fetch("SELECT json FROM records WHERE n > ? ORDER BY n LIMIT ?", (after, limit))
        return [decode_record(str(text)) for (text,) in rows]

    async def before(self, place: Place, reach_ms: int, needs: Needs) -> Start:
        """Where to begin so that all from ``reach_ms`` before ``place`` on is taken, as far as it is kept."""
        rows = await self._database.fetch(
            "SELECT n, ms FROM records WHERE ms < ? ORDER BY ms DESC, n DESC LIMIT 1", (place[0] - reach_ms,)
        )
        n, at = (number(rows[0][0]), number(rows[0][1])) if rows else (0, 0)
        kept = await self._database.fetch(
            "SELECT min(n), (SELECT value FROM state WHERE key = 'floor_ms') FROM records"
        )
        if place[0] >= number(kept[0][1]):  # what is no longer kept it has been told
            n = max(n, number(kept[0][0]) - 1)
        gaps = await self._database.fetch("SELECT 1 FROM gaps WHERE n <= ? AND (to_ms IS NULL OR to_ms > ?)", (n, at))
        return Start(
            n=n,
            ms=at,
            there=await self._there(n) if needs.there else (),
            gone=await self._gone(n, needs.gone) if needs.gone else (),
            in_gap=bool(gaps),
        )

    async def _there(self, n: int) -> list[Stay]:
        where = "start_n <= ? AND (end_n IS NULL OR end_n > ? OR state = 'held')"
        rows = await self._database.fetch(f"SELECT {STAY_COLUMNS} FROM stays WHERE {where}", (n, n))
        return [stay_of(row) for row in rows]

    async def _gone(self, n: int, accounts: Collection[str]) -> list[Stay]:
        rows = await self._database.fetch(
            f"SELECT {STAY_COLUMNS} FROM stays WHERE id IN (SELECT max(id) FROM stays WHERE channel = ''"
            " AND start_n <= ?1 AND account IN (SELECT value FROM json_each(?2)) GROUP BY account)"
            " AND end_n <= ?1 AND state <> 'held'",
            (n, msgspec.json.encode(sorted(accounts)).decode()),
        )
        return [stay_of(row) for row in rows]

    async def bury(self, sink: str, records: Sequence[Record]) -> None:
        """Keep what the sink did not take; of all that it did not, the latest ``MAX_DEAD_LETTERS``."""
        rows = [
            ("INSERT INTO dead_letters (sink, json) VALUES (?, ?)", (sink, encode_record(record))) for record in records
        ]
        bound = (
            "DELETE FROM dead_letters WHERE sink = ?1 AND id <= coalesce((SELECT id FROM dead_letters WHERE sink = ?1"
            " ORDER BY id DESC LIMIT 1 OFFSET ?2), 0)",
            (sink, MAX_DEAD_LETTERS),
        )
        await self._database.write([*rows, bound])
