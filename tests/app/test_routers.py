"""Who gets an event when routers nest, and in which order."""

from collections.abc import Awaitable, Callable

import pytest

from botkit import Bot, BotPlacement, ChannelMessage, Context, EventsLost, InstantMessage, Router
from botkit import filters as f
from botkit.errors import HandlerError
from tests.app.dispatching import dispatching, said, told
from tests.app.world import next_event, open_world

Handler = Callable[[ChannelMessage, Context], Awaitable[None]]


class Diary:
    """Handlers that write down that they were called, and then do as the message says to them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def handler(self, name: str) -> Handler:
        async def handle(message: ChannelMessage, ctx: Context) -> None:
            self.lines.append(name)
            for order in message.text.split(", "):
                if order == f"{name} stops":
                    ctx.stop()
                if order == f"{name} propagates":
                    ctx.propagate()
                if order == f"{name} fails":
                    raise ValueError(name)

        return handle


def tree(diary: Diary) -> Bot:
    """A bot with two handlers, a router with two and one below it, another router with one."""
    bot, one, below, two = Bot("b"), Router("one"), Router("below"), Router("two")
    for handlers, names in ((bot, ("bot 1", "bot 2")), (one, ("one 1", "one 2")), (below, ("below",)), (two, ("two",))):
        for name in names:
            handlers.on_channel_message(~f.text.contains(f"not {name}"))(diary.handler(name))
    one.include(below)
    bot.include(one)
    bot.include(two)
    return bot


NOT_BOT = "not bot 1, not bot 2"
NOT_ONE = "not one 1, not one 2"


@pytest.mark.row("B03")
@pytest.mark.parametrize(
    ("orders", "called"),
    [
        ("", ["bot 1", "bot 2"]),
        ("not bot 1", ["bot 2"]),
        ("bot 1 stops", ["bot 1"]),
        (NOT_BOT, ["one 1", "one 2"]),
        (f"{NOT_BOT}, {NOT_ONE}", ["below"]),
        (f"{NOT_BOT}, {NOT_ONE}, not below", ["two"]),
        (f"{NOT_BOT}, {NOT_ONE}, not below, not two", []),
        ("bot 1 propagates", ["bot 1", "bot 2", "one 1", "one 2"]),
        ("bot 2 propagates, one 1 propagates", ["bot 1", "bot 2", "one 1", "one 2", "below"]),
        ("bot 2 propagates, not one 1, not one 2, below propagates", ["bot 1", "bot 2", "below", "two"]),
        ("bot 2 propagates, not one 1, not one 2, not below", ["bot 1", "bot 2", "two"]),
        ("bot 1 propagates, bot 2 stops", ["bot 1", "bot 2"]),
        ("bot 1 propagates, one 1 stops", ["bot 1", "bot 2", "one 1"]),
        ("bot 1 fails", ["bot 1", "bot 2"]),
        ("two propagates, " + NOT_BOT + ", " + NOT_ONE + ", not below", ["two"]),
    ],
)
async def test_who_gets_an_event(orders: str, called: list[str]) -> None:
    diary = Diary()
    async with dispatching(tree(diary)) as at:
        await at.tell(said(orders))
        assert at.meters.unhandled.value == (0 if called else 1)
    assert diary.lines == called


async def test_an_event_that_was_propagated_is_not_so_for_good() -> None:
    diary = Diary()
    async with dispatching(tree(diary)) as at:
        await at.tell(said("bot 1 propagates"), said(""))
    assert diary.lines == ["bot 1", "bot 2", "one 1", "one 2", "bot 1", "bot 2"]


@pytest.mark.row("B03")
async def test_the_order_of_include_is_the_order_of_routers() -> None:
    for names in (["a", "b"], ["b", "a"]):
        diary, bot = Diary(), Bot("bot")
        for name in names:
            router = Router(name)
            router.on_channel_message()(diary.handler(name))
            bot.include(router)
        async with dispatching(bot) as at:
            await at.tell(said())
        assert diary.lines == names[:1]


async def test_a_router_has_a_filter_before_all_that_is_in_it() -> None:
    diary, bot = Diary(), Bot("bot")
    support = Router("support", f.channel.glob("support-*"), ~f.account.is_("bob"))
    below = Router("below")
    below.on_channel_message()(diary.handler("below"))
    support.include(below)
    bot.include(support)
    async with dispatching(bot) as at:
        await at.tell(said("", "support-1"), said("", "lobby"), said("", "support-2", "bob"))
        assert at.meters.unhandled.value == 2
    assert diary.lines == ["below"]


async def test_a_router_in_two_bots() -> None:
    greeter = Router("greeter")

    @greeter.on_message()
    async def greet(message: InstantMessage, ctx: Context) -> None:
        await ctx.reply(f"{ctx.bot.name} says {message.text}")

    placements = []
    for name in ("one", "two"):
        bot = Bot(name)
        bot.include(greeter)
        placements.append(BotPlacement(bot=bot, account=name))
    async with open_world() as world, world.running(*placements), world.signal.open_session("ann") as ann:
        for name in ("one", "two"):
            await ann.send_instant(name, "hi")
            assert (await next_event(ann, InstantMessage)).text == f"{name} says hi"


def test_a_bot_knows_all_that_is_in_its_routers() -> None:
    diary = Diary()
    bot = tree(diary)
    router = Router("late")
    router.on_events_lost()(nothing)
    router.every(seconds=3)(nothing)
    assert not bot.wants(EventsLost)
    bot.include(router)
    assert bot.wants(EventsLost)
    assert [one.seconds for one in bot.beats] == [3]
    assert [one.handler.function for one in bot.registrations][-1] is nothing
    assert len(bot.registrations) == 7
    assert repr(router) == "<Router late>"


async def nothing() -> None: ...


def test_a_router_that_would_include_itself_is_refused() -> None:
    one, two, three = Router("one"), Router("two"), Router("three")
    one.include(two)
    two.include(three)
    for inner in (one, two, three):
        with pytest.raises(ValueError, match=r"<Router three> cannot include <Router \w+>, .* would never end"):
            three.include(inner)
    assert three.included == []


def test_a_router_is_in_a_bot_once() -> None:
    bot, one, two = Bot("b"), Router("one"), Router("two")
    one.include(two)
    bot.include(one)
    for again in (one, two):
        with pytest.raises(ValueError, match=r"<Bot b> includes <Router \w+> already: its handlers would be called"):
            bot.include(again)


def test_a_router_that_came_in_twice_by_others_is_found_at_the_start() -> None:
    bot, one, two, shared = Bot("b"), Router("one"), Router("two"), Router("shared")
    bot.include(one)
    bot.include(two)
    one.include(shared)
    two.include(shared)
    with pytest.raises(ValueError, match="<Bot b> includes <Router shared> twice"):
        bot.wire()


def test_what_a_router_can_see_is_wrong_it_refuses_itself() -> None:
    router = Router("r", f.channel.is_("lobby"))
    with pytest.raises(HandlerError, match="looks at channel, but InstantMessage has none"):
        router.on_message()(nothing)
    with pytest.raises(HandlerError, match="ChannelMessage is not the event here, which is UserJoined"):
        router.on_user_joined()(Diary().handler("x"))  # type: ignore[type-var]
    assert router.handlers == []
    with pytest.raises(ValueError, match="a router needs a name"):
        Router("")


def test_filters_of_a_router_meet_the_handlers_below_it_when_they_come_to_a_bot() -> None:
    outer, inner, bot = Router("outer", f.text.is_("x")), Router("inner"), Bot("b")
    inner.on_user_joined()(nothing)
    outer.include(inner)
    with pytest.raises(HandlerError, match=r"handler nothing\(\): .* looks at text, but UserJoined has none"):
        bot.include(outer)
    assert bot.included == []


async def test_instant_and_channel_messages_have_routers_of_their_own() -> None:
    seen: list[str] = []
    bot, direct, public = Bot("b"), Router("direct"), Router("public")

    @direct.on_message()
    async def answer(message: InstantMessage) -> None:
        seen.append(f"direct {message.text}")

    @public.on_channel_message()
    async def listen(message: ChannelMessage) -> None:
        seen.append(f"public {message.text}")

    bot.include(direct)
    bot.include(public)
    async with dispatching(bot) as at:
        await at.tell(told("1"), said("2"))
    assert sorted(seen) == ["direct 1", "public 2"]
