"""The follower and the connections that it reads over: what was said on one that is lost is of no use on the next."""

from types import SimpleNamespace

import pytest
import trio
from trio.testing import MockClock

from botkit import Meters, open_database
from bots.presence.follower import Follower
from bots.presence.progress import Progress
from bots.presence.projection import Projection
from bots.presence.reading import Reading
from bots.presence.stays import Cursor
from bots.presence.store import SCHEMA, PresenceStore


class KilledGateway:
    """Says who is online, is killed, and has taken the last login back when it is there again: it was not on its disk.

    ``ahead``: events that it had numbered and could not show yet when it said who is online. It is killed then, or
    (with such events) while it is asked for them.
    """

    account = "presence"

    def __init__(self, ahead: int) -> None:
        self.connections, self.ahead = 1, ahead

    def statistics(self) -> SimpleNamespace:
        """Of the session."""
        return SimpleNamespace(connections=self.connections)

    async def read_ledger(self, _epoch: str, seq: int, **_limit: int) -> SimpleNamespace:
        """Nothing new at first; after its death others come, and have the numbers that were Ann's."""
        await trio.lowlevel.checkpoint()
        last = 5 if self.connections == 1 else 7
        events = [login(f"after-{number}", number) for number in range(seq + 1, last + 1)]
        return SimpleNamespace(epoch="e", last=last, events=events, gap=None, ms=1_000)

    async def read_online(self, _after: str) -> SimpleNamespace:
        """Ann is there, but in its first life only."""
        await trio.lowlevel.checkpoint()
        if self.connections == 2:
            sessions = [login(f"after-{number}", number) for number in (6, 7)]
            return SimpleNamespace(sessions=sessions, more=False, ms=1_000, epoch="e", seq=7)
        self.connections = 1 if self.ahead else 2
        return SimpleNamespace(sessions=[login("ann", 6)], more=False, ms=1_000, epoch="e", seq=5 + self.ahead)


def login(account: str, seq: int) -> SimpleNamespace:
    """An event of the ledger, and a session."""
    return SimpleNamespace(
        event="user_online", account=account, uid=7, ms=1_000, epoch="e", seq=seq, channel="", reason=""
    )


@pytest.mark.parametrize("ahead", [0, 2])
async def test_a_snapshot_that_a_lost_connection_brought_is_not_believed(ahead: int, autojump_clock: MockClock) -> None:
    gateway = KilledGateway(ahead)
    reading = Reading(Projection(), lambda _: False, cursor=Cursor("e", 5), known_ms=500)
    reading.lose("something was lost")
    async with open_database("sqlite://", SCHEMA) as database, trio.open_nursery() as nursery:
        follower = Follower(reading, PresenceStore(database), Progress(), Meters())
        follower.use(gateway)  # type: ignore[arg-type]
        nursery.start_soon(follower.run)
        await trio.sleep(0.01)
        gateway.connections = 2
        await trio.sleep(5)
        records = await PresenceStore(database).read(0, 10)
        nursery.cancel_scope.cancel()
    told = [(record.event, record.account) for record in records]
    assert sorted(told) == [("gap", ""), ("online", "after-6"), ("online", "after-7"), ("snapshot", "")]
