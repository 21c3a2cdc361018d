"""The presence bot: feeds ring, and the daemon reads."""

from collections.abc import AsyncIterator

from botkit import Bot, BotInfo, Context, LoggedIn, Meters
from bots.presence.daemon import Daemon, open_daemon
from bots.presence.settings import PresenceSettings

LOOK_SECONDS = 5.0
"""How soon a daemon that is made anew while the bot is logged in has its session: it hears of no login."""

bot = Bot("presence", settings=PresenceSettings, ignore_self=False)


@bot.resource
async def daemon(settings: PresenceSettings, info: BotInfo, meters: Meters) -> AsyncIterator[Daemon]:
    """The daemon, as long as the bot lives."""
    async with open_daemon(settings, info, meters) as daemon:
        yield daemon


@bot.on_user_online()
@bot.on_user_offline()
@bot.on_member_joined()
@bot.on_member_left()
@bot.on_events_lost()
async def happened(ctx: Context, daemon: Daemon) -> None:
    """Something happened, or a feed has missed something: the ledger has it."""
    daemon.ring(ctx.session)


@bot.on(LoggedIn)
async def logged_in(ctx: Context, daemon: Daemon) -> None:
    """A session of the bot's own is up."""
    daemon.use(ctx.session)


@bot.every(seconds=LOOK_SECONDS)
async def look(ctx: Context, daemon: Daemon) -> None:
    """Whichever session there is now."""
    daemon.use(ctx.session)
