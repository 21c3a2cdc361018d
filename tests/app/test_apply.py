"""Bots come, go and change while their app runs, and the others notice nothing."""

from collections.abc import AsyncIterator

import pytest
import trio
from msgspec import Struct
from msgspec.structs import replace
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, ChannelMessage, Context, UserJoined, UserLeft, UserOnline
from botkit.app.changes import Changes
from botkit.errors import ActorError, ConfigError
from botkit.testing import open_world
from tests.app.world import until


def parrot(name: str) -> Bot:
    """Says who it is, and what it has heard."""
    bot = Bot(name)

    @bot.on_channel_message()
    async def repeat(message: ChannelMessage, ctx: Context) -> None:
        await ctx.channel.send(f"{name}: {message.text}")

    return bot


def watcher(seen: list[str]) -> Bot:
    """Notes who comes online."""
    bot = Bot("watcher")

    @bot.on_user_online()
    async def note(event: UserOnline) -> None:
        if event.account in ("ann", "bob"):
            seen.append(event.account)

    return bot


class Settings(Struct, frozen=True):
    """Of a bot with a file."""

    path: str = ""


def place(bot: Bot, *channels: str) -> BotPlacement:
    return BotPlacement(bot=bot, account=bot.name, channels=channels)


@pytest.mark.row("O03")
async def test_only_who_changed_is_restarted(autojump_clock: MockClock) -> None:
    kept, changed, gone, new = (place(parrot(name), "lobby") for name in ("kept", "changed", "gone", "new"))
    async with open_world() as world, world.running(kept, changed, gone) as app, world.visitor("ann") as ann:
        await ann.join("lobby")
        changes = await app.apply([new, replace(changed, channels=("lobby", "hall")), kept])
        assert changes == Changes(kept=("kept",), started=("new",), stopped=("gone",), restarted=("changed",))
        left = {event.account for event in await ann.heard(UserLeft)}
        assert left == {"changed", "gone"}
        await ann.say("hi")
        for name in ("kept", "changed", "new"):
            await ann.expect_text(f"{name}: hi")
        assert [(bot.name, bot.state) for bot in app.statistics()] == [
            ("new", "running"),
            ("changed", "running"),
            ("kept", "running"),
        ]
        assert [len(bot.sessions) for bot in app.statistics()] == [1, 2, 1]
        assert app.not_ready() == []
        assert [bot.name for bot in app.describe().bots] == ["new", "changed", "kept"]


@pytest.mark.row("O03")
async def test_the_same_again_changes_nothing(autojump_clock: MockClock) -> None:
    bots = [place(parrot("one"), "lobby"), place(parrot("two"), "room-*")]
    async with open_world() as world, world.running(*bots) as app, world.visitor("ann", channel="lobby") as ann:
        assert await app.apply(list(reversed(bots))) == Changes(kept=("two", "one"))
        assert await ann.heard(UserLeft) == []
        assert await ann.heard(UserJoined) == []


async def test_feeds_come_and_go_with_those_who_need_them(autojump_clock: MockClock) -> None:
    seen: list[str] = []
    one, two = place(parrot("one"), "lobby"), place(watcher(seen))
    async with open_world() as world, world.running(one) as app:
        assert app.describe().feeds == ()
        await app.apply([one, two])
        assert [feed.account for feed in app.describe().feeds] == ["botkit-feed-online-one"]
        async with world.visitor("ann"):
            await until(lambda: seen == ["ann"])
        await app.apply([one])
        assert [child.name for child in app.tree().children] == ["bot one"]
        async with world.visitor("bob") as bob:
            await bob.join("lobby")
            await bob.say("hi")
            await bob.expect_text("one: hi")
        assert seen == ["ann"]


async def test_what_a_feed_tells_while_a_bot_restarts_waits_for_its_next_life(autojump_clock: MockClock) -> None:
    seen: list[str] = []
    bot = watcher(seen)

    @bot.on_channel_message()
    async def take_long(message: ChannelMessage) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(2)

    async with open_world() as world, world.running(place(bot, "lobby")) as app:
        async with world.visitor("ann", channel="lobby") as ann, trio.open_nursery() as nursery:
            await ann.say("hi")
            await trio.sleep(0.5)
            nursery.start_soon(app.apply, [place(bot, "hall")])
            await trio.sleep(0.5)
            async with world.visitor("bob"):
                await trio.sleep(0.1)
        await until(lambda: "bob" in seen)
        assert seen == ["ann", "bob"]


async def test_a_new_pool_finds_the_channels_that_are_there(autojump_clock: MockClock) -> None:
    one, two = place(parrot("one"), "lobby", "team-*"), place(parrot("two"), "room-*")
    async with (
        open_world() as world,
        world.running(one) as app,
        world.visitor("ann", channel="room-1") as ann,
        world.visitor("bob", channel="team-1") as bob,
    ):
        await trio.sleep(5)
        await bob.say("hi")
        await bob.expect_text("one: hi")
        await app.apply([one, two])
        await trio.sleep(5)
        await ann.say("ho")
        await ann.expect_text("two: ho")
        assert await bob.heard(UserLeft) == []
        await app.apply([one])
        assert [event.account for event in await ann.heard(UserLeft)] == ["two~2"]
        await bob.say("still")
        await bob.expect_text("one: still")


@pytest.mark.row("O03")
async def test_placements_that_cannot_be_change_nothing(autojump_clock: MockClock) -> None:
    one = place(parrot("one"), "lobby")
    async with open_world() as world, world.running(one) as app, world.visitor("ann", channel="lobby") as ann:
        for wrong in ([one, place(parrot("two"), "no\nname")], [one, replace(one, channels=())], []):
            with pytest.raises(ConfigError):
                await app.apply(wrong)
        assert await ann.heard(UserLeft) == []
        assert [bot.state for bot in app.statistics()] == ["running"]


async def test_all_bots_may_be_others(autojump_clock: MockClock) -> None:
    one, two = place(parrot("one"), "lobby"), place(parrot("two"), "lobby")
    async with open_world() as world, world.running(one) as app, world.visitor("ann", channel="lobby") as ann:
        await app.apply([two])
        await ann.say("hi")
        await ann.expect_text("two: hi")
        await app.apply([one])
        await ann.say("ho")
        await ann.expect_text("one: ho")


async def test_an_app_that_does_not_run_cannot_be_changed(autojump_clock: MockClock) -> None:
    one = place(parrot("one"), "lobby")
    with capture_logs():
        async with open_world() as world, world.running(one) as app:
            pass
        with pytest.raises(ActorError, match="is not running"):
            await app.apply([one])


async def test_a_new_bot_that_cannot_open_its_files_is_tried_again_and_hurts_nobody(autojump_clock: MockClock) -> None:
    bot = Bot("files", settings=Settings)
    tries: list[str] = []

    @bot.resource
    async def file(settings: Settings) -> AsyncIterator[int]:
        tries.append(settings.path)
        if len(tries) < 3:
            raise OSError("disk full")
        yield 7

    one = BotPlacement(bot=Bot("one"), account="one", channels=("lobby",))
    with capture_logs():
        async with open_world() as world, world.running(one) as app:
            await app.apply([one, BotPlacement(bot=bot, account="files", settings=Settings("x"))])
            await until(lambda: [bot.state for bot in app.statistics()] == ["running", "running"], 600)
            await app.apply([BotPlacement(bot=bot, account="files", settings=Settings("y"))])
            await until(lambda: [bot.state for bot in app.statistics()] == ["running"], 600)
    assert tries == ["x", "x", "x", "y"]
