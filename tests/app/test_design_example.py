"""What DESIGN prints as "what a user writes" works as it stands there."""

import trio
from trio.testing import MockClock

from botkit import Bot, BotPlacement, CallInvited, ChannelMessage, Context, DigitsPressed, UserOnline
from botkit import filters as f
from botkit.events import CallAccepted, CallEnded, InstantMessage
from tests.app.world import next_event, open_world

beats: list[float] = []
gathered: list[str] = []
pressed: list[str] = []

bot = Bot("concierge")


@bot.on_channel_message(f.text.startswith("!hello"))
async def hello(message: ChannelMessage, ctx: Context) -> None:
    await ctx.channel.send(f"hello, {message.account}")


@bot.on_invite(channel="support-*")
async def answer(invite: CallInvited, ctx: Context) -> None:
    async with ctx.call.accepted({"media": "audio"}) as call:
        digits = await call.gather_dtmf(count=1, timeout=10)
        gathered.append(digits)
        await call.say(f"you pressed {digits}")


@bot.on_dtmf()
async def note(event: DigitsPressed) -> None:
    pressed.append(event.digits)


@bot.on_user_online()
async def welcome(event: UserOnline, ctx: Context) -> None:
    await ctx.session.send_instant(event.account, "welcome back")


@bot.every(seconds=30)
async def heartbeat(ctx: Context) -> None:
    beats.append(trio.current_time())


async def test_the_example(autojump_clock: MockClock) -> None:
    beats.clear()
    placement = BotPlacement(bot=bot, account="concierge", channels=("lobby",))
    async with open_world() as world, world.running(placement), world.signal.open_session("ann") as ann:
        assert (await next_event(ann, InstantMessage)).text == "welcome back"
        lobby = await ann.join("lobby")
        await lobby.send("!hello")
        assert (await next_event(ann, ChannelMessage)).text == "!hello"
        reply = await next_event(ann, ChannelMessage)
        assert (reply.account, reply.text) == ("concierge", "hello, ann")
        await lobby.send("hello without a mark")

        call = await ann.invite("support-1", "concierge")
        assert (await next_event(ann, CallAccepted)).extra == '{"media":"audio"}'
        await trio.sleep(3)
        await call.press("7")
        assert (await next_event(ann, InstantMessage)).text == "you pressed 7"
        assert (await next_event(ann, CallEnded)).by_peer
        assert (gathered, pressed) == (["7"], ["7"])
        await trio.sleep(60)
        assert round(beats[1] - beats[0], 6) == 30
        assert len(beats) == 2
