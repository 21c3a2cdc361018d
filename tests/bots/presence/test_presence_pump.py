"""How the log gets to sinks: from memory for who keeps up, from the disk for the others; which places are saved."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from botkit import Meters, open_database
from bots.presence.changes import Changes
from bots.presence.pipeline import Pipeline, Selection, Stream
from bots.presence.positions import POSITIONS_SCHEMA, Positions
from bots.presence.progress import RECENT, Progress
from bots.presence.pump import Budget, Pump
from bots.presence.records import Place, Record
from bots.presence.store import SCHEMA, PresenceStore
from bots.presence.views import View
from tests.bots.presence.presence_log import Log


def logged(count: int) -> list[Record]:
    """So many records."""
    log = Log()
    return [log.add(number, "online", f"u{number}") for number in range(1, count + 1)]


def numbers(records: Sequence[Record] | None) -> list[int] | None:
    """Of records."""
    return None if records is None else [record.n for record in records]


def test_who_keeps_up_is_handed_the_latest_records() -> None:
    progress, records = Progress(), logged(RECENT + 2)
    assert numbers(progress.after(0, 10)) == []
    progress.advance(2, 2_000, records[:2])
    assert numbers(progress.after(0, 10)) == [1, 2]
    assert numbers(progress.after(1, 10)) == [2]
    assert numbers(progress.after(2, 10)) == []
    progress.advance(RECENT + 2, 9_000, records[2:])
    assert progress.after(1, 10) is None
    assert numbers(progress.after(2, 3)) == [3, 4, 5]
    assert numbers(progress.after(RECENT + 1, 3)) == [RECENT + 2]


def test_what_an_earlier_run_wrote_is_on_the_disk() -> None:
    progress = Progress(last_n=5)
    assert progress.after(3, 10) is None
    assert progress.after(5, 10) == []


class Noting:
    """A sink that takes all."""

    def __init__(self, *, remembers: bool) -> None:
        self.remembers, self.told = remembers, list[Record]()

    async def last_told(self) -> Place | None:
        """Of what it has."""
        return self.told[-1].cursor if self.remembers and self.told else None

    async def deliver(self, records: Sequence[Record]) -> None:
        """Take these."""
        self.told += records


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_place_is_saved_each_time_unless_the_sink_remembers_it(
    remembers: bool, autojump_clock: MockClock
) -> None:
    records, sink, progress = logged(40), Noting(remembers=remembers), Progress()
    async with open_database("sqlite://", (*SCHEMA, *POSITIONS_SCHEMA)) as database, trio.open_nursery() as nursery:
        positions, pipeline = Positions(database), Pipeline([Stream(View(0), Selection())])
        pump = Pump("sink", sink, pipeline, Budget(), positions=positions, progress=progress, meters=Meters())
        await positions.open(["sink"])
        nursery.start_soon(pump.run)
        saved = set[int]()
        for record in records:
            await PresenceStore(database).commit(Changes(records=[record]), {})
            progress.advance(record.n, record.ms, [record])
            await trio.sleep(0.1)
            saved.add((await positions.load("sink"))[1])
        nursery.cancel_scope.cancel()
    assert numbers(sink.told) == list(range(1, 41))
    assert len(saved) == (4 if remembers else 40)
