"""Watches: one test for each kind, on a real gateway; and what they are through gaps and restarts, on logs."""

import pytest
import trio
from trio.testing import MockClock

from botkit.testing import User
from bots.presence.pipeline import Pipeline, Start, Stream
from bots.presence.records import Record
from bots.presence.settings import (
    AnyWatch,
    HandlerSettings,
    WatchAbsent,
    WatchAccounts,
    WatchChannel,
    WatchCount,
    WatchEveryone,
    WatchOccupied,
)
from bots.presence.stays import Stay
from bots.presence.views import View
from bots.presence.watches import AbsentWatch, CountWatch, Watch
from tests.bots.presence.heard import heard
from tests.bots.presence.presence_log import script, told
from tests.bots.presence.presence_stage import Stage, open_stage

SCENE = (
    (0, "ann", "lobby"),
    (5, "bob", "lobby"),
    (10, "ann", ""),
    (20, "ann", "room-1"),
    (30, "bob", "gone"),
    (35, "ann", "gone"),
    (50, "ann", "lobby"),
)
"""When who goes where."""


async def play(stage: Stage) -> None:
    """The scene."""
    began = trio.current_time()
    people = dict[str, User]()
    for at, account, channel in SCENE:
        await trio.sleep_until(began + at)
        if channel == "gone":
            await people.pop(account).session.logout()
            continue
        if account not in people:
            people[account] = await stage.world.user(account)
        await (people[account].join(channel) if channel else people[account].leave())
    await trio.sleep(10)


async def watched(watch: AnyWatch) -> list[tuple[str, str, str, int | None]]:
    """What a watch tells of the scene: its state, who, where, how many."""
    heard.clear()
    sink = HandlerSettings(name="handler", function="tests.bots.presence.heard:note", watches=(watch.name,))
    async with open_stage(sinks=(sink,), watches=(watch,)) as stage:
        await trio.sleep(5)
        await play(stage)
    assert {one.watch for one in heard if one.event == "watch"} <= {watch.name}
    return [(one.state, one.account, one.channel, one.count) for one in heard if one.event == "watch"]


@pytest.mark.row("E13")
async def test_a_set_of_accounts(autojump_clock: MockClock) -> None:
    told = await watched(WatchAccounts(name="vips", accounts=("ann", "cat")))
    assert told == [("online", "ann", "", None), ("offline", "ann", "", None), ("online", "ann", "", None)]


@pytest.mark.row("E13")
async def test_accounts_of_a_pattern(autojump_clock: MockClock) -> None:
    told = await watched(WatchAccounts(name="vips", accounts=("b*",)))
    assert told == [("online", "bob", "", None), ("offline", "bob", "", None)]


@pytest.mark.row("E13")
async def test_a_channel(autojump_clock: MockClock) -> None:
    told = await watched(WatchChannel(name="rooms", channels=("room-*",)))
    assert told == [("joined", "ann", "room-1", None), ("left", "ann", "room-1", None)]


@pytest.mark.row("E13")
async def test_first_in_and_last_out_of_a_channel(autojump_clock: MockClock) -> None:
    told = await watched(WatchOccupied(name="lobby", channels=("lobby",)))
    assert told == [("occupied", "ann", "lobby", 1), ("vacated", "bob", "lobby", 0), ("occupied", "ann", "lobby", 1)]


@pytest.mark.row("E13")
async def test_a_threshold(autojump_clock: MockClock) -> None:
    assert await watched(WatchCount(name="full", at_least=2, channel="lobby")) == [
        ("reached", "", "lobby", 2),
        ("below", "", "lobby", 1),
    ]


@pytest.mark.row("E13")
async def test_a_threshold_of_who_is_online(autojump_clock: MockClock) -> None:
    assert await watched(WatchCount(name="full", at_least=2)) == [("reached", "", "", 2), ("below", "", "", 1)]


@pytest.mark.row("E13")
async def test_who_is_absent_for_so_long(autojump_clock: MockClock) -> None:
    told = await watched(WatchAbsent(name="lost", accounts=("ann",), seconds=10))
    assert told == [("absent", "ann", "", None), ("back", "ann", "", None)]
    assert await watched(WatchAbsent(name="lost", accounts=("ann",), seconds=30)) == []


@pytest.mark.row("E13")
async def test_everyone_is_here(autojump_clock: MockClock) -> None:
    told = await watched(WatchEveryone(name="team", accounts=("ann", "bob"), channel="lobby"))
    assert told == [("complete", "bob", "lobby", 2), ("incomplete", "ann", "lobby", 1)]


def through(watch: Watch, records: list[Record], start: Start | None = None, end: float = 1_000) -> list[str]:
    """What a watch tells of a log."""
    pipeline = Pipeline([Stream(View(2000), watch)])
    pipeline.seed(start or Start(n=0, ms=0))
    out = [one for record in records for one in pipeline.take(record)]
    return told(out + pipeline.advance(round(end * 1000)))


def test_in_a_gap_nobody_is_said_to_be_absent() -> None:
    log = script("1 snapshot", "2 online ann", "10 offline ann logout", "15 gap", "100 snapshot")
    assert through(AbsentWatch("lost", ("ann",), 20_000), log) == [
        "1 snapshot",
        "15 gap",
        "100 snapshot",
        "120 watch lost absent ann",
    ]


def test_who_was_never_seen_is_absent_since_all_is_known() -> None:
    assert through(AbsentWatch("lost", ("ann",), 20_000), script("0 gap", "50 snapshot"))[2:] == [
        "70 watch lost absent ann"
    ]


def test_a_flap_is_none_for_a_watch() -> None:
    log = script("1 online ann", "10 offline ann x", "11 online ann")
    assert through(CountWatch("some", "", 1), log) == ["1 watch some reached 1"]


def test_after_a_restart_it_begins_with_who_is_there() -> None:
    there = Stay(id=1, account="ann", channel="", uid=7, session="s", start_ms=1, start_n=1, start_known=True)
    start = Start(n=5, ms=5_000, there=(there,))
    assert through(CountWatch("some", "", 2), script("6 online bob", "9 offline bob x"), start) == [
        "6 watch some reached 2",
        "11 watch some below 1",
    ]


def test_who_was_told_to_be_absent_before_a_restart_is_not_told_again() -> None:
    gone = Stay(
        id=1,
        account="ann",
        channel="",
        uid=7,
        session="s",
        start_ms=1,
        start_n=1,
        start_known=True,
        state="closed",
        end_ms=2_000,
        end_n=2,
    )
    for at, times in ((30_000, []), (20_000, ["22 watch lost absent ann"])):
        start = Start(n=5, ms=at, gone=(gone,))
        assert through(AbsentWatch("lost", ("ann",), 20_000), [], start) == times
