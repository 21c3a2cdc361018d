"""A handler's parameters are checked when it is registered, with file and line."""

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from msgspec import Struct

from botkit import Bot, BotInfo, CallInvited, ChannelMessage, Context, InstantMessage, Router, UserOnline
from botkit import filters as f
from botkit.app.binding import Injected, bind
from botkit.app.injection import Offer, Scope, wire
from botkit.app.signatures import read_handler
from botkit.errors import HandlerError
from botkit.events import CallEvent, Event
from botkit.types import Account

if TYPE_CHECKING:
    from decimal import Decimal


class Settings(Struct, frozen=True):
    word: str = "x"


class Store:
    pass


def new_bot() -> Bot:
    bot = Bot("b", settings=Settings)

    @bot.resource
    async def store(settings: Settings) -> AsyncIterator[Store]:
        yield Store()

    return bot


def refuse(handler: Any, *arguments: Any, **options: Any) -> HandlerError:
    """Register the handler for channel messages; the error that this raises."""
    bot = new_bot()
    with pytest.raises(HandlerError) as caught:
        bot.on_channel_message(*arguments, **options)(handler)
    assert bot.registrations == []
    return caught.value


@pytest.mark.row("B05")
def test_the_error_names_file_and_line() -> None:
    async def handler(message: ChannelMessage, speed: float) -> None: ...

    error = refuse(handler)
    line = inspect.getsourcelines(handler)[1]
    assert str(error).startswith(
        f"{__file__}:{line}: handler handler(): parameter speed: nothing of type float is known"
    )
    assert "known are ChannelMessage, BotInfo, Context, Meters, Registry, Settings, Store" in str(error)
    assert (error.function, error.file, error.line) == ("handler", __file__, line)


async def wrong_event(message: InstantMessage) -> None: ...
async def no_type(message) -> None: ...  # type: ignore[no-untyped-def]
async def star(*messages: ChannelMessage) -> None: ...
async def double_star(**messages: ChannelMessage) -> None: ...
async def returns(message: ChannelMessage) -> str: ...  # type: ignore[empty-body]
def plain(message: ChannelMessage) -> None: ...
async def generator(message: ChannelMessage) -> AsyncGenerator[int, None]:
    yield 1


async def unreadable(message: ChannelMessage, number: "Decimal") -> None: ...
async def nonsense(message: ChannelMessage) -> None: ...
async def other_union(message: InstantMessage | UserOnline) -> None: ...
async def other_settings(settings: Struct) -> None: ...


nonsense.__annotations__["message"] = "1 +"


@pytest.mark.row("B05")
@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        (wrong_event, "parameter message: InstantMessage is not the event here, which is ChannelMessage"),
        (no_type, "parameter message has no type"),
        (star, r"parameter \*messages"),
        (double_star, r"parameter \*\*messages"),
        (returns, "must return None, not str"),
        (plain, "must be written with async def"),
        (generator, "must be written with async def"),
        (unreadable, "name 'Decimal' is not defined; import it at the top"),
        (nonsense, "annotation cannot be read"),
        (other_union, r"InstantMessage \| UserOnline is not the event here, which is ChannelMessage"),
        (other_settings, "nothing of type Struct is known"),
    ],
)
def test_what_is_refused(handler: Any, problem: str) -> None:
    error = refuse(handler)
    with pytest.raises(HandlerError, match=problem):
        raise error


async def forgetful(message: ChannelMessage) -> None: ...


@pytest.mark.row("B05")
@pytest.mark.parametrize("decorator", ["on", "on_message", "on_channel_message", "on_login", "command"])
def test_a_decorator_without_its_parentheses_does_not_swallow_the_handler(decorator: str) -> None:
    with pytest.raises(HandlerError, match=r"handler forgetful\(\): its decorator wants parentheses"):
        getattr(new_bot(), decorator)(forgetful)
    with pytest.raises(HandlerError, match="parentheses"):
        getattr(Router("r"), decorator)(forgetful)


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a filter is expected, got .*; write where\("):
        new_bot().on_message(lambda _message: True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a filter is expected, got 'vip'"):
        Router("r", "vip")  # type: ignore[arg-type]


def test_a_filter_that_does_not_fit_is_refused() -> None:
    async def handler(event: UserOnline) -> None: ...

    with pytest.raises(HandlerError, match="looks at text, but UserOnline has none"):
        new_bot().on_user_online(f.text.is_("x"))(handler)
    with pytest.raises(HandlerError, match="looks at channel"):
        new_bot().on(UserOnline, channel="x")(handler)


async def only_event(message: ChannelMessage) -> None: ...
async def base_event(message: Event) -> None: ...
async def union(message: ChannelMessage | InstantMessage) -> None: ...
async def as_text(message: "ChannelMessage", ctx: "Context") -> None: ...
async def nothing() -> None: ...
async def no_annotation(message: ChannelMessage):  # type: ignore[no-untyped-def]
    ...
async def never(message: ChannelMessage) -> NoReturn:
    raise SystemExit


async def everything(
    store: Store, info: BotInfo, message: ChannelMessage, settings: Settings, ctx: Context, *, again: ChannelMessage
) -> None: ...


class Group:
    async def method(self, message: ChannelMessage) -> None: ...

    @staticmethod
    async def static(message: ChannelMessage) -> None: ...


@pytest.mark.parametrize(
    "handler",
    [
        only_event,
        base_event,
        union,
        as_text,
        nothing,
        no_annotation,
        never,
        everything,
        Group().method,
        Group.static,
        functools.partial(everything, Store()),
    ],
)
def test_what_is_taken_comes_back_untouched(handler: Any) -> None:
    bot = new_bot()
    assert bot.on_channel_message()(handler) is handler
    assert len(bot.registrations) == 1


def test_a_handler_may_be_registered_twice() -> None:
    bot = new_bot()

    @bot.on_message()
    @bot.on_channel_message()
    async def handler(message: ChannelMessage | InstantMessage) -> None: ...

    assert [one.event_type for one in bot.registrations] == [ChannelMessage, InstantMessage]


def test_a_handler_without_an_event() -> None:
    bot = new_bot()

    @bot.every(seconds=1)
    async def beat(ctx: Context, settings: Settings) -> None: ...

    with pytest.raises(HandlerError, match="parameter message: ChannelMessage is an event, but here is none"):
        bot.every(seconds=1)(only_event)
    with pytest.raises(ValueError, match="more than 0"):
        bot.every(seconds=0)
    assert [one.seconds for one in bot.beats] == [1]


def test_a_resource_is_known_only_below_it() -> None:
    bot = Bot("b")

    async def handler(message: InstantMessage, store: Store) -> None: ...

    with pytest.raises(HandlerError, match=r"nothing of type Store is known here.*declared above"):
        bot.on_message()(handler)


async def plain_resource() -> Store: ...  # type: ignore[empty-body]
async def silent_resource():  # type: ignore[no-untyped-def]
    yield 1


async def odd_resource() -> AsyncIterator[Settings]:
    yield Settings()


async def needy_resource(ctx: Context) -> AsyncIterator[int]:
    yield 1


async def keyword_resource(*, settings: Settings) -> AsyncIterator[int]:
    yield 1


@asynccontextmanager
async def wrapped_resource() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (plain_resource, "one yield"),
        (wrapped_resource, "without @asynccontextmanager"),
        (silent_resource, r"-> AsyncIterator\[T\]"),
        (odd_resource, "Settings is provided already"),
        (needy_resource, "parameter ctx: Context comes with an event, and resources are opened before"),
        (keyword_resource, "plain parameters"),
    ],
)
def test_resources_that_are_refused(resource: Any, problem: str) -> None:
    bot = new_bot()
    with pytest.raises(HandlerError, match=problem):
        bot.resource(resource)
    assert len(bot.held) == 1


async def test_binding_fills_in_everything() -> None:
    got: list[tuple[object, ...]] = []

    async def handler(
        store: Store, message: CallEvent, info: BotInfo, *, settings: Settings, ctx: Context, again: CallInvited
    ) -> None:
        got.append((store, message, info, settings, ctx, again))

    store, info, settings = Store(), BotInfo(name="b", account=Account("b")), Settings()
    values: Injected = {Offer(Store): store, Offer(BotInfo): info, Offer(Settings): settings}
    scope = Scope({offer.provides: offer for offer in values})
    bound: Any = bind(wire(read_handler(handler), (CallInvited,), scope), values)
    for event, context in [("event 1", "context 1"), ("event 2", "context 2")]:
        await bound(event, context, {})
    assert got == [
        (store, "event 1", info, settings, "context 1", "event 1"),
        (store, "event 2", info, settings, "context 2", "event 2"),
    ]


@pytest.mark.parametrize("name", ["", "a\nb"])
def test_a_bot_needs_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="needs a name"):
        Bot(name)
