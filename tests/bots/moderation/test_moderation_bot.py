from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from botkit import BotPlacement, Database, InstantMessage
from botkit.errors import SendFailed
from bots.moderation import bot
from bots.moderation.audit import SCHEMA
from bots.moderation.settings import FloodSettings, LinkSettings, ModerationSettings, StrikeSettings, WordSettings
from tests.app.world import World, next_event, open_world
from tests.bots.stage import kept_database

SETTINGS = ModerationSettings(
    words=WordSettings(blocked=("spam",)),
    links=LinkSettings(allowed=("example.org",)),
    flood=FloodSettings(messages=3, seconds=10),
    strikes=StrikeSettings(mute_after=3, mute_minutes=1),
    exempt=("root",),
)


@asynccontextmanager
async def moderated(
    monkeypatch: pytest.MonkeyPatch,
    *,
    channels: Sequence[str] = ("lobby",),
    server_accounts: Sequence[str] = ("moderator",),
) -> AsyncIterator[tuple[World, Database]]:
    """A world with the moderation bot in its channels."""
    placement = BotPlacement(bot=bot, account="moderator", channels=tuple(channels), settings=SETTINGS)
    async with (
        kept_database(monkeypatch, "bots.moderation.audit", SCHEMA) as database,
        open_world(server_accounts=server_accounts) as world,
        world.running(placement),
    ):
        yield world, database


@pytest.mark.row("D01", "D04")
async def test_two_warnings_and_a_mute_that_lapses(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with moderated(monkeypatch) as (world, database), world.signal.open_session("bob") as bob:
        lobby = await bob.join("lobby")
        told = []
        for text in ("SPAM!", "see http://evil.example", "more s\u200bpam"):
            await lobby.send(text)
            told.append((await next_event(bob, InstantMessage)).text)
        with pytest.raises(SendFailed, match="“spam” is not said here"):
            await lobby.send("hello?")
        await trio.sleep(61)
        await lobby.send("hello again")
        table = await database.fetch("SELECT account, rule, evidence, strikes, action, outcome FROM verdicts")
    assert told == [
        "Please mind the rules of lobby: “spam” is not said here. This is strike 1 of 3.",
        "Please mind the rules of lobby: links to evil.example are not allowed. This is strike 2 of 3.",
        "You are muted in lobby for 1 minutes: “spam” is not said here.",
    ]
    assert table == [
        ("bob", "words", "SPAM", 1, "warn", "done"),
        ("bob", "links", "http://evil.example", 2, "warn", "done"),
        ("bob", "words", "s\u200bpam", 3, "mute", "done"),
    ]


async def test_a_flood_is_told_once_and_others_are_left_alone(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moderated(monkeypatch) as (world, database):
        async with world.signal.open_session("bob") as bob, world.signal.open_session("ann") as ann:
            for number in range(4):
                await (await bob.join("lobby")).send(f"message {number}")
                if number < 3:
                    await (await ann.join("lobby")).send("good morning")
            assert "too many messages" in (await next_event(bob, InstantMessage)).text
        table = await database.fetch("SELECT account, rule, evidence FROM verdicts")
    assert table == [("bob", "flood", "message 3")]


async def test_a_slow_account_is_no_flood(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with moderated(monkeypatch) as (world, database), world.signal.open_session("bob") as bob:
        lobby = await bob.join("lobby")
        for _ in range(12):
            await lobby.send("hello")
            await trio.sleep(3.4)
        assert await database.fetch("SELECT * FROM verdicts") == []


@pytest.mark.row("D06")
async def test_exempt_accounts_and_the_bot_itself_are_never_actioned(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moderated(monkeypatch) as (world, database):
        async with world.signal.open_session("root") as root, world.signal.open_session("bob") as bob:
            await (await root.join("lobby")).send("spam")
            await (await bob.join("lobby")).send("spam")
            await next_event(bob, InstantMessage)
        assert await database.fetch("SELECT account FROM verdicts") == [("bob",)]


@pytest.mark.row("D15")
async def test_without_the_server_role_the_failed_mute_is_in_the_table_and_the_bot_goes_on(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moderated(monkeypatch, server_accounts=()) as (world, database):
        async with world.signal.open_session("bob") as bob, world.signal.open_session("eve") as eve:
            lobby = await bob.join("lobby")
            for _ in range(4):
                await lobby.send("spam")
            await (await eve.join("lobby")).send("spam")
            assert "strike 1 of 3" in (await next_event(eve, InstantMessage)).text
        table = await database.fetch("SELECT account, action, outcome, reason FROM verdicts ORDER BY rowid")
    assert [row[:3] for row in table] == [
        ("bob", "warn", "done"),
        ("bob", "warn", "done"),
        ("bob", "mute", "failed"),
        ("bob", "mute", "failed"),
        ("eve", "warn", "done"),
    ]
    assert "1001" in str(table[2][3])


async def test_strikes_count_over_all_channels_of_the_bot_and_the_mute_is_in_one(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels, servers = ("lobby", "room", "garden"), ("moderator", "moderator~*")
    async with moderated(monkeypatch, channels=channels, server_accounts=servers) as (world, database):
        async with world.signal.open_session("bob") as bob:
            for channel in channels:
                await (await bob.join(channel)).send("spam")
                await next_event(bob, InstantMessage)
                await trio.sleep(3.5)
            with pytest.raises(SendFailed, match="400"):
                await (await bob.join("garden")).send("hello")
            await (await bob.join("lobby")).send("more spam")
            assert "muted in lobby" in (await next_event(bob, InstantMessage)).text
        table = await database.fetch("SELECT channel, strikes, action, moderator FROM verdicts ORDER BY strikes")
    assert table == [
        ("lobby", 1, "warn", "moderator"),
        ("room", 2, "warn", "moderator"),
        ("garden", 3, "mute", "moderator"),
        ("lobby", 4, "mute", "moderator"),
    ]


async def test_what_was_sent_before_the_mute_costs_nothing_more(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moderated(monkeypatch) as (world, database), world.signal.open_session("bob") as bob:
        lobby = await bob.join("lobby")
        sent: list[int] = []

        async def send(number: int) -> None:
            try:
                await lobby.send(f"spam {number}")
            except SendFailed:
                return
            sent.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(send, number)
        await trio.sleep(1)
        rows = await database.fetch("SELECT action, outcome, reason FROM verdicts ORDER BY strikes, rowid")
    assert 3 < len(sent) == len(rows)
    assert [row for row in rows if row != ("record", "done", "sent before the mute took effect")] == [
        ("warn", "done", ""),
        ("warn", "done", ""),
        ("mute", "done", ""),
    ]
