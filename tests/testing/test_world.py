"""A bot's test, as its author would write it."""

import pytest
import trio
from trio.testing import MockClock

from botkit import Bot, BotPlacement, CallInvited, ChannelMessage, Context, InstantMessage, UserOnline
from botkit import filters as f
from botkit.errors import ErrorCode, InviteFailed
from botkit.events import CallEnded, ChannelLeft, LoggedOut, UserJoined
from botkit.testing import open_world


def make_bot() -> Bot:
    bot = Bot("concierge")

    @bot.on_channel_message(f.text.startswith("!hello"))
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"hello, {message.account}")

    @bot.on_channel_message(f.text.is_("!crash"))
    async def crash(message: ChannelMessage) -> None:
        raise ValueError("as asked")

    @bot.on_message()
    async def echo(message: InstantMessage, ctx: Context) -> None:
        await ctx.reply(message.text[::-1])

    @bot.on_invite(channel="call-*")
    async def answer(invite: CallInvited, ctx: Context) -> None:
        async with ctx.call.accepted({"media": "audio"}) as call:
            digits = await call.gather_dtmf(count=2, timeout=10)
            await call.say(f"you pressed {digits}")

    @bot.on_user_online(f.account.is_("bob"))
    async def welcome(event: UserOnline, ctx: Context) -> None:
        await ctx.session.send_instant(event.account, "welcome back")

    @bot.every(seconds=60)
    async def strike(ctx: Context) -> None:
        await ctx.channel.send("a minute has passed")

    return bot


@pytest.mark.row("B18")
async def test_a_user_says_something_and_hears_the_answer(autojump_clock: MockClock) -> None:
    async with open_world(make_bot()) as world:
        alice = await world.user("alice", channel="lobby")
        await alice.say("!hello")
        answer = await alice.expect(ChannelMessage, account="concierge")
        assert answer.text == "hello, alice"


@pytest.mark.row("B18")
async def test_people_talk_call_press_and_wait(autojump_clock: MockClock) -> None:
    async with open_world(make_bot()) as world:
        alice = await world.user("alice")
        await alice.tell("concierge", "abc")
        await alice.expect_text("cba")
        await alice.call("concierge")
        assert await alice.wait_answered() == '{"media":"audio"}'
        await alice.press("42")
        await alice.expect_text("you pressed 42")
        await alice.wait_hung_up()
        begin = trio.current_time()
        await alice.say("I am here", channel="lobby")
        await alice.expect_text("a minute has passed", within=61)
        assert trio.current_time() - begin <= 61
        bob = await world.user("bob")
        await bob.expect_text("welcome back")


async def test_two_people_call_each_other(autojump_clock: MockClock) -> None:
    async with open_world() as world, trio.open_nursery() as nursery:
        alice, bob = await world.user("alice"), await world.user("bob")
        nursery.start_soon(bob.answer)
        await alice.call("bob", channel="office")
        assert await alice.wait_answered() == ""
        await bob.hang_up()
        await alice.wait_hung_up()
        await alice.expect(CallEnded)
        await alice.call("bob", channel="office")
        await bob.refuse(extra={"reason": "busy"})
        with pytest.raises(InviteFailed):
            await alice.wait_answered()


async def test_who_is_not_there_is_not_heard(autojump_clock: MockClock) -> None:
    async with open_world(make_bot()) as world:
        alice, bob = await world.user("alice", channel="lobby"), await world.user("bob", channel="elsewhere")
        await alice.say("!hello")
        await alice.expect_text("hello, alice")
        await bob.expect_nothing(ChannelMessage)
        async with world.visitor("carol", channel="lobby"):
            await alice.expect(UserJoined, account="carol")
        await alice.leave()
        await alice.expect(ChannelLeft, code=ErrorCode.LEAVECHANNEL_E_BYUSER)
        with pytest.raises(AssertionError, match="in no channel"):
            await alice.say("hello?")


async def test_what_does_not_come_fails_with_what_came_instead(autojump_clock: MockClock) -> None:
    async with open_world(make_bot()) as world:
        alice = await world.user("alice", channel="lobby")
        await alice.say("nobody answers this")
        with pytest.raises(AssertionError, match=r"alice expected ChannelMessage.*within 2 s.*nobody answers this"):
            await alice.expect(ChannelMessage, text="hello", within=2)
        with pytest.raises(AssertionError, match="expected no ChannelMessage, and heard"):
            await alice.expect_nothing(ChannelMessage)
        with pytest.raises(TypeError, match="ChannelMessage has no txt, but"):
            await alice.expect(ChannelMessage, txt="hello")
        with pytest.raises(AssertionError, match="in no call"):
            await alice.press("1")
        await world.displace("alice")
        with pytest.raises(AssertionError, match="its session has ended"):
            await alice.expect(InstantMessage)
        assert [event.code for event in await alice.heard(LoggedOut)] == [ErrorCode.LOGOUT_E_KICKED]


async def test_a_handler_that_raises_fails_the_test(autojump_clock: MockClock) -> None:
    with pytest.raises(AssertionError, match="botkit_bot_handler_errors_total is 1"):  # noqa: PT012 - it is the block
        async with open_world(make_bot()) as world:
            alice = await world.user("alice", channel="lobby")
            await alice.say("!crash")
            await alice.say("!hello")
            await alice.expect_text("hello, alice")


async def test_unless_the_test_is_about_that(autojump_clock: MockClock) -> None:
    async with open_world(make_bot(), expect_failures=True) as world:
        alice = await world.user("alice", channel="lobby")
        await alice.say("!crash")
        await alice.say("!hello")
        await alice.expect_text("hello, alice")
        assert world.metric("botkit_bot_handler_errors_total", bot="concierge") == 1
        assert world.metric("botkit_bot_handler_errors_total", bot="another") == 0


async def test_a_placement_says_more_than_a_bare_bot(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=make_bot(), account="porter", channels=("hall",))
    async with open_world(placement, certificate="5CFd2fd1755d40ecb72977518be15d3b") as world:
        alice = await world.user("alice", channel="hall")
        await alice.say("!hello")
        await alice.expect(ChannelMessage, account="porter")


async def test_a_body_that_fails_keeps_its_own_error(autojump_clock: MockClock) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - as above
        async with open_world(make_bot()) as world:
            await world.user("alice", channel="lobby")
            raise ZeroDivisionError
