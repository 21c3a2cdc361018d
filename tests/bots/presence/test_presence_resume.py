"""The daemon is away, killed or not, and goes on where it was; a restart of the gateway is one outage."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from botkit import BotPlacement, Database, open_database
from botkit.testing import World, open_world
from bots.presence import bot
from bots.presence.records import PRESENCE, Record, decode_record
from bots.presence.settings import DatabaseSettings, OutageSettings
from bots.presence.store import SCHEMA, PresenceStore
from tests.bots.presence.presence_stage import open_stage, settings_for

WATCHERS = ("presence*", "botkit-feed-*")


def daemon(name: str) -> BotPlacement:
    """A daemon with a database of its own, and a raw and a debounced sink."""
    sinks = tuple(
        DatabaseSettings(name=f"w{window}", database=f"sqlite://{name}_w{window}", window=window) for window in (0, 2)
    )
    settings = settings_for(database=f"sqlite://{name}", sinks=sinks, ignore=WATCHERS)
    return BotPlacement(bot=bot, account=name, settings=settings)


async def live(world: World, seconds: float) -> None:
    """People come and go."""
    began, number = trio.current_time(), 0
    while trio.current_time() < began + seconds:
        number += 1
        async with world.visitor(f"u{number % 3}", channel=f"room-{number % 2}"):
            await trio.sleep(1.3)
        await trio.sleep(0.9 if number % 4 else 4)


async def told(database: Database) -> list[Record]:
    """What a sink was told."""
    rows = await database.fetch("SELECT json FROM told ORDER BY cursor_ms, cursor_n, cursor_k")
    return [decode_record(str(text)) for (text,) in rows]


def of_people(records: Sequence[Record]) -> list[Record]:
    """Without the gap and the snapshot of the start, which are each daemon's own."""
    return [record for record in records if record.event in PRESENCE]


@pytest.mark.row("E06")
async def test_a_daemon_that_was_away_tells_all_that_the_other_told(autojump_clock: MockClock) -> None:
    async with AsyncExitStack() as stack:
        opened = {
            name: await stack.enter_async_context(open_database(f"sqlite://{name}", SCHEMA if "_" not in name else ()))
            for name in ("presence1", "presence2", *(f"presence{one}_w{window}" for one in (1, 2) for window in (0, 2)))
        }
        async with open_world(server_accounts=("presence*",)) as world, world.running(daemon("presence1")):
            async with world.running(daemon("presence2")):
                await trio.sleep(10)
                await live(world, 20)
            await live(world, 60)
            async with world.running(daemon("presence2")):
                await live(world, 20)
                await trio.sleep(10)
        whole, again = [await PresenceStore(opened[name]).read(0, 10_000) for name in ("presence1", "presence2")]
        assert of_people(whole) == of_people(again)
        assert len(of_people(whole)) > 100
        assert [record.event for record in again].count("gap") == 1
        for window in (0, 2):
            first, second = [of_people(await told(opened[f"presence{one}_w{window}"])) for one in (1, 2)]
            assert first == second
            assert len(first) > 50
        raw = of_people(await told(opened["presence1_w0"]))
        assert [replace(record, cursor=None) for record in raw] == of_people(whole)


@pytest.mark.row("E09")
@pytest.mark.parametrize("kept", [True, False])
async def test_a_restart_of_the_gateway_is_at_most_one_outage_and_what_differs(
    kept: bool, autojump_clock: MockClock
) -> None:
    sinks = (DatabaseSettings(name="told", database="sqlite://presence_outage", window=2),)
    async with (
        open_database("sqlite://presence_outage") as database,
        open_stage(sinks=sinks, outage=OutageSettings(accounts=5, seconds=60)) as stage,
    ):
        people = [await stage.world.user(f"u{number}", channel="lobby") for number in range(12)]
        await trio.sleep(30)
        before = len(await told(database))
        if not kept:
            stage.world.host.forget()
        for gone in people[:2]:
            stage.world.road(gone.account).block()
        await stage.world.restart_gateway(down_seconds=5, crash=True)
        await trio.sleep(200)
        assert await stage.believed() == stage.truth() == {f"u{number}": "lobby" for number in range(2, 12)}
        after = (await told(database))[before:]
    counts = {event: sum(one.event == event for one in after) for event in ("outage", "online", "joined")}
    assert counts["outage"] == (0 if kept else 1)
    assert (counts["online"], counts["joined"]) == (0, 0)
    assert {one.account for one in after if one.event in ("offline", "left")} == {"u0", "u1"}
    assert len(after) <= 4 + (0 if kept else 3)
