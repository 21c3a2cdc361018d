"""What is gone for good shows: in the metrics, in what the app says of itself, and, at the start, as an error."""

from collections.abc import AsyncIterator

import pytest
import trio
from msgspec import Struct
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, Context, InstantMessage, StoreError, UserOnline
from botkit.errors import ConfigError
from botkit.types import Account
from tests.app.world import APP_ID, open_world, until


class Files(Struct, frozen=True):
    """Settings that name something to open."""

    file: str = "adir"


def filing_bot(error: Exception) -> Bot:
    bot = Bot("filing", settings=Files)

    @bot.resource
    async def cabinet(settings: Files) -> AsyncIterator[int]:
        if settings.file:
            raise error
        yield 1

    return bot


def quiet_bot(name: str) -> Bot:
    bot = Bot(name)

    @bot.on_message()
    async def hear(message: InstantMessage) -> None:
        """Does nothing."""

    @bot.on_user_online()
    async def see(event: UserOnline) -> None:
        """Does nothing."""

    return bot


@pytest.mark.parametrize(
    "error", [IsADirectoryError(21, "Is a directory", "adir"), StoreError("junk.db", "no database")]
)
async def test_settings_that_cannot_be_opened_at_the_start_are_an_error_with_their_key(
    autojump_clock: MockClock, error: Exception
) -> None:
    placements = [
        BotPlacement(bot=quiet_bot("good"), account="good"),
        BotPlacement(bot=filing_bot(error), account="filing", settings=Files()),
    ]
    with capture_logs():
        async with open_world() as world:
            with pytest.raises(ExceptionGroup) as caught:
                await world.app(*placements).run()
    (complaint,) = _leaves(caught.value)
    assert isinstance(complaint, ConfigError)
    assert complaint.key == "bots[1].settings"
    assert str(error) in complaint.problem


def _leaves(group: BaseException) -> list[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        return [leaf for one in group.exceptions for leaf in _leaves(one)]
    return [group]


async def test_bots_and_feeds_are_gauged_by_state(autojump_clock: MockClock) -> None:
    placements = [BotPlacement(bot=quiet_bot(name), account=name) for name in ("one", "two")]
    with capture_logs():
        async with open_world() as world:
            async with world.running(*placements) as app:
                assert app.given_up() == ()
                text = world.meters.render().decode()
                assert 'botkit_bots{state="running"} 2.0' in text
                assert 'botkit_bots{state="ended"} 0.0' in text
                assert 'botkit_feeds{state="running"} 1.0' in text
                for account in ("one", "botkit-feed-online-one"):
                    async with world.signal.open_session(account):
                        await trio.sleep(5)
                await until(lambda: app.statistics()[0].state == "ended")
                text = world.meters.render().decode()
                assert 'botkit_bots{state="running"} 1.0' in text
                assert 'botkit_bots{state="ended"} 1.0' in text
                assert 'botkit_feeds{state="ended"} 1.0' in text
                assert app.given_up() == ("one: its account logged in elsewhere",)
            assert "botkit_bots{state" not in world.meters.render().decode()


async def test_a_bot_whose_account_is_banned_is_given_up_at_once_and_counted(autojump_clock: MockClock) -> None:
    placements = [BotPlacement(bot=quiet_bot(name), account=name) for name in ("one", "two")]
    with capture_logs() as logs:
        async with (
            open_world(server_accounts=["botkit-feed-*", "moderator"]) as world,
            world.signal.open_session("moderator") as moderator,
            world.running(*placements) as app,
        ):
            await moderator.ban("one", seconds=60, reason="spam")
            await until(lambda: app.statistics()[0].state == "ended")
            assert app.given_up() == ("one: its account is banned: spam",)
            assert app.statistics()[0].restarts == 0
            assert world.count("bot_sessions_lost", "one") == 1
            assert world.count("bots_given_up", "one") == 1
            logins = world.gateway.counters.logins.value
            await trio.sleep(3600)
            assert world.gateway.counters.logins.value == logins
            assert app.statistics()[1].state == "running"
            assert world.count("bots_given_up", "two") == 0
    over = [line for line in logs if line["event"] == "session over, and not opened again"]
    assert [(line["account"], line["log_level"]) for line in over] == [("one", "error")]
    assert "banned: spam" in over[0]["reason"]


async def test_a_bot_that_is_banned_in_one_channel_goes_on_in_the_others(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=quiet_bot("one"), account="one", channels=("a", "b"))
    with capture_logs():
        async with (
            open_world(server_accounts=["botkit-feed-*", "moderator"]) as world,
            world.signal.open_session("moderator") as moderator,
            world.running(placement) as app,
        ):
            await moderator.ban("one~2")
            await trio.sleep(100)
            assert app.statistics()[0].state == "running"
            assert app.given_up() == ()
            assert [session.status for session in app.statistics()[0].sessions] == ["logged_in", "logged_out"]
            assert world.count("bot_sessions_lost", "one") == 1


@pytest.mark.parametrize("when_in", [False, True])
async def test_a_pool_goes_on_without_an_account_that_is_banned(autojump_clock: MockClock, when_in: bool) -> None:
    placement = BotPlacement(bot=quiet_bot("one"), account="one", channels=("room-*",))
    with capture_logs():
        async with (
            open_world(server_accounts=["botkit-feed-*", "moderator"]) as world,
            world.signal.open_session("moderator") as moderator,
            world.running(placement) as app,
        ):
            banned = "one~2"
            if not when_in:
                await moderator.ban(banned)
            await moderator.join("room-1")
            if when_in:
                await until(lambda: [one.status for one in app.statistics()[0].sessions] == 2 * ["logged_in"])
                banned = app.statistics()[0].sessions[1].account
                await moderator.ban(banned)
            await until(lambda: world.count("pool_accounts_lost", "one") == 1)
            await trio.sleep(10)
            fixed, pooled = app.statistics()[0].sessions
            assert pooled.account != banned
            assert (pooled.channel, pooled.status, fixed.status) == ("room-1", "logged_in", "logged_in")
            refused = world.gateway.counters.logins.values.get("LOGIN_E_FAILED", 0)
            assert refused == (0 if when_in else 1)


@pytest.mark.parametrize("later", [False, True])
async def test_a_bot_that_comes_to_a_ban_is_given_up(autojump_clock: MockClock, later: bool) -> None:
    """At its start, or when it logs in anew after its session has ended for another reason."""
    with capture_logs():
        async with (
            open_world(server_accounts=["botkit-feed-*", "moderator"]) as world,
            world.signal.open_session("moderator") as moderator,
        ):
            if not later:
                await moderator.ban("one", reason="spam")
            placements = [BotPlacement(bot=quiet_bot(name), account=name) for name in ("one", "two")]
            async with world.running(*placements) as app:
                if later:
                    world.gateway.hubs[APP_ID].sanctions.impose(
                        "ban", Account("one"), "", seconds=0, reason="spam", moderator=Account("moderator")
                    )
                    world.gateway.hubs[APP_ID]._dismiss(world.session_of("one"), "expired", "TokenErrorExpired")
                await until(lambda: app.statistics()[0].state == "ended")
                (why,) = app.given_up()
                assert "banned: spam" in why
                assert world.count("bots_given_up", "one") == 1
                assert world.gateway.counters.logins.values["LOGIN_E_FAILED"] == 1
                await trio.sleep(1000)
                assert world.gateway.counters.logins.values["LOGIN_E_FAILED"] == 1


async def test_a_bot_that_logs_out_by_itself_is_not_given_up(autojump_clock: MockClock) -> None:
    bot = Bot("done")

    @bot.every(seconds=1)
    async def leave(ctx: Context) -> None:
        await ctx.session.logout()

    with capture_logs():
        async with open_world() as world:
            other = BotPlacement(bot=quiet_bot("other"), account="other")
            async with world.running(BotPlacement(bot=bot, account="done"), other) as app:
                await until(lambda: app.statistics()[0].state == "ended")
                assert app.given_up() == ()
