"""The ledger: every change of cases is one transaction, with its record in the audit log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
import trio

from botkit import Database, SqlValue, StoreError
from bots.moderation.cases.chain import FIRST, Record, link
from bots.moderation.cases.facts import Act, Cell, Done, Draft, Lane, Level, Opened
from bots.moderation.cases.schema import MOVED_ON
from bots.moderation.cases.selection import Selection

Statement: TypeAlias = tuple[str, Mapping[str, SqlValue]]

MAX_TRIES = 5
"""How often a change is tried again when another process has written at the same time."""

MAX_BATCH = 10_000
"""Cases that one transaction closes."""

_RECORD = "INSERT INTO audit VALUES (:n, :ms, :kind, :case, :body, :prev, :hash)"
_CASE = """
    INSERT INTO cases VALUES (:id, :lane, :ms, :moderator, :by, :channel, :account, :rule, :version, :kind, :key,
                              :strikes, 'open')
"""
_ACT = """
    INSERT INTO acts VALUES (:case, :seq, :lane, :verb, :account, :channel, :rate, :until_ms, :text,
                             :counts AND (SELECT state = 'open' FROM cases WHERE id = :case), :outcome, :problem)
"""
_CELL = """
    INSERT INTO cells VALUES (:lane, :kind, :account, :channel, :baseline, 1)
    ON CONFLICT (lane, kind, account, channel) DO UPDATE SET dirty = 1
"""
_MARK_CELLS = """
    UPDATE cells SET dirty = 1 WHERE lane = :lane AND (kind, account, channel) IN (
        SELECT verb, CASE verb WHEN 'slow' THEN '' ELSE account END, CASE verb WHEN 'ban' THEN '' ELSE channel END
        FROM acts WHERE counts = 1 AND case_id IN ({ids})
    )
"""
_STRIKES = """
    SELECT count(*) FROM acts
    WHERE lane = ? AND verb = 'strike' AND account = ? AND counts = 1 AND until_ms > ?
"""


class Baselines(NamedTuple):
    """What was in force, before any act of ours, in those cells that the ledger does not know yet.

    ``problems`` says of others why nobody can tell: acts there fail at once, since they could not be taken back.
    """

    levels: Mapping[Cell, Level | None]
    problems: Mapping[Cell, str]


NOTHING = Baselines({}, {})


class Ledger:
    """Writes the tables of one database; several processes may. All methods raise ``StoreError``.

    A cancel leaves a change made whole or not at all.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._turn = trio.Lock()
        self._last, self._hash = 0, FIRST

    @property
    def head(self) -> tuple[int, str]:
        """The number and hash of the newest record, as far as this process knows."""
        return self._last, self._hash

    async def strikes(self, lane: Lane, account: str, ms: int) -> int:
        """How many strikes of an account count at ``ms``."""
        rows = await self.database.fetch(_STRIKES, (lane, account, ms))
        return int(rows[0][0] or 0)

    async def open_case(self, draft: Draft, acts: Sequence[Act], strikes: int, baselines: Baselines) -> int:
        """Write a new case and what is to be done; its number. ``strikes`` are the account's, with those of this case.

        Nothing is done before this returns: it is carried out by whoever asked, or by the next start.
        """
        opened = Opened(draft=draft, strikes=strikes, acts=tuple(acts))
        async with self._turn:
            for attempt in range(MAX_TRIES):
                record = self._next("case", draft.ms, opened)
                statements: list[Statement] = [(_CASE, {**_columns(draft), "id": record.n, "strikes": strikes})]
                statements += _act_statements(record.n, draft.lane, acts, baselines)
                if await self._write(record, statements, last_try=attempt == MAX_TRIES - 1):
                    return record.n
        raise AssertionError("the last try raises")

    async def add_acts(
        self, case: int, lane: Lane, first: int, *, acts: Sequence[Act], baselines: Baselines, ms: int
    ) -> None:
        """Write further acts of a case, with numbers from ``first`` on."""
        statements = _act_statements(case, lane, acts, baselines, first=first)
        await self._change("acts", ms, {"first": first, "acts": acts}, statements, case=case)

    async def close_acts(self, case: int, lane: Lane, done: Sequence[Done], ms: int) -> None:
        """Write what became of acts. What failed does not count: its cell is set to what it should be without it."""
        statements: list[Statement] = []
        for one in done:
            values: dict[str, SqlValue] = {
                "case": case,
                "seq": one.seq,
                "outcome": one.outcome,
                "problem": one.problem,
                "lane": lane,
                "counts": int(one.outcome != "failed"),
            }
            if one.outcome == "failed":
                ids = "SELECT :case"
                statements.append((f"{_MARK_CELLS.format(ids=ids)}", values))
            statements.append(
                (
                    "UPDATE acts SET outcome = :outcome, problem = :problem, counts = min(counts, :counts)"
                    " WHERE case_id = :case AND seq = :seq",
                    values,
                )
            )
        await self._change("done", ms, done, statements, case=case)

    async def undo(self, selection: Selection, lane: Lane, by: str, ms: int) -> list[int]:
        """Have no act of these cases count any more; those that were not undone before.

        What is in force follows as soon as a bot has set the cells that this leaves dirty. Many cases take several
        transactions; when it fails, or is cancelled, between two of them, the rest is left for another time.
        """
        undone: list[int] = []
        was = ("open", "ended")
        while batch := await self._close_cases(selection, lane, by, ms, kind="undo", state="undone", was=was):
            undone += batch
        return undone

    async def end(self, case: int, lane: Lane, by: str, ms: int) -> list[int]:
        """The time of a case is over: what it put in force without an end counts no more. It is not taken back."""
        return await self._close_cases(Selection(case=case), lane, by, ms, kind="ended", state="ended", was=("open",))

    async def note(self, kind: str, ms: int, body: object, *, case: int = 0) -> None:
        """Write a record that changes nothing else."""
        await self._change(kind, ms, body, [], case=case)

    async def note_versions(self, definitions: Mapping[tuple[str, str], str], ms: int) -> None:
        """Write which version of which rule is in force from now on, with all that they say."""
        statements: list[Statement] = [
            (
                "INSERT OR IGNORE INTO rule_versions VALUES (:rule, :version, :definition, :ms)",
                {"rule": rule, "version": version, "definition": definition, "ms": ms},
            )
            for (rule, version), definition in definitions.items()
        ]
        await self._change("rules", ms, dict(definitions.keys()), statements)

    async def settle(self, lane: Lane, cell: Cell) -> None:
        """A cell is as it should be; one in which no act counts is forgotten, with its baseline."""
        values = {**msgspec.to_builtins(cell), "lane": lane}
        where = "lane = :lane AND kind = :kind AND account = :account AND channel = :channel"
        account = "" if cell.kind == "slow" else " AND account = :account"
        channel = "" if cell.kind == "ban" else " AND channel = :channel"
        counting = f"SELECT 1 FROM acts WHERE lane = :lane AND verb = :kind{account}{channel} AND counts = 1"
        await self.database.write(
            [
                (f"DELETE FROM cells WHERE {where} AND NOT EXISTS ({counting})", values),
                (f"UPDATE cells SET dirty = 0 WHERE {where}", values),
            ]
        )

    async def _close_cases(
        self, selection: Selection, lane: Lane, by: str, ms: int, *, kind: str, state: str, was: Sequence[str]
    ) -> list[int]:
        condition, values = selection.where(lane)
        states = ", ".join(f"'{one}'" for one in was)
        query = f"SELECT id FROM cases WHERE {condition} AND state IN ({states}) ORDER BY id LIMIT {MAX_BATCH}"
        counts = "" if state == "undone" else " AND verb <> 'strike'"
        async with self._turn:
            for attempt in range(MAX_TRIES):
                ids = [int(row[0] or 0) for row in await self.database.fetch(query, values)]
                if not ids:
                    return []
                listed = ", ".join(map(str, ids))
                record = self._next(kind, ms, {"by": by, "selection": selection, "lane": lane, "cases": ids})
                statements: list[Statement] = [
                    (_MARK_CELLS.format(ids=listed), {"lane": lane}),
                    (f"UPDATE acts SET counts = 0 WHERE case_id IN ({listed}){counts}", {}),
                    (f"UPDATE cases SET state = :state WHERE id IN ({listed})", {"state": state}),
                ]
                if await self._write(record, statements, last_try=attempt == MAX_TRIES - 1):
                    return ids
        raise AssertionError("the last try raises")

    async def _change(
        self, kind: str, ms: int, body: object, statements: Sequence[Statement], *, case: int = 0
    ) -> None:
        async with self._turn:
            for attempt in range(MAX_TRIES):
                record = self._next(kind, ms, body, case=case)
                if await self._write(record, statements, last_try=attempt == MAX_TRIES - 1):
                    return

    def _next(self, kind: str, ms: int, body: object, *, case: int = 0) -> Record:
        number = self._last + 1
        text = msgspec.json.encode(body, order="sorted").decode()
        about = number if kind == "case" else case
        return link(self._hash, number, ms=ms, kind=kind, case=about, body=text)

    async def _write(self, record: Record, statements: Sequence[Statement], *, last_try: bool) -> bool:
        """Write all of it; False when another process was faster, and the end of the chain was read again."""
        insert: Statement = (_RECORD, msgspec.to_builtins(record))
        try:
            await self.database.write([insert, *statements])
        except StoreError as error:
            if MOVED_ON not in error.problem or last_try:
                raise
            await self.read_head()
            return False
        self._last, self._hash = record.n, record.hash
        return True

    async def read_head(self) -> None:
        """Learn where the chain ends, at the start and after another process has written."""
        rows = await self.database.fetch("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")
        self._last, self._hash = (int(rows[0][0] or 0), str(rows[0][1])) if rows else (0, FIRST)


def _columns(draft: Draft) -> dict[str, SqlValue]:
    return {
        name: getattr(draft, name)
        for name in ("lane", "ms", "moderator", "by", "channel", "account", "rule", "version", "kind", "key")
    }


def _act_statements(
    case: int, lane: Lane, acts: Iterable[Act], baselines: Baselines, *, first: int = 1
) -> list[Statement]:
    statements: list[Statement] = []
    for seq, act in enumerate(acts, first):
        cell = act.cell
        problem = baselines.problems.get(cell, "") if cell is not None else ""
        fate = {"counts": int(not problem), "outcome": "failed" if problem else "pending", "problem": problem}
        values = {**msgspec.to_builtins(act), "case": case, "seq": seq, "lane": lane, **fate}
        statements.append((_ACT, values))
        if cell is not None and not problem:
            baseline = msgspec.json.encode(baselines.levels.get(cell)).decode()
            statements.append((_CELL, {**msgspec.to_builtins(cell), "lane": lane, "baseline": baseline}))
    return statements
