"""What is gone for good shows: in the metrics, in what the app says of itself, and, at the start, as an error."""

from collections.abc import AsyncIterator

import pytest
import trio
from msgspec import Struct
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, Context, InstantMessage, StoreError, UserOnline
from botkit.errors import ConfigError
from tests.app.world import open_world, until


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
