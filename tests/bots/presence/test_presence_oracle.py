"""The daemon against the real gateway's own knowledge, through much that happens and much that goes wrong."""

import random

import pytest
import trio
from trio.testing import MockClock

from tests.bots.presence.presence_stage import open_stage
from tests.bots.presence.presence_walk import walk

CHANNELS = ("lobby", "room-1", "room-2", "")


async def compare(events: int, every: int) -> int:
    """So many logins, logouts, joins and leaves of random people; each time that so many were, all must agree.

    How many there were in the end.
    """
    chance = random.Random(events)
    async with open_stage() as stage:
        people = {f"u{number}": await stage.world.user(f"u{number}") for number in range(20)}
        hub = stage.world.host.gateway.hubs[stage.world.app_id]
        while hub.ledger.last < events:
            goal = hub.ledger.last + every
            while hub.ledger.last < goal:
                account = chance.choice(sorted(people))
                channel = chance.choice(CHANNELS)
                if chance.random() < 0.1:
                    await people[account].session.logout()
                    people[account] = await stage.world.user(account)
                elif channel:
                    await people[account].join(channel)
                else:
                    await people[account].leave()
            await trio.sleep(3)
            assert await stage.believed() == stage.truth()
            sizes = (await stage.now()).sizes()
            assert sizes.pop("") == len(people)
            assert sizes == {
                channel: count
                for channel in CHANNELS
                if channel and (count := list(stage.truth().values()).count(channel))
            }
        assert len(await stage.records("gap")) == 1
        return hub.ledger.last


@pytest.mark.row("E01")
async def test_it_knows_what_the_gateway_knows(autojump_clock: MockClock) -> None:
    assert await compare(300, 100) >= 300


@pytest.mark.slow
@pytest.mark.row("E01")
async def test_after_10_000_events_it_knows_what_the_gateway_knows(autojump_clock: MockClock) -> None:
    assert await compare(10_000, 500) >= 10_000


@pytest.mark.row("E07")
@pytest.mark.parametrize("seed", range(3))
async def test_a_whole_world_never_makes_it_silently_wrong(seed: int, autojump_clock: MockClock) -> None:
    assert await walk(seed) > 0


@pytest.mark.slow
@pytest.mark.row("E07")
@pytest.mark.parametrize("seed", range(3, 15))
async def test_many_worlds_never_make_it_silently_wrong(seed: int, autojump_clock: MockClock) -> None:
    assert await walk(seed) > 0
