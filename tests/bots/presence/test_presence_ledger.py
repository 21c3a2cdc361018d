from pathlib import Path

import msgspec
import trio

from botkit import SqlValue, open_database
from bots.presence.ledger import open_ledger
from bots.presence.projection import Projection
from bots.presence.settings import PresenceSettings
from bots.presence.spans import Moment
from bots.presence.table import SCHEMA, SpanTable

COLUMNS = "id, start_ms, end_ms, reason, uncertain"


def moment(seq: int, account: str = "ann", channel: str = "", reason: str = "") -> Moment:
    """An event at ``seq`` seconds."""
    return Moment(account=account, uid=7, ms=seq * 1000, epoch="e", seq=seq, channel=channel, reason=reason)


def settings(path: Path) -> PresenceSettings:
    """Everything in one folder."""
    return PresenceSettings(file=f"{path}/presence.jsonl", database=f"sqlite:///{path}/presence.db")


async def rows(path: Path, sql: str) -> list[tuple[SqlValue, ...]]:
    """What a query of the database says."""
    async with open_database(settings(path).database) as database:
        return await database.fetch(sql)


def lines(path: Path) -> list[dict[str, object]]:
    """The lines of the file."""
    return [msgspec.json.decode(line) for line in (path / "presence.jsonl").read_bytes().splitlines()]


async def test_a_stay_in_a_channel_and_in_the_service(tmp_path: Path) -> None:
    async with open_ledger(settings(tmp_path)) as ledger:
        await ledger.begin(moment(1))
        await ledger.begin(moment(2, channel="lobby"))
        await ledger.end(moment(3, channel="lobby", reason="leave"))
        await ledger.end(moment(4, reason="logout"))
    assert await rows(tmp_path, f"SELECT {COLUMNS} FROM spans ORDER BY start_ms") == [
        ("online/e/1", 1000, 4000, "logout", 0),
        ("member/e/2", 2000, 3000, "leave", 0),
    ]
    assert lines(tmp_path) == [
        {"ms": 1000, "event": "online", "account": "ann", "uid": 7},
        {"ms": 2000, "event": "joined", "account": "ann", "uid": 7, "channel": "lobby"},
        {
            "ms": 3000,
            "event": "left",
            "account": "ann",
            "uid": 7,
            "channel": "lobby",
            "start_ms": 2000,
            "reason": "leave",
        },
        {"ms": 4000, "event": "offline", "account": "ann", "uid": 7, "start_ms": 1000, "reason": "logout"},
    ]


async def test_the_views_show_who_is_there_now(tmp_path: Path) -> None:
    async with open_ledger(settings(tmp_path)) as ledger:
        for seq, account in enumerate(["ann", "bob", "eve"], start=1):
            await ledger.begin(moment(seq, account))
        await ledger.begin(moment(4, "bob", "lobby"))
        await ledger.end(moment(5, "ann", reason="logout"))
    assert await rows(tmp_path, "SELECT account FROM online_now ORDER BY start_ms") == [("bob",), ("eve",)]
    assert await rows(tmp_path, "SELECT channel, account FROM members_now") == [("lobby", "bob")]


async def test_a_loss_marks_open_spans_and_is_a_line(tmp_path: Path) -> None:
    async with open_ledger(settings(tmp_path)) as ledger:
        await ledger.begin(moment(1))
        assert await ledger.lose(2000, "a hole", 3) == 1
        await ledger.begin(moment(5, "bob"))
        await ledger.end(moment(6, reason="logout"))
    assert await rows(tmp_path, f"SELECT {COLUMNS} FROM spans ORDER BY start_ms") == [
        ("online/e/1", 1000, 6000, "logout", 1),
        ("online/e/5", 5000, None, "", 0),
    ]
    assert lines(tmp_path)[1] == {"ms": 2000, "event": "gap", "reason": "a hole", "count": 3, "spans": 1}
    assert lines(tmp_path)[3]["uncertain"] is True


async def test_what_an_earlier_run_left_open_is_closed_as_unknown(tmp_path: Path) -> None:
    async with open_ledger(settings(tmp_path)) as ledger:
        await ledger.begin(moment(1))
        await ledger.begin(moment(2, "bob"))
        await ledger.end(moment(3, "bob", reason="logout"))
        await ledger.end(moment(4, "eve", reason="logout"))
    async with open_ledger(settings(tmp_path)) as ledger:
        await ledger.start(9000)
    assert await rows(tmp_path, f"SELECT {COLUMNS} FROM spans ORDER BY end_ms") == [
        ("online/e/2", 2000, 3000, "logout", 0),
        ("online/e/4", None, 4000, "logout", 1),
        ("online/e/1", 1000, 9000, "unknown", 1),
    ]
    assert lines(tmp_path)[-1] == {"ms": 9000, "event": "started", "spans": 1}


async def test_a_stop_closes_what_nobody_will_see_the_end_of(tmp_path: Path) -> None:
    async with open_ledger(settings(tmp_path)) as ledger:
        await ledger.start(500)
        await ledger.begin(moment(1))
        await ledger.stop(3000)
    assert await rows(tmp_path, f"SELECT {COLUMNS} FROM spans") == [("online/e/1", 1000, 3000, "unknown", 1)]
    assert lines(tmp_path)[-1] == {"ms": 3000, "event": "stopped", "spans": 1}


async def test_a_clock_that_was_set_back_gives_no_span_of_negative_length(tmp_path: Path) -> None:
    async with open_ledger(settings(tmp_path)) as ledger:
        await ledger.begin(moment(5))
    async with open_ledger(settings(tmp_path)) as ledger:
        await ledger.start(1000)
    assert await rows(tmp_path, "SELECT start_ms, end_ms FROM spans") == [(5000, 5000)]


async def test_writes_of_one_span_may_overtake_each_other() -> None:
    projection = Projection()
    async with open_database("sqlite://", SCHEMA) as database:
        table = SpanTable(database)
        for seq in range(1, 40, 3):
            # trio runs the three in random order: the table must come out the same.
            async with trio.open_nursery() as nursery:
                nursery.start_soon(table.save, projection.begin(moment(seq)))
                nursery.start_soon(table.save, projection.lose())
                nursery.start_soon(table.save, projection.end(moment(seq + 1, reason="logout")))
        written = await database.fetch(f"SELECT {COLUMNS} FROM spans ORDER BY start_ms")
    assert written == [(f"online/e/{seq}", seq * 1000, (seq + 1) * 1000, "logout", 1) for seq in range(1, 40, 3)]


async def test_reading_an_event_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_ledger(settings(tmp_path)) as ledger:
            await ledger.begin(moment(1))
            await ledger.end(moment(2, reason="logout"))
    assert await rows(tmp_path, f"SELECT {COLUMNS} FROM spans") == [("online/e/1", 1000, 2000, "logout", 0)]
