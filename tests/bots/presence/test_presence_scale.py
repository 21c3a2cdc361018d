"""10,000 accounts: nothing is lost, and all that is kept of them can be asked for."""

import random

import pytest

from botkit import open_database
from bots.presence.changes import Changes
from bots.presence.projection import Projection
from bots.presence.queries import Queries
from bots.presence.reading import Answer, Reading
from bots.presence.stays import Cursor, Fact, FactKind
from bots.presence.store import SCHEMA, PresenceStore

ACCOUNTS, EVENTS = 10_000, 30_000


class Crowd:
    """Makes events, and knows who is where."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.there: dict[str, str] = {}
        self._chance = random.Random(7)

    def happen(self) -> None:
        """Everybody comes, then they move, and some go and come back."""
        number = len(self.facts)
        account = f"u{number if number < ACCOUNTS else self._chance.randrange(ACCOUNTS)}"
        if account not in self.there:
            self._tell("online", account, "")
        elif self.there[account]:
            self._tell("left", account, self.there[account])
        elif self._chance.random() < 0.2:
            self._tell("offline", account, "")
        else:
            self._tell("joined", account, f"room-{self._chance.randrange(500)}")

    def _tell(self, kind: FactKind, account: str, channel: str) -> None:
        if kind == "offline":
            del self.there[account]
        else:
            self.there[account] = channel if kind == "joined" else ""
        seq = len(self.facts) + 1
        self.facts.append(Fact(kind=kind, account=account, uid=7, ms=seq, epoch="e", seq=seq, channel=channel))


@pytest.mark.row("E20")
async def test_ten_thousand_accounts_are_followed_without_a_loss() -> None:
    crowd = Crowd()
    while len(crowd.facts) < EVENTS:
        crowd.happen()
    reading = Reading(Projection(), lambda _: False, cursor=Cursor("e", 0))
    async with open_database("sqlite://", SCHEMA) as database:
        store = PresenceStore(database)
        for start in range(0, EVENTS, 1000):
            page = crowd.facts[start : start + 1000]
            reading.take(Answer(epoch="e", last=EVENTS, facts=page, ms=EVENTS + 1))
            changes = reading.projection.take_changes()
            assert isinstance(changes, Changes)
            await store.commit(changes, {"known_ms": reading.known_ms})
        picture = await Queries(database).now(clock_ms=0)
        assert {one.account: one.channel for one in picture.people} == crowd.there
        ((records,),) = await database.fetch("SELECT count(*) FROM records")
        assert records == EVENTS
