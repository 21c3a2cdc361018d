"""What bots do is in the effect log; in a dry run it is there, and nowhere else; and it waits for the limits."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, BotPlacement, CallInvited, ChannelMessage, Context
from botkit.errors import SendFailed
from botkit.events import InstantMessage
from botkit.observability.texts import TextPolicy, show_text, text_hash
from botkit.signaling.effects import Join, SendInstant, SendToChannel
from botkit.testing import open_world


def make_greeter() -> Bot:
    """Says hello in its channel, whispers to whoever whispers, takes calls."""
    bot = Bot("greeter")

    @bot.on_channel_message()
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"hello, {message.account}")

    @bot.on_message()
    async def whisper(message: InstantMessage, ctx: Context) -> None:
        await ctx.session.send_instant(message.account, "psst", ttl=5)

    @bot.on_invite()
    async def answer(invite: CallInvited, ctx: Context) -> None:
        async with ctx.call.accepted():
            await ctx.call.say("welcome")
            await ctx.call.wait_ended()

    return bot


async def test_what_a_bot_did_is_in_the_log(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.running(make_greeter()) as app:
        ann = await world.user("ann", channel="lobby")
        await ann.say("hi")
        said = await ann.expect(ChannelMessage, text="hello, ann")
        await ann.tell("greeter", "pst")
        await ann.expect(InstantMessage, text="psst")
        assert app.effects.of("greeter") == [
            Join(channel="lobby"),
            SendToChannel(channel="lobby", text="hello, ann"),
            SendInstant(account="ann", text="psst", ttl=5),
        ]
        assert app.effects.of("greeter", SendInstant) == [SendInstant(account="ann", text="psst", ttl=5)]
        assert app.effects.of("somebody else") == []
        record = list(app.effects)[1]
        assert (record.bot, record.account, record.message_id) == ("greeter", "greeter", said.message_id)
        assert record.outcome is not None
        assert record.outcome.fate == "done"
        assert repr(record) == f"<{record.id} send_to_channel 'lobby' by greeter, done>"
        app.effects.clear()
        assert len(app.effects) == 0
        assert world.metric("botkit_effects_total", verb="send_to_channel") == 1


async def test_a_dry_run_hears_and_does_nothing(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=make_greeter(), account="greeter", channels=("lobby",), dry_run=True)
    with capture_logs() as logs:
        async with open_world() as world, world.running(placement) as app:
            ann = await world.user("ann", channel="lobby")
            await ann.say("hi")
            await ann.tell("greeter", "pst")
            call = await ann.call("greeter")
            await trio.sleep(1)
            assert "greeter" in (ann.session.channel.members if ann.session.channel else {})
            assert call.state.value == "invited"  # not even ringing
            await ann.hang_up()
            await trio.sleep(1)
            told = [effect.verb for effect in app.effects.of("greeter")]
            assert told == [
                "join",
                "send_to_channel",
                "send_instant",
                "acknowledge_invite",
                "accept_invite",
                "send_instant",
            ]
            assert [message.account for message in await ann.heard(ChannelMessage)] == ["ann"]
            assert world.metric("botkit_effects_dry_total", bot="greeter") == 5
    would = [entry for entry in logs if entry["event"] == "would have"]
    assert [entry["did"] for entry in would] == told[1:]
    assert (would[0]["bot"], would[0]["to"], would[0]["words"]) == ("greeter", "lobby", show_text("hello, ann", "hash"))
    assert would[0]["effect_id"].startswith("x-")


async def test_a_bot_that_sends_faster_than_it_may_waits_and_loses_nothing(autojump_clock: MockClock) -> None:
    bot = Bot("chatty")

    @bot.on_message()
    async def chat(message: InstantMessage, ctx: Context) -> None:
        for number in range(int(message.text)):
            await ctx.channel.send(str(number))

    async with open_world() as world, world.running(bot) as app:
        ann = await world.user("ann", channel="lobby")
        began = trio.current_time()
        await ann.tell("chatty", "300")
        for number in range(300):
            await ann.expect(ChannelMessage, text=str(number))
        assert 3.5 < trio.current_time() - began < 5.3
        assert world.host.gateway.counters.refusals.value == 0
        assert world.metric("botkit_outgoing_wait_seconds_count") > 200
        assert world.metric("botkit_outgoing_waiting") == 0
        assert len(app.effects.of("chatty", SendToChannel)) == 300


async def test_without_a_governor_the_gateway_refuses(autojump_clock: MockClock) -> None:
    bot = Bot("chatty")
    refused: list[str] = []

    @bot.on_message()
    async def chat(message: InstantMessage, ctx: Context) -> None:
        try:
            for number in range(int(message.text)):
                await ctx.channel.send(str(number))
        except SendFailed as error:
            refused.append(error.reason)

    async with open_world() as world, world.running(bot, governor=None) as app:
        ann = await world.user("ann", channel="lobby")
        await ann.tell("chatty", "61")
        await trio.sleep(1)
        assert refused == ["too fast: at most 60 messages per second and user"]
        last = list(app.effects)[-1]
        assert last.outcome is not None
        assert (last.outcome.fate, last.outcome.code, last.outcome.reason) == ("failed", 400, refused[0])
        assert world.metric("botkit_effects_failed_total", verb="send_to_channel") == 1


async def test_handlers_that_wait_for_the_limits_do_not_hold_up_a_stop(autojump_clock: MockClock) -> None:
    bot = Bot("chatty")

    @bot.on_message()
    async def chat(_message: InstantMessage, ctx: Context) -> None:
        try:
            async with trio.open_nursery() as nursery:
                for number in range(1000):
                    nursery.start_soon(ctx.channel.send, str(number))
        finally:
            with trio.move_on_after(1, shield=True):  # a last word takes its turn, too
                await ctx.session.send_instant("ann", "bye")

    async with open_world() as world:
        ann = await world.user("ann", channel="lobby")
        async with world.running(bot):
            await ann.tell("chatty", "go")
            await trio.sleep(1)
            began = trio.current_time()
        assert trio.current_time() - began < 1
        await ann.expect(InstantMessage, text="bye")


@pytest.mark.parametrize(
    ("policy", "short", "long"),
    [
        ("full", "hello", "x" * 79 + "…"),
        ("hash", f"5 characters, {text_hash('hello')}", f"100 characters, {text_hash('x' * 100)}"),
        ("none", "5 characters", "100 characters"),
    ],
    ids=["full", "hash", "none"],
)
def test_what_people_write_is_shown_by_policy(policy: TextPolicy, short: str, long: str) -> None:
    assert show_text("hello", policy) == short
    assert show_text("x" * 100, policy) == long
    assert show_text("", policy) == ""
