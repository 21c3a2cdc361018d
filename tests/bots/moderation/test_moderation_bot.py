from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
from trio.testing import MockClock

from botkit import BotPlacement, Database, InstantMessage, SqlValue, open_database
from botkit.errors import SendFailed
from botkit.testing import User, World, open_world
from bots.moderation import bot
from bots.moderation.audit import SCHEMA
from bots.moderation.settings import FloodSettings, LinkSettings, ModerationSettings, StrikeSettings, WordSettings

DATABASE = "sqlite://verdicts"
SETTINGS = ModerationSettings(
    words=WordSettings(blocked=("spam",)),
    links=LinkSettings(allowed=("example.org",)),
    flood=FloodSettings(messages=3, seconds=10),
    strikes=StrikeSettings(mute_after=3, mute_minutes=1),
    exempt=("root",),
    database=DATABASE,
)


@dataclass
class Moderated:
    """A world with the moderation bot in it, and its audit table."""

    world: World
    database: Database

    async def user(self, account: str, channel: str = "lobby") -> User:
        """Somebody in a moderated channel."""
        return await self.world.user(account, channel=channel)

    async def verdicts(self, columns: str, order: str = "rowid") -> list[tuple[SqlValue, ...]]:
        """The table."""
        return await self.database.fetch(f"SELECT {columns} FROM verdicts ORDER BY {order}")


@asynccontextmanager
async def moderated(
    *, channels: Sequence[str] = ("lobby",), server_accounts: Sequence[str] = ("moderator",)
) -> AsyncIterator[Moderated]:
    """A world with the moderation bot in its channels."""
    placement = BotPlacement(bot=bot, account="moderator", channels=tuple(channels), settings=SETTINGS)
    async with (
        open_database(DATABASE, SCHEMA) as database,
        open_world(placement, server_accounts=server_accounts) as world,
    ):
        yield Moderated(world, database)


async def warning_to(user: User) -> str:
    """What the bot tells somebody."""
    return (await user.expect(InstantMessage)).text


@pytest.mark.row("D01", "D04")
async def test_two_warnings_and_a_mute_that_lapses(autojump_clock: MockClock) -> None:
    async with moderated() as at:
        bob = await at.user("bob")
        told = []
        for text in ("SPAM!", "see http://evil.example", "more s\u200bpam"):
            await bob.say(text)
            told.append(await warning_to(bob))
        with pytest.raises(SendFailed, match="“spam” is not said here"):
            await bob.say("hello?")
        await trio.sleep(61)
        await bob.say("hello again")
        table = await at.verdicts("account, rule, evidence, strikes, action, outcome")
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


async def test_a_flood_is_told_once_and_others_are_left_alone(autojump_clock: MockClock) -> None:
    async with moderated() as at:
        bob, ann = await at.user("bob"), await at.user("ann")
        for number in range(4):
            await bob.say(f"message {number}")
            if number < 3:
                await ann.say("good morning")
        assert "too many messages" in await warning_to(bob)
        assert await at.verdicts("account, rule, evidence") == [("bob", "flood", "message 3")]


async def test_a_slow_account_is_no_flood(autojump_clock: MockClock) -> None:
    async with moderated() as at:
        bob = await at.user("bob")
        for _ in range(12):
            await bob.say("hello")
            await trio.sleep(3.4)
        assert await at.verdicts("*") == []


@pytest.mark.row("D06")
async def test_exempt_accounts_and_the_bot_itself_are_never_actioned(autojump_clock: MockClock) -> None:
    async with moderated() as at:
        root, bob = await at.user("root"), await at.user("bob")
        await root.say("spam")
        await bob.say("spam")
        await warning_to(bob)
        assert await at.verdicts("account") == [("bob",)]


@pytest.mark.row("D15")
async def test_without_the_server_role_the_failed_mute_is_in_the_table_and_the_bot_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with moderated(server_accounts=()) as at:
        bob, eve = await at.user("bob"), await at.user("eve")
        for _ in range(4):
            await bob.say("spam")
        await eve.say("spam")
        assert "strike 1 of 3" in await warning_to(eve)
        table = await at.verdicts("account, action, outcome, reason")
    assert [row[:3] for row in table] == [
        ("bob", "warn", "done"),
        ("bob", "warn", "done"),
        ("bob", "mute", "failed"),
        ("bob", "mute", "failed"),
        ("eve", "warn", "done"),
    ]
    assert "1001" in str(table[2][3])


async def test_strikes_count_over_all_channels_of_the_bot_and_the_mute_is_in_one(autojump_clock: MockClock) -> None:
    channels, servers = ("lobby", "room", "garden"), ("moderator", "moderator~*")
    async with moderated(channels=channels, server_accounts=servers) as at:
        bob = await at.world.user("bob")
        for channel in channels:
            await bob.say("spam", channel=channel)
            await warning_to(bob)
            await trio.sleep(3.5)
        with pytest.raises(SendFailed, match="400"):
            await bob.say("hello", channel="garden")
        await bob.say("more spam", channel="lobby")
        assert "muted in lobby" in await warning_to(bob)
        table = await at.verdicts("channel, strikes, action, moderator", order="strikes")
    assert table == [
        ("lobby", 1, "warn", "moderator"),
        ("room", 2, "warn", "moderator"),
        ("garden", 3, "mute", "moderator"),
        ("lobby", 4, "mute", "moderator"),
    ]


async def test_one_line_moderates_every_channel_that_matches(autojump_clock: MockClock) -> None:
    async with moderated(channels=["lobby", "room-*"], server_accounts=["moderator", "moderator~*"]) as at:
        for channel in ("room-1", "room-2", "hall"):
            user = await at.user(f"in-{channel}", channel)
            await trio.sleep(1)
            for text in ("spam", "more spam", "yet more spam"):
                await user.say(text)
                await trio.sleep(1)
        table = await at.verdicts("channel, action, outcome, strikes")
    assert table == [
        (channel, action, "done", number)
        for channel in ("room-1", "room-2")
        for number, action in ((1, "warn"), (2, "warn"), (3, "mute"))
    ]


async def test_what_was_sent_before_the_mute_costs_nothing_more(autojump_clock: MockClock) -> None:
    async with moderated() as at:
        bob = await at.user("bob")
        sent: list[int] = []

        async def send(number: int) -> None:
            try:
                await bob.say(f"spam {number}")
            except SendFailed:
                return
            sent.append(number)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(send, number)
        await trio.sleep(1)
        rows = await at.verdicts("action, outcome, reason", order="strikes, rowid")
    assert 3 < len(sent) == len(rows)
    assert [row for row in rows if row != ("record", "done", "sent before the mute took effect")] == [
        ("warn", "done", ""),
        ("warn", "done", ""),
        ("mute", "done", ""),
    ]
