"""The presence bot: what the two special channels tell becomes spans and lines."""

import time
from collections.abc import AsyncIterator
from fnmatch import fnmatchcase

import trio

from botkit import Bot, Context, EventsLost, MemberJoined, MemberLeft, UserOffline, UserOnline
from bots.presence.ledger import Ledger, open_ledger
from bots.presence.settings import PresenceSettings
from bots.presence.spans import Moment

CLOSING_SECONDS = 2.0
"""How long it may take to write down, when the bot is stopped, that it is."""

bot = Bot("presence", settings=PresenceSettings, ignore_self=False)


@bot.resource
async def ledger(settings: PresenceSettings) -> AsyncIterator[Ledger]:
    """The table and the file, open as long as the bot lives."""
    async with open_ledger(settings) as opened:
        await opened.start(_now_ms())
        try:
            yield opened
        finally:
            with trio.move_on_after(CLOSING_SECONDS, shield=True):
                await opened.stop(_now_ms())


@bot.on_user_online()
async def online(event: UserOnline, ctx: Context, settings: PresenceSettings, ledger: Ledger) -> None:
    """Somebody logged in."""
    await _begin(_moment(event), ctx, settings, ledger)


@bot.on_user_offline()
async def offline(event: UserOffline, ctx: Context, settings: PresenceSettings, ledger: Ledger) -> None:
    """Somebody is gone."""
    await _end(_moment(event, reason=event.reason), ctx, settings, ledger)


@bot.on_member_joined()
async def joined(event: MemberJoined, ctx: Context, settings: PresenceSettings, ledger: Ledger) -> None:
    """Somebody joined a channel."""
    await _begin(_moment(event, channel=event.channel), ctx, settings, ledger)


@bot.on_member_left()
async def left(event: MemberLeft, ctx: Context, settings: PresenceSettings, ledger: Ledger) -> None:
    """Somebody left a channel."""
    await _end(_moment(event, channel=event.channel, reason=event.reason), ctx, settings, ledger)


@bot.on_events_lost()
async def lost(event: EventsLost, ctx: Context, ledger: Ledger) -> None:
    """Events are missing: what is open is uncertain from now on."""
    spans = await ledger.lose(_now_ms(), event.cause, event.count)
    ctx.log.warning("presence is uncertain", cause=event.cause, missing=event.count, spans=spans)


async def _begin(moment: Moment, ctx: Context, settings: PresenceSettings, ledger: Ledger) -> None:
    if _is_ignored(moment.account, settings):
        return
    if settings.log_events:
        ctx.log.info("joined" if moment.channel else "online", who=moment.account)
    await ledger.begin(moment)


async def _end(moment: Moment, ctx: Context, settings: PresenceSettings, ledger: Ledger) -> None:
    if _is_ignored(moment.account, settings):
        return
    if settings.log_events:
        ctx.log.info("left" if moment.channel else "offline", who=moment.account, reason=moment.reason)
    await ledger.end(moment)


def _is_ignored(account: str, settings: PresenceSettings) -> bool:
    return any(fnmatchcase(account, pattern) for pattern in settings.ignore)


def _moment(
    event: UserOnline | UserOffline | MemberJoined | MemberLeft, *, channel: str = "", reason: str = ""
) -> Moment:
    return Moment(
        account=event.account,
        uid=event.uid,
        ms=event.ms,
        epoch=event.epoch,
        seq=event.seq,
        channel=channel,
        reason=reason,
    )


def _now_ms() -> int:
    return int(time.time() * 1000)
