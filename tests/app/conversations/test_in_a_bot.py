"""Conversations as a bot's author writes them, on a real gateway."""

import pytest
import trio
from msgspec import Struct
from trio.testing import MockClock

from botkit import Bot, BotPlacement, ChannelMessage, Context, InstantMessage, LoggedIn
from botkit import filters as f
from botkit.app.conversations import Conversation, Conversations
from botkit.app.router import Router
from botkit.errors import HandlerError
from botkit.events import ConversationTimedOut
from botkit.testing import open_world


class Order(Struct, frozen=True):
    size: str = ""


class Rating(Struct, frozen=True):
    stars: int = 0


def make_pizzeria() -> Bot:
    bot = Bot("pizzeria")
    orders = bot.conversation(Order, timeout=60)

    @bot.on_message(~orders.open)
    async def begin(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
        await order.set(Order())
        await ctx.reply("which size?")

    @bot.on_message(orders.where(lambda order: not order.size))
    async def take_size(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
        await order.set(Order(size=message.text))
        await ctx.reply(f"{message.text}; which topping?")

    @bot.on_message(orders.where(lambda order: bool(order.size)))
    async def take_topping(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
        assert order.state is not None
        await ctx.reply(f"one {order.state.size} with {message.text}")
        await order.close()

    @bot.on_conversation_timeout(orders)
    async def too_late(event: ConversationTimedOut, ctx: Context, order: Conversation[Order]) -> None:
        assert order.state is not None
        await ctx.session.send_instant(event.account, f"too late for your {order.state.size or 'pizza'}")

    @bot.on_channel_message(f.text.is_("who orders?"))
    async def who(message: ChannelMessage, ctx: Context, open_orders: Conversations[Order]) -> None:
        await ctx.reply(", ".join(sorted(order.account for order in open_orders.all_open())) or "nobody")

    return bot


@pytest.mark.row("B07")
async def test_a_talk_goes_step_by_step_and_each_account_has_its_own(autojump_clock: MockClock) -> None:
    async with open_world(make_pizzeria()) as world:
        ann, bob = await world.user("ann"), await world.user("bob", channel="lobby")
        await ann.tell("pizzeria", "hi")
        await ann.expect_text("which size?")
        await bob.tell("pizzeria", "hello")
        await bob.expect_text("which size?")
        await bob.say("who orders?")
        await bob.expect_text("ann, bob")
        await ann.tell("pizzeria", "large")
        await ann.expect_text("large; which topping?")
        await ann.tell("pizzeria", "ham")
        await ann.expect_text("one large with ham")
        await bob.say("who orders?")
        await bob.expect_text("bob")


@pytest.mark.row("B07")
async def test_steps_that_come_faster_than_they_are_handled_meet_the_right_state(autojump_clock: MockClock) -> None:
    async with open_world(make_pizzeria()) as world:
        ann = await world.user("ann")
        async with trio.open_nursery() as nursery:
            for text in ("hi", "large", "ham"):
                nursery.start_soon(ann.tell, "pizzeria", text)
                await trio.lowlevel.checkpoint()
        for text in ("which size?", "large; which topping?", "one large with ham"):
            await ann.expect_text(text)


@pytest.mark.row("B07")
async def test_a_talk_that_rests_too_long_times_out_once(autojump_clock: MockClock) -> None:
    async with open_world(make_pizzeria()) as world:
        ann = await world.user("ann")
        await ann.tell("pizzeria", "hi")
        await ann.expect_text("which size?")
        await trio.sleep(50)
        await ann.tell("pizzeria", "large")
        await ann.expect_text("large; which topping?")
        begin = trio.current_time()
        await ann.expect_text("too late for your large", within=70)
        assert trio.current_time() - begin == pytest.approx(60, abs=0.1)
        await ann.expect_nothing(InstantMessage, seconds=300)
        assert world.metric("botkit_bot_conversations_timed_out_total", bot="pizzeria") == 1
        await ann.tell("pizzeria", "hi again")
        await ann.expect_text("which size?")


async def test_without_a_handler_it_is_just_closed(autojump_clock: MockClock) -> None:
    bot = Bot("quiet")
    ratings = bot.conversation(Rating, timeout=5)
    seen: list[Rating | None] = []

    @bot.on_message()
    async def rate(message: InstantMessage, rating: Conversation[Rating]) -> None:
        seen.append(rating.state)
        await rating.set(Rating(3))

    async with open_world(bot) as world:
        ann = await world.user("ann")
        await ann.tell("quiet", "1")
        await ann.tell("quiet", "2")
        await trio.sleep(10)
        await ann.tell("quiet", "3")
        await trio.sleep(1)
    assert seen == [None, Rating(3), None]
    assert ratings.name == "Rating"


async def test_a_timeout_handler_that_fails_ends_the_talk_all_the_same(autojump_clock: MockClock) -> None:
    bot = Bot("careless")
    ratings = bot.conversation(Rating, timeout=5)

    @bot.on_message(~ratings.open)
    async def rate(message: InstantMessage, rating: Conversation[Rating]) -> None:
        await rating.set(Rating())

    @bot.on_conversation_timeout(ratings)
    async def fail(event: ConversationTimedOut) -> None:
        raise ValueError("no")

    async with open_world(bot, expect_failures=True) as world:
        ann = await world.user("ann")
        await ann.tell("careless", "1")
        await trio.sleep(60)
        assert world.metric("botkit_bot_handler_errors_total") == 1


async def test_a_timeout_handler_may_go_on_with_it(autojump_clock: MockClock) -> None:
    bot = Bot("patient")
    ratings = bot.conversation(Rating, timeout=5)
    reminded: list[float] = []

    @bot.on_message(~ratings.open)
    async def rate(message: InstantMessage, rating: Conversation[Rating]) -> None:
        await rating.set(Rating())

    @bot.on_conversation_timeout(ratings)
    async def remind(event: ConversationTimedOut, rating: Conversation[Rating]) -> None:
        reminded.append(trio.current_time())
        if len(reminded) < 3:
            await rating.update(lambda state: Rating(state.stars + 1), timeout=20)

    async with open_world(bot) as world:
        ann = await world.user("ann")
        await ann.tell("patient", "1")
        begin = trio.current_time()
        await trio.sleep(100)
    assert [round(time - begin) for time in reminded] == [5, 25, 45]


async def test_a_router_has_conversations_of_its_own(autojump_clock: MockClock) -> None:
    router = Router("ratings")
    ratings = router.conversation(Rating, timeout=5)

    @router.on_channel_message(ratings.open)
    async def again(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply("again?")

    @router.on_channel_message(~ratings.open & ~f.account.is_("host"))
    async def first(message: ChannelMessage, ctx: Context, rating: Conversation[Rating]) -> None:
        await rating.set(Rating())
        await ctx.reply("thanks")

    bot = Bot("host")
    bot.include(router)
    async with open_world(bot) as world:
        ann = await world.user("ann", channel="lobby")
        await ann.say("5 stars")
        await ann.expect_text("thanks")
        await ann.say("6 stars")
        await ann.expect_text("again?")


@pytest.mark.row("B08")
async def test_a_restart_of_the_bots_finds_the_talk_and_its_first_deadline(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        ann = await world.user("ann")
        async with world.running(make_pizzeria()):
            await ann.tell("pizzeria", "hi")
            await ann.expect_text("which size?")
            begin = trio.current_time()
        await trio.sleep(30)
        async with world.running(make_pizzeria()):
            await ann.expect_text("too late for your pizza", within=40)
            assert trio.current_time() - begin == pytest.approx(60, abs=0.2)
        async with world.running(make_pizzeria()):
            await ann.tell("pizzeria", "hi")
            await ann.expect_text("which size?")
        await trio.sleep(600)  # its time is over while no bot is there
        async with world.running(make_pizzeria()):
            await ann.expect_text("too late for your pizza")


def test_what_cannot_be_is_refused_with_file_and_line() -> None:
    bot = Bot("wrong")
    ratings = bot.conversation(Rating)
    with pytest.raises(HandlerError, match=r"test_in_a_bot.py:\d+.*is about nobody"):

        @bot.on_login(ratings.open)
        async def login(event: LoggedIn) -> None: ...

    with pytest.raises(HandlerError, match=r"test_in_a_bot.py:\d+.*the event here is LoggedIn"):

        @bot.on_login()
        async def other_login(event: LoggedIn, rating: Conversation[Rating]) -> None: ...

    with pytest.raises(HandlerError, match=r"nothing of type Conversation\[Order\] is known"):

        @bot.on_message()
        async def order(message: InstantMessage, talk: Conversation[Order]) -> None: ...

    with pytest.raises(HandlerError, match="is provided already"):
        bot.conversation(Rating)


def test_two_routers_cannot_have_states_of_one_name() -> None:
    bot = Bot("twice")
    for name in ("a", "b"):
        router = Router(name)
        router.conversation(Rating)
        bot.include(router)
    with pytest.raises(ValueError, match="two kinds of conversations named Rating"):
        BotPlacement(bot=bot, account="twice").bot.wire()
