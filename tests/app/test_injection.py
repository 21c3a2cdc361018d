"""What handlers are given by type: providers, what filters find, what routers bring; what is refused."""

import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from botkit import Bot, BotInfo, BotPlacement, ChannelMessage, Context, InstantMessage, Router, UserOnline
from botkit import filters as f
from botkit.app.placement import make_plans
from botkit.config.loading import load_config
from botkit.errors import ConfigError, HandlerError
from botkit.events import Event
from tests.app.dispatching import dispatching, said, told


class Settings(Struct, frozen=True):
    word: str = "x"


class Store:
    def __init__(self, name: str = "store") -> None:
        self.name = name


class Customer(Struct, frozen=True):
    name: str


class Order(Struct, frozen=True):
    customer: Customer
    size: int


got: list[object] = []
made: list[str] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    got.clear()
    made.clear()


def shop() -> Bot:
    """A bot with a resource, and providers that depend on one another."""
    bot = Bot("shop", settings=Settings)

    @bot.resource
    async def store(settings: Settings) -> AsyncIterator[Store]:
        yield Store(settings.word)

    @bot.provide
    async def customer(message: InstantMessage | ChannelMessage, store: Store) -> Customer:
        made.append("customer")
        return Customer(f"{message.account} of {store.name}")

    @bot.provide
    def order(customer: Customer, message: ChannelMessage) -> Order:
        made.append("order")
        return Order(customer, len(message.text))

    return bot


async def test_a_provider_makes_its_value_once_per_event_for_all_handlers() -> None:
    bot = shop()

    @bot.on_channel_message()
    async def first(message: ChannelMessage, order: Order, *, customer: Customer) -> None:
        got.append((order, customer))

    @bot.on_channel_message()
    async def second(message: ChannelMessage, customer: Customer) -> None:
        got.append(customer)

    async with dispatching(bot) as at:
        await at.tell(said("abc"), said("abcd"))
    ann = Customer("ann of x")
    assert got == [(Order(ann, 3), ann), ann, (Order(ann, 4), ann), ann]
    assert got[0][1] is got[1]  # type: ignore[index]
    assert made == ["customer", "order"] * 2


async def test_what_nobody_asks_for_is_not_made() -> None:
    bot = shop()

    @bot.on_channel_message()
    async def handler(message: ChannelMessage) -> None: ...

    async with dispatching(bot) as at:
        await at.tell(said())
    assert made == []


async def test_a_provider_that_fails_is_a_failure_of_its_handler() -> None:
    bot = Bot("b")

    @bot.provide
    def broken() -> Order:
        raise LookupError("no order")

    @bot.on_error
    async def note(error: LookupError) -> None:
        got.append(str(error))

    @bot.on_message()
    async def handler(message: InstantMessage, order: Order) -> None: ...

    async with dispatching(bot) as at:
        await at.tell(told())
    assert got == ["no order"]


async def test_a_provider_for_beats() -> None:
    bot = Bot("b")

    @bot.provide
    def who(ctx: Context, info: BotInfo) -> Customer:
        return Customer(f"{info.name} {ctx.event}")

    @bot.every(seconds=5)
    async def beat(ctx: Context, customer: Customer) -> None:
        got.append(customer.name)

    async with dispatching(bot) as at:
        ((_, target),) = at.dispatcher.version.beats
        await at.dispatcher.beat(at.dispatcher.version, target, at.session)
    assert got == ["b None"]


async def test_what_a_filter_finds() -> None:
    bot = Bot("b")

    @bot.on_channel_message(f.text.regex(r"^roll (\d+)$") & ~f.account.is_("bob"))
    async def roll(message: ChannelMessage, match: re.Match[str]) -> None:
        got.append(int(match[1]))

    @bot.on_channel_message(f.extract(ChannelMessage, Customer, lambda one: Customer(one.text) if one.text else None))
    async def extracted(message: ChannelMessage, *, customer: Customer) -> None:
        got.append(customer)

    async with dispatching(bot) as at:
        await at.tell(said("roll 12"), said("roll x"), said(""), said("roll 1", account="bob"))
    assert got == [12, Customer("roll 12"), Customer("roll x"), Customer("roll 1")]


async def test_what_the_filter_of_a_router_finds_and_what_it_hides() -> None:
    bot, outer, inner = shop(), Router("outer", f.text.regex("(a+)")), Router("inner")
    only_b = f.extract(ChannelMessage, Customer, lambda message: Customer("found") if "b" in message.text else None)

    @inner.on_channel_message(only_b)
    async def handler(message: ChannelMessage, match: re.Match[str], customer: Customer) -> None:
        got.append((match[1], customer.name))

    outer.include(inner)
    bot.include(outer)
    async with dispatching(bot) as at:
        await at.tell(said("xaab"), said("xaa"), said("b"))
    assert got == [("aa", "found")]
    assert made == []


async def test_routers_bring_resources_and_providers_of_their_own() -> None:
    bot, one, two = Bot("b"), Router("one"), Router("two")
    opened: list[str] = []

    for router in (one, two):

        def declare(router: Router) -> None:
            @router.resource
            async def store(info: BotInfo) -> AsyncIterator[Store]:
                opened.append(f"{router.name} for {info.name}")
                yield Store(router.name)
                opened.append(f"{router.name} closed")

            @router.on_channel_message(text=f"{router.name}*")
            async def handler(message: ChannelMessage, store: Store) -> None:
                got.append(store.name)

        declare(router)
        bot.include(router)

    async with dispatching(bot) as at:
        assert opened == ["one for b", "two for b"]
        await at.tell(said("one"), said("two"))
    assert got == ["one", "two"]
    assert opened[2:] == ["two closed", "one closed"]


async def test_a_router_sees_its_own_before_what_is_around_it() -> None:
    bot, router = shop(), Router("router")

    @router.provide
    def customer() -> Customer:
        return Customer("the router's")

    @router.on_channel_message()
    async def handler(message: ChannelMessage, customer: Customer, order: Order) -> None:
        got.append((customer.name, order.customer.name))

    bot.include(router)
    async with dispatching(bot) as at:
        await at.tell(said())
    assert got == [("the router's", "ann of x")]  # the bot's provider asked the bot's other one


# What is refused


async def needs_a_store(message: ChannelMessage, store: Store) -> None: ...


def line_of(function: Any) -> int:
    return inspect.getsourcelines(function)[1]


@pytest.mark.row("B05")
def test_what_the_bot_does_not_provide_is_found_when_a_router_is_included() -> None:
    bot, outer, inner = Bot("b"), Router("outer"), Router("inner")
    inner.on_channel_message()(needs_a_store)
    outer.include(inner)
    with pytest.raises(HandlerError) as caught:
        bot.include(outer)
    assert str(caught.value).startswith(
        f"{__file__}:{line_of(needs_a_store)}: handler needs_a_store(): parameter store: nothing of type Store is known"
    )
    assert bot.included == []
    outer.held.extend(shop_with_store().held)
    bot.include(outer)


def shop_with_store() -> Router:
    router = Router("r")

    @router.resource
    async def store() -> AsyncIterator[Store]:
        yield Store()

    return router


@pytest.mark.row("B05")
def test_what_comes_to_a_router_later_is_found_at_the_start() -> None:
    bot, router = Bot("b"), Router("router")
    bot.include(router)
    router.on_channel_message()(needs_a_store)
    with pytest.raises(ConfigError) as caught:
        make_plans([BotPlacement(bot=bot, account="b")])
    problem = f"{__file__}:{line_of(needs_a_store)}: handler needs_a_store(): parameter store: nothing of type Store"
    assert str(caught.value).startswith(f"bots[0].bot: bot b cannot start: {problem}")


@pytest.mark.row("B05")
def test_a_process_refuses_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hungry_bot.py").write_text(
        "from botkit import Bot, ChannelMessage, Router\n"
        "class Store: ...\n"
        "bot, router = Bot('hungry'), Router('r')\n"
        "bot.include(router)\n"
        "@router.on_channel_message()\n"
        "async def eat(message: ChannelMessage, store: Store) -> None: ...\n"
    )
    config = tmp_path / "bots.yaml"
    config.write_text(
        "app: {id: 970ca35de60c44645bbae8a215061b33}\n"
        "gateway: {embedded: true}\n"
        "bots:\n"
        "  - {bot: 'hungry_bot:bot', account: hungry}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_config(config, {})
    assert str(caught.value).startswith(
        f"{config}:4: bots[0].bot: bot hungry cannot start: {tmp_path}/hungry_bot.py:5: handler eat(): "
        "parameter store: nothing of type Store is known here; known are ChannelMessage, BotInfo, Context"
    )


def test_two_filters_that_give_the_same() -> None:
    bot, router = Bot("b"), Router("r", f.text.regex("a"))

    async def handler(message: ChannelMessage, match: re.Match[str]) -> None: ...

    router.on_channel_message(f.text.regex("b"))(handler)
    with pytest.raises(HandlerError, match=r"parameter match: two filters give re.Match\[str\]; use extract\(\)"):
        bot.include(router)


def test_a_filter_that_may_find_nothing_gives_nothing() -> None:
    async def handler(message: ChannelMessage, match: re.Match[str]) -> None: ...

    for filter in (~f.text.regex("a"), f.text.regex("a") | f.text.is_("b")):
        with pytest.raises(HandlerError, match=r"nothing of type re.Match\[str\] is known here"):
            Bot("b").on_channel_message(filter)(handler)


def test_a_provider_is_for_its_events() -> None:
    bot = shop()

    async def order_of(event: UserOnline | InstantMessage, order: Order) -> None: ...
    async def beat(ctx: Context, order: Order) -> None: ...

    problem = r"parameter order, for which there is order\(\): that takes ChannelMessage, and the event here is "
    with pytest.raises(HandlerError, match=f"{problem}InstantMessage"):
        bot.on_message()(order_of)
    with pytest.raises(HandlerError, match=f"{problem}UserOnline"):
        bot.on_user_online()(order_of)
    with pytest.raises(HandlerError, match=f"{problem}none"):
        bot.every(seconds=1)(beat)


def test_providers_that_need_one_another() -> None:
    bot, router = Bot("b"), Router("r")

    @router.provide
    def customer(order: Order) -> Customer:
        return order.customer

    @router.provide
    def order(customer: Customer) -> Order:
        return Order(customer, 1)

    @router.on_message()
    async def handler(message: InstantMessage, order: Order) -> None: ...

    with pytest.raises(HandlerError, match=r"parameter order, for which there is order\(\): it is made from itself"):
        bot.include(router)


def test_resources_of_a_router_are_opened_in_order() -> None:
    bot, router = Bot("b"), Router("r")

    @router.resource
    async def customer(store: Store) -> AsyncIterator[Customer]:
        yield Customer(store.name)

    @router.resource
    async def store() -> AsyncIterator[Store]:
        yield Store()

    with pytest.raises(HandlerError, match=r"handler customer\(\): parameter store: Store is opened after this"):
        bot.include(router)


def silent(): ...  # type: ignore[no-untyped-def]
def nothing() -> None: ...
def an_event() -> InstantMessage: ...  # type: ignore[empty-body]
def a_context() -> Context: ...  # type: ignore[empty-body]
async def generator() -> AsyncIterator[Store]:
    yield Store()


def hungry(number: float) -> Store: ...  # type: ignore[empty-body]
def second() -> Settings: ...  # type: ignore[empty-body]
def info() -> BotInfo: ...  # type: ignore[empty-body]
def star(*events: Event) -> Store: ...  # type: ignore[empty-body]


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (silent, "says what it provides: -> T"),
        (nothing, "says what it provides: -> T"),
        (an_event, "the event and its Context are there already"),
        (a_context, "the event and its Context are there already"),
        (generator, "one that yields is a resource"),
        (hungry, "parameter number: nothing of type float is known here"),
        (second, "Settings is provided already"),
        (info, "BotInfo is provided already"),
        (star, r"parameter \*events"),
    ],
)
def test_providers_that_are_refused(function: Any, problem: str) -> None:
    bot = Bot("b", settings=Settings)
    with pytest.raises(HandlerError, match=problem):
        bot.provide(function)
    assert bot.providers == []
