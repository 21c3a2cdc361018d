"""The moderation bot: what happens in its channels is judged, before its delivery where it may, and acted on."""

from collections.abc import AsyncIterator
from fnmatch import fnmatchcase

from botkit import (
    Bot,
    BotInfo,
    ChannelMessage,
    Context,
    LoggedIn,
    LoggedOut,
    LoopLimits,
    MemberJoined,
    MessageHeld,
    Meters,
    Reconnected,
    UserJoined,
)
from bots.moderation.rules import Joined, Message
from bots.moderation.service import Service, open_service
from bots.moderation.settings import ModerationSettings

TEND_SECONDS = 2.0

# What breaks loops would be a way out for spammers: who has the bot answer often and fast was not judged for a minute.
bot = Bot("moderation", settings=ModerationSettings, loops=LoopLimits(turns=0))


@bot.resource
async def service(settings: ModerationSettings, info: BotInfo, meters: Meters) -> AsyncIterator[Service]:
    """Rules, cases and workers, for as long as the bot lives."""
    async with open_service(settings, info, meters) as service:
        yield service


@bot.on_login()
async def take_post(_event: LoggedIn, ctx: Context, service: Service) -> None:
    """A session is in its channel: from now on what is said there is judged."""
    await service.take_post(ctx.session)


@bot.on(Reconnected)
async def take_post_again(event: Reconnected, ctx: Context, service: Service) -> None:
    """A session is back: a gateway that has lost its memory has to be told again."""
    if not event.resumed:
        await service.take_post(ctx.session)


@bot.on_logout()
async def leave_post(event: LoggedOut, service: Service) -> None:
    """A session is over."""
    service.crew.remove(event.account)


@bot.on(MessageHeld)
async def judge_held(event: MessageHeld, ctx: Context, service: Service) -> None:
    """A message that nobody has heard yet."""
    message = Message(
        channel=event.channel,
        account=event.account,
        text=event.text,
        ms=service.clock.ms(),
        roles=service.info.roles_of(event.account),
    )
    await service.moderator.on_held(event, message, ctx.session)


@bot.on_channel_message()
async def judge_delivered(event: ChannelMessage, service: Service) -> None:
    """A message that was delivered, judged by the time at which the gateway took it."""
    if service.is_own(event.account):
        return
    roles = service.info.roles_of(event.account)
    message = Message(channel=event.channel, account=event.account, text=event.text, ms=event.ms, roles=roles)
    await service.moderator.on_message(message)


@bot.on_user_joined()
async def note_joined(event: UserJoined, service: Service) -> None:
    """Somebody came, as the channel itself tells it: in order with what is said there."""
    _note(event, service)


@bot.on_member_joined()
async def note_member(event: MemberJoined, service: Service) -> None:
    """Somebody came, as ``__agora_channel_event`` tells it: also where the channel does not, or the bot is not yet."""
    info = service.info
    if event.channel in info.channels or any(fnmatchcase(event.channel, pattern) for pattern in info.patterns):
        _note(event, service)


@bot.every(seconds=TEND_SECONDS)
async def tend(_ctx: Context, service: Service) -> None:
    """What is to be done now and then."""
    await service.tend()


def _note(event: UserJoined | MemberJoined, service: Service) -> None:
    if not service.is_own(event.account):
        roles = service.info.roles_of(event.account)
        joined = Joined(channel=event.channel, account=event.account, ms=event.ms, roles=roles)
        service.moderator.on_joined(joined)
