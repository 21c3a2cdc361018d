"""Commands in a running bot: in channels and in private, arguments, roles, refusals and help."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum
from typing import Any

import pytest
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import (
    Account,
    Bot,
    BotInfo,
    BotPlacement,
    CallNext,
    ChannelMessage,
    CommandRefused,
    Context,
    InstantMessage,
    LoginSession,
    RestOfLine,
    Router,
)
from botkit import filters as f
from botkit.app.placement import make_plans
from botkit.errors import ConfigError, HandlerError
from tests.app.dispatching import dispatching, said, told
from tests.app.world import World, next_event, open_world, until

used: list[object] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    used.clear()


def guard() -> Bot:
    """A bot with commands for everybody and for some."""
    bot = Bot("guard")

    @bot.command("mute", aliases=("quiet",), roles=("moderator", "admin"))
    async def mute(
        message: ChannelMessage, account: Account, time: timedelta, reason: RestOfLine = "none", *, info: BotInfo
    ) -> None:
        """Mutes somebody.

        For as long as you say.
        """
        used.append((message.account, account, time.total_seconds(), reason, info.name))

    @bot.command("roll")
    async def roll(ctx: Context, dice: int = 1, *sides: int) -> None:
        """Rolls dice."""
        used.append((dice, sides))

    @bot.command("secret", roles=("admin",))
    async def secret(message: InstantMessage) -> None:
        """Knows a secret."""
        used.append("secret")

    @bot.on_command_refused()
    async def audit(refused: CommandRefused, ctx: Context) -> None:
        used.append(refused)

    return bot


ROLES = {"moderator": ["mod-*", "ann"], "admin": ["root"]}


@asynccontextmanager
async def stage(*accounts: str) -> AsyncIterator[tuple[World, list[LoginSession]]]:
    """The bot in the lobby, and people there with it."""
    placement = BotPlacement(bot=guard(), account="guard", channels=("lobby",), roles=ROLES)
    async with (
        open_world() as world,
        world.running(placement),
        world.signal.open_session(accounts[0]) as one,
        world.signal.open_session(f"{accounts[-1]}-2") as two,
    ):
        await one.join("lobby")
        yield world, [one, two]


async def say(session: LoginSession, text: str) -> None:
    assert session.channel is not None
    await session.channel.send(text)


@pytest.mark.row("B23")
async def test_a_command_in_a_channel(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with stage("ann") as (_, (ann, _)):
            await say(ann, "!mute bob 1h30m for  being loud")
            await say(ann, "!quiet bob 10s")
            await say(ann, "!roll 2 6 6")
            await until(lambda: len(used) == 3)
    assert used == [
        ("ann", "bob", 5400.0, "for  being loud", "guard"),
        ("ann", "bob", 10.0, "none", "guard"),
        (2, (6, 6)),
    ]
    audited = [line for line in logs if line["event"] == "command used"]
    assert [(line["command"], line["by"], line["channel"]) for line in audited] == [("mute", "ann", "lobby")] * 2


@pytest.mark.row("B23")
async def test_a_command_in_private(autojump_clock: MockClock) -> None:
    async with stage("root") as (_, (root, _)):
        await root.send_instant("guard", "!secret")
        await root.send_instant("guard", "!roll")
        await until(lambda: len(used) == 2)
    assert used == ["secret", (1, ())]


@pytest.mark.row("B23")
async def test_a_wrong_argument_is_answered_with_the_usage_to_the_sender_alone(autojump_clock: MockClock) -> None:
    async with stage("ann", "bob") as (_, (ann, bob)):
        await bob.join("lobby")
        await say(ann, "!mute bob long")
        answer = (await next_event(ann, InstantMessage)).text
        assert answer == (
            "time: 'long' is not a duration like 90s, 10m, 1h30m or 2d\nusage: !mute <account> <time> [reason …]"
        )
        await say(ann, "the end")
        heard = [(await next_event(bob, ChannelMessage)).text for _ in range(2)]
        assert heard == ["!mute bob long", "the end"]
    assert used == []


@pytest.mark.row("B23")
async def test_who_has_no_role_for_it_is_refused_and_that_is_audited(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with stage("eve") as (world, (eve, _)):
            await say(eve, "!mute bob 1h")
            assert (await next_event(eve, InstantMessage)).text == "you may not use !mute"
            await eve.send_instant("guard", "!secret")
            assert (await next_event(eve, InstantMessage)).text == "you may not use !secret"
            assert world.count("bot_commands_refused", "guard") == 2
    assert used == [
        CommandRefused(account=Account("eve"), channel="lobby", command="mute", roles=("moderator", "admin")),
        CommandRefused(account=Account("eve"), channel="", command="secret", roles=("admin",)),
    ]
    audited = [line for line in logs if line["event"] == "command refused"]
    assert [(line["command"], line["by"], line["for_roles"]) for line in audited] == [
        ("mute", "eve", ("moderator", "admin")),
        ("secret", "eve", ("admin",)),
    ]


MUTE, ROLL, SECRET = (
    "!mute <account> <time> [reason …] - Mutes somebody.",
    "!roll [dice] [sides …] - Rolls dice.",
    "!secret - Knows a secret.",
)
HELP = "!help [command] - Lists the commands that you may use here, or says more about one."


@pytest.mark.row("B23")
@pytest.mark.parametrize(
    ("account", "channel", "lines"),
    [
        ("eve", True, [ROLL, HELP]),
        ("eve", False, [ROLL, HELP]),
        ("ann", True, [MUTE, ROLL, HELP]),
        ("mod-7", True, [MUTE, ROLL, HELP]),
        ("ann", False, [ROLL, HELP]),
        ("root", True, [MUTE, ROLL, HELP]),
        ("root", False, [ROLL, SECRET, HELP]),
        ("mod", True, [ROLL, HELP]),
    ],
)
async def test_help_has_what_one_may_use_here(
    autojump_clock: MockClock, account: str, channel: bool, lines: list[str]
) -> None:
    async with stage(account) as (_, (session, _)):
        await (say(session, "!help") if channel else session.send_instant("guard", "!help"))
        assert (await next_event(session, InstantMessage)).text.splitlines() == ["what you can write here:", *lines]


async def test_help_about_one_command(autojump_clock: MockClock) -> None:
    async with stage("ann") as (_, (ann, _)):
        for name in ("mute", "!quiet"):
            await say(ann, f"!help {name}")
            assert (await next_event(ann, InstantMessage)).text.splitlines() == [
                "usage: !mute <account> <time> [reason …]",
                "also: !quiet",
                "account: an account",
                "time: a duration like 90s, 10m, 1h30m or 2d",
                "reason: text (none if left out)",
                "Mutes somebody.",
                "",
                "For as long as you say.",
            ]
        for hidden in ("secret", "no-such"):
            await say(ann, f"!help {hidden}")
            assert (await next_event(ann, InstantMessage)).text == f"there is no command {hidden!r} for you here"


@pytest.mark.parametrize(
    "text", ["mute", "!mutes bob 1h", "! mute bob 1h", " !roll", "roll", "!", "!!roll", "!Roll", "!nothing"]
)
async def test_what_is_no_command(text: str) -> None:
    async with dispatching(guard()) as at:
        await at.tell(said(text, account="root"), told(text, account="root"))
        assert at.meters.unhandled.value == 2
    assert used == []


async def test_a_bot_has_a_prefix_of_its_own_and_perhaps_its_own_help() -> None:
    bot = Bot("b", command_prefix="hey:")

    @bot.command("help")
    async def my_help(ctx: Context) -> None:
        used.append("my help")

    async with dispatching(bot) as at:
        await at.tell(said("hey:help"), said("!help"))
        assert at.meters.unhandled.value == 1
    assert used == ["my help"]


async def test_help_in_several_messages() -> None:
    bot = Bot("b")
    for number in range(300):

        async def handler(ctx: Context) -> None: ...

        handler.__doc__ = f"{number} {'x' * 80}"
        bot.command(f"command{number}")(handler)
    async with dispatching(bot) as at, at.world.signal.open_session("ann") as ann:
        await at.tell(told("!help"))
        pages = [(await next_event(ann, InstantMessage)).text for _ in range(4)]
        assert all(len(page.encode()) <= 8192 for page in pages)
        assert len("\n".join(pages).splitlines()) == 302


async def test_help_shows_defaults_as_they_are_written() -> None:
    bot = Bot("b")

    class Level(Enum):
        LOW = "low"

    @bot.command("x")
    async def handler(  # noqa: PLR0917
        ctx: Context,
        time: timedelta = timedelta(minutes=90),
        level: Level = Level.LOW,
        on: bool = False,
        number: int = 0,
        text: str = "",
        word: str | None = None,
    ) -> None: ...

    async with dispatching(bot) as at, at.world.signal.open_session("ann") as ann:
        await at.tell(told("!help x"))
        assert (await next_event(ann, InstantMessage)).text.splitlines()[1:] == [
            "time: a duration like 90s, 10m, 1h30m or 2d (1h30m if left out)",
            "level: one of low (low if left out)",
            "on: yes or no (no if left out)",
            "number: a whole number (0 if left out)",
            "text: a word",
            "word: a word",
        ]


async def test_filters_routers_and_middlewares_of_commands() -> None:
    bot, router = Bot("b"), Router("r", f.channel.is_("lobby"))

    @router.command("count", ~f.account.is_("eve"))
    async def count(message: ChannelMessage, number: int) -> None:
        used.append(number)

    @router.middleware
    async def around(message: ChannelMessage, call_next: CallNext) -> None:
        used.append("around")
        await call_next()

    bot.include(router)
    async with dispatching(bot) as at, at.world.signal.open_session("ann"):
        await at.tell(said("!count 1"), said("!count 2", "help"), said("!count 3", account="eve"), said("!count x"))
        assert at.meters.unhandled.value == 2
    assert used == ["around", 1]


def test_a_name_is_there_once() -> None:
    bot, router = guard(), Router("r")

    async def handler(ctx: Context) -> None: ...

    for name, aliases in (("roll", ()), ("throw", ("quiet",))):
        with pytest.raises(
            HandlerError, match=r"command '(roll|quiet)' is (roll|mute)\(\) already, .*test_commands.py:\d+"
        ):
            bot.command(name, aliases=aliases)(handler)
    router.command("roll")(handler)
    with pytest.raises(HandlerError, match=r"handler handler\(\): command 'roll' is roll\(\) already"):
        bot.include(router)
    assert len(bot.registrations) == 5
    bot.included.append(router)
    with pytest.raises(HandlerError, match="command 'roll' is"):
        bot.wire()


async def of_joins(event: CommandRefused) -> None: ...
async def hungry(ctx: Context, thing: bytes) -> None: ...


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (of_joins, "a command comes in a ChannelMessage or an InstantMessage"),
        (hungry, "parameter thing: nothing of type bytes is known here"),
    ],
)
def test_commands_that_are_refused(handler: Any, problem: str) -> None:
    bot = Bot("b")
    with pytest.raises(HandlerError, match=problem):
        bot.command("x")(handler)
    assert bot.handlers == []


def test_a_role_that_no_command_is_for() -> None:
    placement = BotPlacement(bot=guard(), account="guard", roles={"moderatr": ["ann"]})
    with pytest.raises(ConfigError, match=r"bots\[0\].roles.moderatr: no command .* known here: admin, moderator"):
        make_plans([placement])


@pytest.mark.parametrize(
    ("roles", "commands", "missing"),
    [
        ({}, ["mute", "secret"], ["admin", "moderator"]),
        ({"moderator": ["mod-*"]}, ["secret"], ["admin"]),
    ],
)
async def test_commands_that_nobody_may_use_are_logged_at_the_start(
    roles: dict[str, list[str]], commands: list[str], missing: list[str]
) -> None:
    with capture_logs() as logs:
        async with dispatching(guard(), roles=roles):
            pass
    (warning,) = [line for line in logs if "nobody" in line["event"]]
    assert (warning["bot"], warning["commands"], warning["roles"]) == ("guard", commands, missing)


async def test_a_command_that_one_of_its_roles_can_use_is_no_matter() -> None:
    with capture_logs() as logs:
        async with dispatching(guard(), roles={"admin": ["root"]}):
            pass
    assert [line for line in logs if "nobody" in line["event"]] == []


@pytest.mark.parametrize("prefix", ["", " ", "a b", "\n"])
def test_a_prefix_that_is_none(prefix: str) -> None:
    with pytest.raises(ValueError, match="command_prefix: visible characters expected"):
        Bot("b", command_prefix=prefix)
