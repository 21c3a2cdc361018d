"""The audit log: it only grows, and whatever is changed in it is named."""

import sqlite3
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock
from typer.testing import CliRunner

from botkit import Database, StoreError, open_database
from bots.moderation.cases import ledger as ledger_module
from bots.moderation.cases.chain import FIRST, Broken, Record, link, verify
from bots.moderation.cases.facts import Act, Draft
from bots.moderation.cases.ledger import NOTHING, Ledger
from bots.moderation.cases.queries import verify_audit
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.cases.selection import Selection
from bots.moderation.commands import app

DRAFT = Draft(
    lane="live",
    ms=1_000,
    moderator="moderator",
    by="moderator",
    channel="lobby",
    account="bob",
    rule="spam",
    text="spam",
)


def chain(bodies: list[str]) -> list[Record]:
    records: list[Record] = []
    for body in bodies:
        prev = records[-1].hash if records else FIRST
        records.append(link(prev, len(records) + 1, ms=1, kind="case", case=0, body=body))
    return records


@pytest.mark.row("D09")
@given(st.lists(st.text(), min_size=1, max_size=8), st.data())
def test_any_change_of_a_record_is_named(bodies: list[str], data: st.DataObject) -> None:
    records = chain(bodies)
    assert verify(records) is None
    place = data.draw(st.integers(0, len(records) - 1))
    field = data.draw(st.sampled_from(["ms", "kind", "case", "body", "hash"]))
    changed = {name: getattr(records[place], name) for name in Record.__struct_fields__}
    changed[field] = changed[field] + (1 if isinstance(changed[field], int) else "x")
    records[place] = Record(**changed)
    broken = verify(records)
    assert broken is not None
    assert broken.n == place + 1


def test_records_that_are_missing_or_put_in_are_named() -> None:
    records = chain(["a", "b", "c"])
    assert verify([records[0], records[2]]) == Broken(2, "is missing: the next one is 3")
    other = link(FIRST, 2, ms=1, kind="case", case=0, body="x")
    found = verify([records[0], other, records[2]])
    assert found is not None
    assert found.n == 2


async def write_some(database: Database) -> None:
    """Three cases and an undo."""
    ledger = Ledger(database)
    await ledger.read_head()
    for _ in range(3):
        act = Act(verb="strike", account="bob", until_ms=9_999)
        case = await ledger.open_case(DRAFT, [act], 1, NOTHING)
    await ledger.undo(Selection(case=case), "live", "ann", 2_000)


async def test_the_database_itself_refuses_to_change_it() -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        await write_some(database)
        assert await verify_audit(database) is None
        for statement in (
            "UPDATE audit SET body = 'x' WHERE n = 2",
            "DELETE FROM audit WHERE n = 4",
            'INSERT INTO audit SELECT n + 1, ms, kind, "case", body, prev, hash FROM audit WHERE n = 4',
        ):
            with pytest.raises(StoreError, match="audit log"):
                await database.execute(statement)


@pytest.mark.row("D09")
@pytest.mark.parametrize("n", [1, 3, 4])
def test_verify_names_the_record_in_which_one_byte_was_changed(tmp_path: Path, n: int) -> None:
    path = tmp_path / "moderation.db"
    url = f"sqlite:///{path}"

    async def fill() -> None:
        async with open_database(url, SCHEMA) as database:
            await write_some(database)

    trio.run(fill)
    runner = CliRunner()
    fine = runner.invoke(app, ["audit", "verify", "--database", url])
    assert (fine.exit_code, fine.output.split(" ", 1)[0]) == (0, "4")
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER audit_no_update")
    (body,) = connection.execute("SELECT body FROM audit WHERE n = ?", (n,)).fetchone()
    connection.execute("UPDATE audit SET body = ? WHERE n = ?", (body.replace("a", "b", 1), n))
    connection.commit()
    connection.close()
    broken = runner.invoke(app, ["audit", "verify", "--database", url])
    assert broken.exit_code == 1
    assert f"record {n} was changed" in broken.output


@pytest.mark.row("D09")
async def test_a_changed_row_of_a_case_is_named_too() -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        await write_some(database)
        await database.execute("UPDATE cases SET account = 'ann' WHERE id = 2")
        found = await verify_audit(database)
        assert found == Broken(2, "its row in the table cases was changed: account is 'ann', and was 'bob'")


async def test_two_processes_write_one_chain() -> None:
    async with open_database("sqlite://two_writers", SCHEMA) as one, open_database("sqlite://two_writers") as two:
        first, second = Ledger(one), Ledger(two)
        for number in range(3):
            for ledger in (first, second):
                await ledger.note("test", number, {"number": number})
        assert await verify_audit(one) is None
        assert await one.fetch("SELECT count(*) FROM audit") == [(6,)]


async def test_acts_that_are_added_to_a_case_that_was_undone_do_not_count(autojump_clock: MockClock) -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        ledger = Ledger(database)
        case = await ledger.open_case(DRAFT, [], 0, NOTHING)
        await ledger.undo(Selection(case=case), "live", "ann", 2_000)
        strike = Act(verb="strike", account="bob", until_ms=9_999)
        await ledger.add_acts(case, "live", 1, acts=[strike], baselines=NOTHING, ms=3_000)
        assert await ledger.strikes("live", "bob", 3_000) == 0


async def test_an_undo_of_very_many_cases_takes_several_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_BATCH", 2)
    async with open_database("sqlite://", SCHEMA) as database:
        ledger = Ledger(database)
        strike = Act(verb="strike", account="bob", until_ms=9_999)
        cases = [await ledger.open_case(DRAFT, [strike], 1, NOTHING) for _ in range(5)]
        assert await ledger.undo(Selection(rule="spam"), "live", "ann", 2_000) == cases
        assert await ledger.strikes("live", "bob", 2_000) == 0
        assert await database.fetch("SELECT count(*) FROM audit WHERE kind = 'undo'") == [(3,)]
        assert await verify_audit(database) is None
