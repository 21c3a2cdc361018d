"""The past is bounded: what goes is said to be unknown; who was away for too long, and who starts anew, is told."""

from collections.abc import AsyncIterator, Sequence

import pytest

from botkit import Database, Meters, open_database
from bots.presence import store
from bots.presence.changes import Changes
from bots.presence.pipeline import Needs, Pipeline, Selection, Stream
from bots.presence.positions import POSITIONS_SCHEMA, Positions
from bots.presence.progress import Progress
from bots.presence.pump import Budget, Pump
from bots.presence.queries import Queries
from bots.presence.records import Place, Record
from bots.presence.stays import Gap, Stay
from bots.presence.store import SCHEMA, PresenceStore
from bots.presence.views import View
from bots.presence.watches import AbsentWatch, CountWatch
from tests.bots.presence.presence_log import Log

SECONDS = 100


def stay(number: int, account: str, start: int, end: int | None = None, channel: str = "") -> Stay:
    """From one second to another."""
    return Stay(
        id=number,
        account=account,
        channel=channel,
        uid=7,
        session="s",
        start_ms=start * 1000,
        start_n=start,
        start_known=True,
        state="open" if end is None else "closed",
        end_ms=None if end is None else end * 1000,
        end_n=end,
    )


STAYS = (stay(1, "ann", 10, 20), stay(2, "ann", 30, 60), stay(3, "bob", 5), stay(4, "cat", 40, 50))


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """A record each second, some stays, and a gap."""
    log = Log()
    records = [log.add(second, "online", f"u{second}") for second in range(1, SECONDS + 1)]
    gap = Gap(number=7, cause="lost", epoch="e", seq=7, from_ms=7_000, to_ms=9_000)
    async with open_database("sqlite://", (*SCHEMA, *POSITIONS_SCHEMA)) as database:
        changes = Changes(records=records, stays={one.id: one for one in STAYS}, gaps={7: gap})
        await PresenceStore(database).commit(changes, {"known_ms": SECONDS * 1000 + 1})
        yield database


async def kept(database: Database, what: str) -> list[object]:
    """The first column."""
    return [row[0] for row in await database.fetch(f"SELECT {what} ORDER BY 1")]


@pytest.mark.parametrize("portion", [7, 5_000])
async def test_what_is_too_old_goes_and_is_unknown_from_then_on(
    portion: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FORGET_AT_ONCE", portion)
    assert await PresenceStore(database).forget(51_000, 1_000) == 50
    assert await kept(database, "n FROM records") == list(range(51, SECONDS + 1))
    assert await kept(database, "id FROM stays") == [2, 3]
    assert await kept(database, "n FROM gaps") == []
    asked = Queries(database)
    assert await asked.status("ann", "", 50_999) == "online"  # its stay goes on after that, and is kept
    assert await asked.status("cat", "", 45_000) == "unknown"
    assert await asked.status("cat", "", 51_000) == "offline"
    assert await PresenceStore(database).forget(51_000, 1_000) == 0


async def test_of_too_many_the_latest_are_kept(database: Database) -> None:
    assert await PresenceStore(database).forget(0, SECONDS) == 0
    assert (await Queries(database).knowledge()).from_ms == 0
    assert await PresenceStore(database).forget(0, 30) == SECONDS - 30
    assert await kept(database, "n FROM records") == list(range(71, SECONDS + 1))
    assert (await Queries(database).knowledge()).from_ms == 70_001


class Noting:
    """A sink that keeps what it is told, until it has so many."""

    remembers = False

    def __init__(self) -> None:
        self.told: list[Record] = []

    async def last_told(self) -> Place | None:
        """It does not say."""
        return None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Take these; then it is enough."""
        self.told += records
        raise KeyboardInterrupt


async def test_a_sink_that_was_away_for_too_long_is_told_of_a_gap(database: Database) -> None:
    positions, sink = Positions(database), Noting()
    await positions.save("sink", (10_000, 10, 0))
    await PresenceStore(database).forget(51_000, 1_000)
    pipeline = Pipeline([Stream(View(0), Selection())])
    progress = Progress(SECONDS, SECONDS * 1000)
    pump = Pump("sink", sink, pipeline, Budget(), positions=positions, progress=progress, meters=Meters())
    with pytest.raises(KeyboardInterrupt):
        await pump.run()
    gap, first = sink.told[:2]
    assert (gap.event, gap.count, gap.scope, first.n) == ("gap", 40, "all", 51)
    assert (10_000, 10, 0) < (gap.cursor or ()) < (first.cursor or ())


async def test_what_starts_anew_is_given_what_it_needs_and_no_more(database: Database) -> None:
    positions = Positions(database)
    nothing = await positions.before((55_000, 55, 0), 2_000, Needs())
    assert (nothing.n, nothing.ms, nothing.there, nothing.gone) == (52, 52_000, (), ())
    there = await positions.before((55_000, 55, 0), 2_000, CountWatch("many", "", 2).needs)
    assert ([one.id for one in there.there], there.gone) == ([2, 3], ())
    absent = await positions.before((75_000, 75, 0), 2_000, AbsentWatch("lost", ("ann", "bob"), 1000).needs)
    assert ([one.id for one in absent.there], [one.id for one in absent.gone]) == ([3], [2])
    assert not absent.in_gap
    assert (await positions.before((8_500, 8, 0), 0, Needs())).in_gap
