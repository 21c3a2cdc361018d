"""What is read from the tables: for the bot, and for people."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from botkit import Database, SqlValue
from bots.moderation.cases.chain import FIRST, Broken, Record, verify
from bots.moderation.cases.facts import Act, Case, Cell, Lane, Level, Opened, RecordedAct
from bots.moderation.cases.selection import Selection

PAGE = 1_000

_RECORDS = 'SELECT n, ms, kind, "case", body, prev, hash FROM audit WHERE n > ? ORDER BY n LIMIT ?'
_ACTS = """
    SELECT seq, verb, account, channel, rate, until_ms, text, outcome, problem, counts FROM acts
    WHERE case_id = ? ORDER BY seq
"""
_INDEXED = ("lane", "ms", "moderator", "by", "channel", "account", "rule", "version", "kind", "key")


class Tally(Struct, frozen=True, kw_only=True):
    """What a version of a rule did: cases, how many of them were undone, and whom it was about."""

    rule: str
    version: str
    cases: int
    undone: int
    accounts: int
    first_ms: int
    last_ms: int
    in_force: bool


async def read_case(database: Database, number: int) -> Case | None:
    """A case by its number, or None. Raises ``StoreError``."""
    rows = await database.fetch(
        "SELECT audit.body, cases.state FROM cases JOIN audit ON audit.n = cases.id WHERE cases.id = ?", (number,)
    )
    if not rows:
        return None
    opened = msgspec.json.decode(str(rows[0][0]), type=Opened)
    acts = [_recorded(row) for row in await database.fetch(_ACTS, (number,))]
    state = rows[0][1]
    return msgspec.convert(
        {"id": number, "draft": opened.draft, "strikes": opened.strikes, "state": state, "acts": tuple(acts)}, Case
    )


async def list_cases(database: Database, selection: Selection, lane: Lane, *, limit: int = 20) -> list[Case]:
    """The newest of these cases, at most ``limit``, newest first."""
    condition, values = selection.where(lane)
    query = f"SELECT id FROM cases WHERE {condition} ORDER BY id DESC LIMIT {int(limit)}"
    numbers = [int(row[0] or 0) for row in await database.fetch(query, values)]
    cases = [await read_case(database, number) for number in numbers]
    return [case for case in cases if case is not None]


async def open_raids(database: Database, lane: Lane) -> list[tuple[int, str, str]]:
    """Raids that are not over: number, channel and rule."""
    rows = await database.fetch(
        "SELECT id, channel, rule FROM cases WHERE lane = ? AND kind = 'join_wave' AND state = 'open'", (lane,)
    )
    return [(int(number or 0), str(channel), str(rule)) for number, channel, rule in rows]


async def dirty_cells(database: Database, lane: Lane, *, limit: int = PAGE) -> list[Cell]:
    """Cells that are still to be set, in no order: some that cannot be set do not keep others from it."""
    query = (
        f"SELECT kind, account, channel FROM cells WHERE lane = ? AND dirty = 1 ORDER BY random() LIMIT {int(limit)}"
    )
    return [_cell(row) for row in await database.fetch(query, (lane,))]


async def all_cells(database: Database, lane: Lane) -> list[Cell]:
    """Cells in which something of ours is, or was."""
    rows = await database.fetch("SELECT kind, account, channel FROM cells WHERE lane = ?", (lane,))
    return [_cell(row) for row in rows]


async def cell_levels(database: Database, lane: Lane, cell: Cell) -> tuple[bool, Level | None, list[Level]]:
    """Of a cell: whether it is known, what was there before, and what all acts that count put there."""
    rows = await database.fetch(
        "SELECT baseline FROM cells WHERE lane = ? AND kind = ? AND account = ? AND channel = ?",
        (lane, cell.kind, cell.account, cell.channel),
    )
    baseline = msgspec.json.decode(str(rows[0][0]), type=Level | None) if rows else None
    account = "" if cell.kind == "slow" else " AND account = :account"
    channel = "" if cell.kind == "ban" else " AND channel = :channel"
    acts = await database.fetch(
        f"SELECT until_ms, rate, text FROM acts WHERE lane = :lane AND verb = :kind{account}{channel} AND counts = 1",
        {"lane": lane, "kind": cell.kind, "account": cell.account, "channel": cell.channel},
    )
    return bool(rows), baseline, [Level(int(until or 0), int(rate or 0), str(text)) for until, rate, text in acts]


async def our_rates(database: Database, cell: Cell) -> set[int]:
    """All limits that acts of ours ever put on a channel."""
    rows = await database.fetch("SELECT DISTINCT rate FROM acts WHERE verb = 'slow' AND channel = ?", (cell.channel,))
    return {int(row[0] or 0) for row in rows}


async def read_records(database: Database) -> AsyncIterator[Record]:
    """The audit log from its beginning."""
    after = 0
    while rows := await database.fetch(_RECORDS, (after, PAGE)):
        for row in rows:
            yield _record(row)
        after = int(rows[-1][0] or 0)


async def verify_audit(database: Database) -> Broken | None:
    """The first record of the audit log that was changed, or whose case was; None when all is as it was written."""
    after, prev = 0, FIRST
    while rows := await database.fetch(_RECORDS, (after, PAGE)):
        records = [_record(row) for row in rows]
        broken = verify(records, after=after, prev=prev)
        if broken is not None:
            return broken
        for record in records:
            if record.kind == "case" and (problem := await _case_problem(database, record)):
                return Broken(record.n, problem)
        after, prev = records[-1].n, records[-1].hash
    return None


async def tally(database: Database, lane: Lane, *, since_ms: int = 0, rule: str = "") -> list[Tally]:
    """What each version of each rule did, newest version first."""
    in_force = await versions_in_force(database)
    rows = await database.fetch(
        """
        SELECT rule, version, count(*), sum(state = 'undone'), count(DISTINCT account), min(ms), max(ms)
        FROM cases WHERE lane = :lane AND ms >= :since AND (:rule = '' OR rule = :rule)
        GROUP BY rule, version ORDER BY rule, max(id) DESC
        """,
        {"lane": lane, "since": since_ms, "rule": rule},
    )
    return [
        Tally(
            rule=str(row[0]),
            version=str(row[1]),
            cases=int(row[2] or 0),
            undone=int(row[3] or 0),
            accounts=int(row[4] or 0),
            first_ms=int(row[5] or 0),
            last_ms=int(row[6] or 0),
            in_force=in_force.get(str(row[0])) == str(row[1]),
        )
        for row in rows
    ]


async def versions_in_force(database: Database) -> Mapping[str, str]:
    """The version of each rule that a bot started with, or went over to, last."""
    rows = await database.fetch("SELECT body FROM audit WHERE kind = 'rules' ORDER BY n DESC LIMIT 1")
    return msgspec.json.decode(str(rows[0][0]), type=dict[str, str]) if rows else {}


async def _case_problem(database: Database, record: Record) -> str:
    """What the table of cases says otherwise than the record from which its row was made."""
    opened = msgspec.json.decode(record.body, type=Opened)
    columns = ", ".join(f'"{name}"' for name in _INDEXED)
    rows = await database.fetch(f"SELECT {columns} FROM cases WHERE id = ?", (record.n,))
    if not rows:
        return "its row in the table cases is missing"
    for name, value in zip(_INDEXED, rows[0], strict=True):
        if value != getattr(opened.draft, name):
            return (
                f"its row in the table cases was changed: {name} is {value!r}, and was {getattr(opened.draft, name)!r}"
            )
    return ""


def _record(row: tuple[SqlValue, ...]) -> Record:
    n, ms, kind, case, body, prev, hash = row
    return msgspec.convert(
        {"n": n, "ms": ms, "kind": kind, "case": case, "body": body, "prev": prev, "hash": hash}, Record
    )


def _cell(row: tuple[SqlValue, ...]) -> Cell:
    return msgspec.convert({"kind": row[0], "account": row[1], "channel": row[2]}, Cell)


def _recorded(row: tuple[SqlValue, ...]) -> RecordedAct:
    seq, verb, account, channel, rate, until, text, outcome, problem, counts = row
    act = {"verb": verb, "account": account, "channel": channel, "rate": rate, "until_ms": until, "text": text}
    return msgspec.convert(
        {"seq": seq, "act": msgspec.convert(act, Act), "outcome": outcome, "problem": problem, "counts": bool(counts)},
        RecordedAct,
    )


async def pending_acts(database: Database, lane: Lane, newest: int) -> dict[int, list[tuple[int, Act]]]:
    """Acts of which nobody knows what became of them, by case, at most ``PAGE``.

    Those of cases up to ``newest``, and those that are to be tried again.
    """
    rows = await database.fetch(
        "SELECT case_id, seq, verb, account, channel, rate, until_ms, text FROM acts"
        f" WHERE lane = ? AND outcome = 'pending' AND (case_id <= ? OR problem <> '')"
        f" ORDER BY case_id, seq LIMIT {PAGE}",
        (lane, newest),
    )
    found: dict[int, list[tuple[int, Act]]] = {}
    for case, seq, *values in rows:
        act = msgspec.convert(dict(zip(Act.__struct_fields__, values, strict=True)), Act)
        found.setdefault(int(case or 0), []).append((int(seq or 0), act))
    return found


async def next_act(database: Database, case: int) -> int:
    """The number of the next act of a case."""
    rows = await database.fetch("SELECT coalesce(max(seq), 0) + 1 FROM acts WHERE case_id = ?", (case,))
    return int(rows[0][0] or 1)


async def was_muted_since(
    database: Database, lane: Lane, account: str, channel: str, *, since_ms: int, now: int
) -> bool:
    """Whether the account was muted there, or banned, in a case since then, and still is ``now``."""
    rows = await database.fetch(
        """
        SELECT 1 FROM acts JOIN cases ON cases.id = acts.case_id
        WHERE acts.lane = ? AND acts.verb IN ('mute', 'ban') AND acts.account = ? AND acts.channel IN ('', ?)
          AND acts.counts = 1 AND acts.outcome = 'done' AND cases.ms >= ?
          AND (acts.until_ms = 0 OR acts.until_ms > ?) LIMIT 1
        """,
        (lane, account, channel, since_ms, now),
    )
    return bool(rows)


class UndoRecord(Struct, frozen=True):
    """What the audit log says of an undo."""

    by: str
    lane: Lane
    cases: tuple[int, ...]


async def newest_record(database: Database) -> int:
    """The number of the newest record of the audit log."""
    rows = await database.fetch("SELECT coalesce(max(n), 0) FROM audit")
    return int(rows[0][0] or 0)


async def undone_since(database: Database, n: int) -> list[tuple[int, UndoRecord]]:
    """The undos behind the record ``n``, at most ``PAGE``."""
    rows = await database.fetch(
        f"SELECT n, body FROM audit WHERE n > ? AND kind = 'undo' ORDER BY n LIMIT {PAGE}", (n,)
    )
    return [(int(number or 0), msgspec.json.decode(str(body), type=UndoRecord)) for number, body in rows]


async def acts_for_good(database: Database, cases: Sequence[int]) -> list[str]:
    """What was done in these cases that nobody can take back, in words and counted."""
    verbs = ", ".join(f"'{verb}'" for verb in FOR_GOOD)
    counts: Counter[str] = Counter()
    for first in range(0, len(cases), PAGE):
        listed = ", ".join(map(str, cases[first : first + PAGE]))
        rows = await database.fetch(
            f"SELECT verb, count(*) FROM acts WHERE outcome = 'done' AND verb IN ({verbs}) AND case_id IN ({listed})"
            " GROUP BY verb"
        )
        counts.update({str(verb): int(count or 0) for verb, count in rows})
    return [f"{counts[verb]} {words}" for verb, words in FOR_GOOD.items() if counts[verb]]


FOR_GOOD = {
    "kick": "kicked (they may join again)",
    "warn": "warnings",
    "tell": "notices of sanctions",
    "notice": "notices in channels",
    "alert": "alerts",
    "drop": "messages not delivered",
}
"""Acts that are over as soon as they are done."""


async def definition(database: Database, rule: str, version: str) -> str:
    """What a version of a rule said, as JSON; empty when nobody knows."""
    rows = await database.fetch("SELECT definition FROM rule_versions WHERE rule = ? AND version = ?", (rule, version))
    return str(rows[0][0]) if rows else ""
