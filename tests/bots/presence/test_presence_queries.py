"""What was, and how that is known: against the model's truth; the time that accounts were there, by hand."""

import json
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from typer.testing import CliRunner

from botkit import ConfigError, SqlValue, WallClock, open_database
from bots.presence import queries
from bots.presence.changes import Changes
from bots.presence.commands import app, read_time
from bots.presence.courses import course_of
from bots.presence.queries import SILENCE_MS, Queries
from bots.presence.records import Record
from bots.presence.stays import Gap, Stay
from bots.presence.store import SCHEMA, PresenceStore
from bots.presence.timeline import Knowledge, Period, status_at
from tests.bots.presence.presence_log import script
from tests.bots.presence.presence_model import ACCOUNTS, CHANNELS, ModelDaemon, ModelGateway, walk


def test_after_each_of_many_events_it_knows_what_the_gateway_knows() -> None:
    gateway = ModelGateway(random.Random(1), people=[f"u{number}" for number in range(50)])
    daemon = ModelDaemon(gateway)
    daemon.settle()
    while gateway.last < 2_000:
        for _ in range(50):
            gateway.happen()
        gateway.commit()
        while not daemon.read(1000):
            pass
        daemon.keep()
        stays = list(daemon.reading.projection.stays())
        truth = gateway.keys()
        assert {stay.key for stay in stays} == truth
        sizes = {channel: sum(stay.channel == channel for stay in stays) for channel in CHANNELS}
        assert sizes == {channel: sum(key[1] == channel for key in truth) for channel in CHANNELS}
    assert [record.event for record in daemon.disk.records].count("gap") == 1


async def saved(daemon: ModelDaemon, store: PresenceStore) -> None:
    """Write a model's life into a database, as the daemon does."""
    disk = daemon.disk
    await store.commit(
        Changes(records=disk.records, stays=disk.stays, gaps=disk.gaps),
        {"known_ms": disk.known_ms, "read_ms": WallClock().ms(), "epoch": "e"},
    )


@pytest.mark.row("E10")
@pytest.mark.parametrize("seed", range(5))
async def test_time_travel_says_what_the_ledger_says(seed: int) -> None:
    daemon = walk(seed, steps=80)
    async with open_database("sqlite://", SCHEMA) as database:
        asked = Queries(database)
        await saved(daemon, PresenceStore(database))
        knowledge, truth = await asked.knowledge(), daemon.gateway.truth
        for ms in sorted({when for when, _ in truth.changes}):
            there, picture = truth.at(ms), await asked.at(ms)
            unknown = bool(knowledge.why_unknown(ms))
            assert bool(picture.unknown) == unknown
            for account in ACCOUNTS:
                explanation = await asked.explain(account, ms)
                said = next((one.status for one in picture.people if one.account == account), "offline")
                if not unknown:
                    assert said == explanation.status == ("online" if (account, "") in there else "offline")
                    assert explanation.confidence in ("certain", "inferred")
                elif explanation.status == "unknown":
                    assert explanation.confidence == "none"
                    assert explanation.why.startswith("nobody knows: ")
                else:
                    assert (account, "") in there
                if explanation.status == "online" and explanation.channel:
                    assert (account, explanation.channel) in there
            history = await asked.history("ann", to_ms=ms + 1)
            assert [one.n for one in history if one.account] == [
                one.n for one in daemon.disk.records if one.account == "ann" and one.ms <= ms
            ]


def passing(count: int) -> list[Record]:
    """Ann is there from the first second on, and is in and out of a channel so many times, a second each."""
    lines = ["1 online ann"]
    for number in range(count):
        lines += [f"{2 * number + 2} joined ann lobby", f"{2 * number + 3} left ann lobby leave"]
    return script(*lines, f"{2 * count + 2} offline ann logout")


@pytest.mark.row("E10")
async def test_an_explanation_names_what_decides_however_long_ago_that_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_RECORDS", 10)
    records = passing(20)
    async with open_database("sqlite://", SCHEMA) as database:
        changes = Changes(records=records, stays={1: stay("ann", 1, 42, known=True)})
        await PresenceStore(database).commit(changes, {"known_ms": 99_000})
        early = await Queries(database).explain("ann", 7_500)
        late = await Queries(database).explain("ann", 50_000)
        before = await Queries(database).explain("ann", 500)
    assert (early.status, early.confidence) == ("online", "certain")
    assert [record.n for record in early.evidence] == [1, 4, 5, 6, 7, 8]
    assert early.why == "the gateway told it: online is event 1 of e"
    assert (late.status, late.why) == ("offline", "the gateway told it: offline is event 42 of e")
    assert [record.n for record in late.evidence] == [39, 40, 41, 42]
    assert (before.status, [record.n for record in before.evidence]) == ("offline", [1])
    assert before.why == "nothing was told of it, and there is no gap"


@pytest.mark.row("E10")
@pytest.mark.parametrize("ask", [lambda asked: asked.history("ann"), lambda asked: asked.explain("ann", 5)])
async def test_one_account_is_asked_for_without_reading_all_records(
    ask: Callable[[Queries], Awaitable[object]],
) -> None:
    plans = list[str]()

    async with open_database("sqlite://", SCHEMA) as database:
        fetch = database.fetch

        async def explained(sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
            plans.extend(str(row[3]) for row in await fetch(f"EXPLAIN QUERY PLAN {sql}", parameters))
            return await fetch(sql, parameters)

        database.fetch = explained  # type: ignore[method-assign, assignment]
        await ask(Queries(database))
    searched = [plan for plan in plans if " records" in plan]
    assert searched
    assert not [plan for plan in searched if "records_by_account" not in plan and "records_of_gaps" not in plan]


def stay(account: str, start: int, end: int | None, *, channel: str = "", known: bool = True) -> Stay:
    """From one second to another."""
    return Stay(
        id=start * 1000 + (end or 0),
        account=account,
        channel=channel,
        uid=7,
        session="s",
        start_ms=start * 1000,
        start_n=1,
        start_known=known,
        state="open" if end is None else "closed",
        end_ms=None if end is None else end * 1000,
    )


@pytest.mark.row("E17")
async def test_time_online_is_exact_or_as_uncertain_as_the_gaps_are_long() -> None:
    stays = [
        stay("ann", 10, 40),
        stay("ann", 60, 90),
        stay("ann", 15, 25, channel="lobby"),
        stay("bob", 20, 100),
        stay("bob", 130, 150, known=False),
        stay("cat", 180, None),
    ]
    gap = Gap(number=1, cause="lost", epoch="e", seq=1, from_ms=100_000, to_ms=130_000)
    async with open_database("sqlite://", SCHEMA) as database:
        changes = Changes(stays={one.id: one for one in stays}, gaps={1: gap})
        await PresenceStore(database).commit(changes, {"known_ms": 200_000})
        asked = Queries(database)

        async def times(from_s: int, to_s: int) -> dict[tuple[str, str], tuple[int, int, str]]:
            return {
                (one.account, one.channel): (
                    one.time.at_least_ms // 1000,
                    one.time.at_most_ms // 1000,
                    one.time.exactness,
                )
                for one in await asked.accounts(from_s * 1000, to_s * 1000)
            }

        assert await times(0, 100) == {
            ("ann", ""): (60, 60, "exact"),
            ("ann", "lobby"): (10, 10, "exact"),
            ("bob", ""): (80, 80, "exact"),
        }
        assert (await times(0, 200))["bob", ""] == (100, 130, "gap")
        assert (await times(0, 200))["cat", ""] == (20, 50, "gap")
        assert (await times(140, 200)) == {("bob", ""): (10, 10, "exact"), ("cat", ""): (20, 20, "exact")}
        assert (await times(30, 70))["ann", ""] == (20, 20, "exact")
        assert (await times(190, 260))["cat", ""] == (10, 70, "gap")  # of what was not read yet nothing is known


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    knowledge = Knowledge(from_ms=1000, known_ms=9000)
    assert status_at([], knowledge, 999) == "unknown"
    assert status_at([], knowledge, 1000) == "offline"
    assert status_at([stay("ann", 2, None)], knowledge, 8999) == "online"
    assert status_at([stay("ann", 2, None)], knowledge, 9000) == "unknown"


async def test_before_anything_was_read_nothing_is_known() -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        assert (await Queries(database).now(clock_ms=0)).unknown == "the daemon has not read anything yet"
        assert await Queries(database).status("ann", "", 5) == "unknown"


async def test_of_now_nobody_knows_anything_when_the_gateway_was_not_heard_for_too_long() -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        changes = Changes(stays={1: stay("ann", 10, None), 2: stay("ann", 20, None, channel="lobby")})
        await PresenceStore(database).commit(changes, {"known_ms": 50_000, "read_ms": 1_000_000})
        (ann,) = (await Queries(database).now(1_000_000 + SILENCE_MS - 1)).people
        assert (ann.status, ann.channel, ann.channel_status) == ("online", "lobby", "online")
        now = await Queries(database).now(1_000_000 + SILENCE_MS)
        assert now.ms == 50_000
        assert now.unknown.startswith("nothing was read for 30 s")
        assert [(one.status, one.channel_status) for one in now.people] == [("unknown", "unknown")]


def test_sizes_over_time_are_steps() -> None:
    stays = [
        stay("ann", 1, 5),
        stay("bob", 2, None),
        stay("ann", 2, 4, channel="lobby"),
        stay("bob", 3, 6, channel="b"),
    ]
    course = course_of(stays, Knowledge(from_ms=0, known_ms=9_000), 0, 10_000, 1)
    assert [(line.channel, [(ms // 1000, size) for ms, size in line.points]) for line in course.lines] == [
        ("", [(0, 0), (1, 1), (2, 2), (5, 1), (9, 0), (10, 0)]),
        ("b", [(0, 0), (3, 1), (6, 0), (10, 0)]),
    ]
    assert course.unknown == [Period(from_ms=9_000, to_ms=10_000, why="after what has been read")]


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database of a life, in a file."""
    url = f"sqlite:///{tmp_path}/presence.db"

    async def make() -> None:
        async with open_database(url, SCHEMA) as database:
            daemon = walk(3, steps=80)
            daemon.gateway.ms += 10_000
            daemon.settle()
            await saved(daemon, PresenceStore(database))

    trio.run(make)
    return url


@pytest.fixture
def ask(database: str) -> Callable[..., str]:
    """Runs a command on that database; what it prints."""

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--database", database], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


@pytest.mark.row("E10")
def test_the_commands_answer_in_tables_and_in_json(ask: Callable[..., str]) -> None:
    now = json.loads(ask("now", "--json"))
    assert {one["account"] for one in now["people"]} <= set(ACCOUNTS)
    at = datetime.fromtimestamp((now["ms"] - 1) / 1000, UTC).isoformat()
    assert json.loads(ask("at", at, "--json"))["people"] == now["people"]
    (first, *_) = history = json.loads(ask("history", "ann", "--json"))
    assert {one["account"] for one in history if one.get("account")} == {"ann"}
    explained = json.loads(ask("explain", "ann", "--at", at, "--json"))
    assert explained["evidence"][-1] in history
    assert first["event"] == "gap"
    assert {one["account"] for one in json.loads(ask("time", "--json"))} <= set(ACCOUNTS)
    for arguments in (("now",), ("at", at), ("history", "ann"), ("explain", "ann", "--at", at), ("time", "ann")):
        assert "account" in ask(*arguments)
    assert f": {explained['status']}" in ask("explain", "ann", "--at", at)


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG\r\n"), ("a.svg", b"<?xml")])
def test_it_draws_a_picture(ask: Callable[..., str], tmp_path: Path, name: str, begins: bytes) -> None:
    assert ask("plot", "--out", str(tmp_path / name)).strip() == str(tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("at", "yesterday"), "is no time"),
        (("plot", "--out", "a.gif"), "is no picture"),
        (("history", "ann", "--since", "20", "--until", "10"), "ends before it begins"),
        (("now", "--database", "sqlite:///nowhere/presence.db"), "there is no nowhere/presence.db"),
        (("now", "--database", "mysql://x"), "names no SQLite database"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: tuple[str, ...], says: str, database: str) -> None:
    where = () if "--database" in arguments else ("--database", database)
    result = CliRunner().invoke(app, [*arguments, *where])
    assert isinstance(result.exception, ConfigError)
    assert says in str(result.exception)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01+01:00", 1000),
        ("1795397507", 1795397507000),
        ("1795397507641", 1795397507641),
        ("1795397507.5", 1795397507500),
    ],
)
def test_times_are_read(text: str, ms: int) -> None:
    assert read_time(text) == ms
