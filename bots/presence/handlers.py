"""The presence bot: what the two special channels tell becomes spans and lines."""

from collections.abc import AsyncIterator

import trio

from botkit import Bot, BotInfo, Context, EventsLost, MemberJoined, MemberLeft, UserOffline, UserOnline
from bots.presence.ledger import open_ledger
from bots.presence.recorder import Recorder, now_ms
from bots.presence.settings import PresenceSettings
from bots.presence.spans import Moment

CLOSING_SECONDS = 2.0
"""How long it may take to write down, when the bot is stopped, that it is."""

LOOK_SECONDS = 0.5
"""How soon the gateway is asked who is there, when that is not known."""

bot = Bot("presence", settings=PresenceSettings, ignore_self=False)


@bot.resource
async def recorder(settings: PresenceSettings, info: BotInfo) -> AsyncIterator[Recorder]:
    """The table and the file, open as long as the bot lives."""
    async with open_ledger(settings) as ledger:
        await ledger.start(now_ms())
        try:
            yield Recorder(settings, ledger, info.is_service)
        finally:
            with trio.move_on_after(CLOSING_SECONDS, shield=True):
                await ledger.stop(now_ms())


@bot.on_user_online()
async def online(event: UserOnline, ctx: Context, recorder: Recorder) -> None:
    """Somebody logged in."""
    await recorder.begin(_moment(event), ctx.log)


@bot.on_user_offline()
async def offline(event: UserOffline, ctx: Context, recorder: Recorder) -> None:
    """Somebody is gone."""
    await recorder.end(_moment(event, reason=event.reason), ctx.log)


@bot.on_member_joined()
async def joined(event: MemberJoined, ctx: Context, recorder: Recorder) -> None:
    """Somebody joined a channel."""
    await recorder.begin(_moment(event, channel=event.channel), ctx.log)


@bot.on_member_left()
async def left(event: MemberLeft, ctx: Context, recorder: Recorder) -> None:
    """Somebody left a channel."""
    await recorder.end(_moment(event, channel=event.channel, reason=event.reason), ctx.log)


@bot.on_events_lost()
async def lost(event: EventsLost, ctx: Context, recorder: Recorder) -> None:
    """Events are missing."""
    await recorder.lose(event.cause, event.count, ctx.log)


@bot.every(seconds=LOOK_SECONDS)
async def look(ctx: Context, recorder: Recorder) -> None:
    """Asks the gateway who is there, at the start and after a gap."""
    await recorder.look(ctx.session, ctx.log)


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
