"""Middlewares: in which order they go around what, and how they end an event."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, CallNext, ChannelMessage, Context, DigitsPressed, InstantMessage, Router, RunnerLimits
from botkit import filters as f
from botkit.errors import HandlerError
from botkit.events import CallEvent, Event
from tests.app.dispatching import dispatching, said, told

lines: list[str] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    lines.clear()


def around(name: str) -> Callable[[Event, Context, CallNext], Awaitable[None]]:
    async def middleware(event: Event, ctx: Context, call_next: CallNext) -> None:
        lines.append(f"{name} begins")
        if ctx.event is event and f"{name} ends it" not in getattr(event, "text", ""):
            await call_next()
        lines.append(f"{name} ends")

    return middleware


def before(name: str) -> Callable[[Event, Context], None]:
    def middleware(event: Event, ctx: Context) -> None:
        lines.append(name)
        if f"{name} ends it" in getattr(event, "text", ""):
            ctx.stop()

    return middleware


def handler(name: str) -> Callable[[ChannelMessage], Awaitable[None]]:
    async def handle(message: ChannelMessage) -> None:
        lines.append(name)

    return handle


def tree() -> Bot:
    """A bot and a router, each with outer and inner middlewares of both kinds."""
    bot, router = Bot("bot"), Router("router", ~f.text.contains("not the router"))
    for handlers, name in ((bot, "bot"), (router, "router")):
        handlers.outer_middleware(around(f"{name} outer"))
        handlers.outer_middleware(before(f"{name} sync outer"))
        handlers.middleware(around(f"{name} inner"))
        handlers.middleware(before(f"{name} sync inner"))
    bot.on_channel_message(f.text.startswith("bot"))(handler("handler of bot"))
    router.on_channel_message(f.text.startswith("router"))(handler("handler of router"))
    router.on_channel_message(f.text.startswith("router"))(handler("second of router"))
    bot.include(router)
    return bot


OUTER = ["bot outer begins", "bot sync outer"]
INNER = ["bot inner begins", "bot sync inner"]
TO_ROUTER = [*OUTER, "router outer begins", "router sync outer"]
FROM_ROUTER = ["router outer ends", "bot outer ends"]


def in_router(name: str) -> list[str]:
    return [
        *INNER,
        *("router inner begins", "router sync inner", name),
        *("router inner ends", "bot inner ends"),
    ]


@pytest.mark.row("B04")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bot", [*OUTER, *INNER, "handler of bot", "bot inner ends", "bot outer ends"]),
        (
            "router",
            [*TO_ROUTER, *in_router("handler of router"), *in_router("second of router"), *FROM_ROUTER],
        ),
        ("nobody", [*TO_ROUTER, *FROM_ROUTER]),
        ("router, not the router", [*TO_ROUTER, *FROM_ROUTER]),
        ("router, bot outer ends it", ["bot outer begins", "bot outer ends"]),
        ("router, bot sync outer ends it", [*OUTER, "bot outer ends"]),
        ("router, router outer ends it", [*OUTER, "router outer begins", *FROM_ROUTER]),
        ("router, router sync outer ends it", [*TO_ROUTER, *FROM_ROUTER]),
        (
            "bot, bot inner ends it",
            [*OUTER, "bot inner begins", "bot inner ends", "bot outer ends"],
        ),
        (
            "router, bot sync inner ends it",
            [*TO_ROUTER, *INNER, "bot inner ends", *FROM_ROUTER],
        ),
        (
            "router, router sync inner ends it",
            [
                *TO_ROUTER,
                *INNER,
                *("router inner begins", "router sync inner", "router inner ends", "bot inner ends"),
                *FROM_ROUTER,
            ],
        ),
    ],
)
async def test_the_order(text: str, expected: list[str]) -> None:
    async with dispatching(tree()) as at:
        await at.tell(said(text))
    assert lines == expected


@pytest.mark.parametrize(
    ("text", "unhandled"), [("bot", 0), ("router", 0), ("nobody", 1), ("nobody, bot outer ends it", 0)]
)
async def test_what_nobody_wants_is_counted_also_behind_outer_middlewares(text: str, unhandled: int) -> None:
    async with dispatching(tree()) as at:
        await at.tell(said(text))
        assert at.meters.unhandled.value == unhandled


async def test_a_router_that_keeps_an_event_keeps_it_from_the_outer_middlewares_of_the_next() -> None:
    bot, one, two = Bot("bot"), Router("one"), Router("two")

    @one.on_channel_message()
    async def first(message: ChannelMessage, ctx: Context) -> None:
        lines.append("one")
        if message.text == "propagate":
            ctx.propagate()

    two.outer_middleware(around("two outer"))
    two.on_channel_message()(handler("two"))
    bot.include(one)
    bot.include(two)
    async with dispatching(bot) as at:
        await at.tell(said("keep"))
        assert lines == ["one"]
        await at.tell(said("propagate"))
    assert lines == ["one", "one", "two outer begins", "two", "two outer ends"]


async def test_an_inner_middleware_that_does_not_go_on_leaves_out_its_handler() -> None:
    bot = Bot("bot")

    @bot.middleware
    async def every_other(call_next: CallNext) -> None:
        lines.append("middleware")
        if len(lines) != 1:
            await call_next()

    bot.on_channel_message()(handler("first"))
    bot.on_channel_message()(handler("second"))
    async with dispatching(bot) as at:
        await at.tell(said())
    assert lines == ["middleware", "middleware", "second"]


async def test_a_middleware_sees_the_events_that_it_takes() -> None:
    bot = Bot("bot")

    @bot.outer_middleware
    async def outer(event: ChannelMessage, call_next: CallNext) -> None:
        lines.append(f"outer {event.text}")
        await call_next()

    @bot.middleware
    async def inner(event: InstantMessage | CallEvent, call_next: CallNext) -> None:
        lines.append(f"inner {type(event).__name__}")
        await call_next()

    @bot.middleware
    def calls(event: CallEvent) -> None:
        lines.append(f"call {event.call}")

    @bot.on(Event)
    async def any_event(event: Event) -> None:
        lines.append(f"handled {type(event).__name__}")

    @bot.on_channel_message()
    async def message(event: ChannelMessage) -> None:
        lines.append("message")

    pressed = DigitsPressed(call=7, channel=said().channel, peer=said().account, digits="1")
    async with dispatching(bot) as at:
        await at.tell(said("1"))
        assert lines == ["outer 1", "handled ChannelMessage", "message"]
        lines.clear()
        await at.tell(told("2"))
        assert lines == ["inner InstantMessage", "handled InstantMessage"]
        lines.clear()
        await at.tell(pressed)
        assert lines == ["inner DigitsPressed", "call 7", "handled DigitsPressed"]


class Limiter:
    def __init__(self) -> None:
        self.left = 1


async def test_a_middleware_is_given_what_it_asks_for() -> None:
    bot = Bot("bot")

    @bot.resource
    async def limiter() -> AsyncIterator[Limiter]:
        yield Limiter()

    @bot.provide
    async def length(message: ChannelMessage) -> int:
        return len(message.text)

    @bot.outer_middleware
    def limited(limiter: Limiter, length: int, message: ChannelMessage, ctx: Context) -> None:
        lines.append(f"{length} characters, {limiter.left} left")
        if limiter.left == 0:
            ctx.stop()
        limiter.left -= 1

    bot.on_channel_message()(handler("handled"))
    async with dispatching(bot) as at:
        await at.tell(said("abc"), said("ab"))
    assert lines == ["3 characters, 1 left", "handled", "2 characters, 0 left"]


async def test_a_middleware_may_go_on_more_than_once() -> None:
    bot, calls = Bot("bot"), 0

    @bot.middleware
    async def insist(call_next: CallNext) -> None:
        for _ in range(3):
            try:
                await call_next()
            except ValueError:
                lines.append("again")
            else:
                break

    @bot.on_channel_message()
    async def fail_twice(message: ChannelMessage) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ValueError

    async with dispatching(bot) as at:
        await at.tell(said())
        assert (calls, at.meters.handler_errors.value) == (3, 0)
    assert lines == ["again", "again"]


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
async def test_a_middleware_that_fails_ends_its_event_and_nothing_else(outer: bool, is_async: bool) -> None:
    bot = Bot("bot")

    async def failing_async(event: ChannelMessage, call_next: CallNext) -> None:
        if event.text == "fail":
            raise RuntimeError("middleware")
        await call_next()

    def failing(event: ChannelMessage) -> None:
        if event.text == "fail":
            raise RuntimeError("middleware")

    function: Any = failing_async if is_async else failing
    (bot.outer_middleware if outer else bot.middleware)(function)
    bot.on_channel_message()(handler("handled"))
    with capture_logs() as logs:
        async with dispatching(bot) as at:
            await at.tell(said("fail"), said("fine"))
            assert at.meters.handler_errors.value == 1
            assert at.meters.unhandled.value == 0
    assert lines == ["handled"]
    (failure,) = [line for line in logs if line["event"] == "handler failed"]
    assert failure["handler"] == (function.__name__ if outer else "handle")


async def test_an_outer_middleware_that_never_returns_is_cancelled_named_and_costs_its_event_alone(
    autojump_clock: MockClock,
) -> None:
    bot = Bot("bot", handler_timeout=5, limits=RunnerLimits(running=2))

    @bot.outer_middleware
    async def stuck(event: Event, call_next: CallNext) -> None:
        if getattr(event, "text", "") == "before":
            await trio.sleep_forever()
        await call_next()
        if getattr(event, "text", "") == "after":
            await trio.sleep_forever()

    @bot.on_channel_message()
    async def handle(message: ChannelMessage) -> None:
        lines.append(message.text)

    with capture_logs() as logs:
        async with dispatching(bot) as at:
            for number in range(4):  # more than are handled at a time
                for text in ("before", "after"):
                    await at.dispatcher.dispatch(said(text, f"channel {number}"), at.session)
            await at.tell(said("hi"))
            assert at.meters.handler_timeouts.values == {"bot": 8}
            assert at.meters.handler_failures.values == {"bot.stuck": 8}
    assert sorted(lines) == ["after"] * 4 + ["hi"]
    assert {line["handler"] for line in logs if line["event"] == "handler timed out"} == {"stuck"}


async def test_the_time_of_an_outer_middleware_is_its_own(autojump_clock: MockClock) -> None:
    """What it goes around may take longer; it goes on twice at a time, too."""
    bot = Bot("bot", handler_timeout=5)

    @bot.outer_middleware
    async def patient(event: Event, call_next: CallNext) -> None:
        await trio.sleep(4)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call_next)
            await trio.sleep(1)
            nursery.start_soon(call_next)
        await trio.sleep(4)
        lines.append("patient is done")

    @bot.on_channel_message(timeout=60)
    async def handle(message: ChannelMessage) -> None:
        await trio.sleep(50)
        lines.append("handled")

    async with dispatching(bot) as at:
        await at.tell(said())
        assert at.meters.handler_errors.value == 0
    assert lines == ["handled", "handled", "patient is done"]


async def test_beats_meet_no_middleware() -> None:
    bot = Bot("bot")
    bot.outer_middleware(around("outer"))
    bot.middleware(around("inner"))

    @bot.every(seconds=1)
    async def beat(ctx: Context) -> None:
        lines.append("beat")

    async with dispatching(bot) as at:
        ((_, target),) = at.dispatcher.version.beats
        await at.dispatcher.beat(at.dispatcher.version, target, at.session)
    assert lines == ["beat"]


async def deaf(event: Event, ctx: Context) -> None: ...
def eager(event: Event, call_next: CallNext) -> None: ...
def answering(event: Event) -> bool: ...  # type: ignore[empty-body]
async def untyped(event, call_next: CallNext) -> None: ...  # type: ignore[no-untyped-def]
async def greedy(number: int, call_next: CallNext) -> None: ...


@pytest.mark.row("B05")
@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (deaf, "needs a parameter of type CallNext, or no event comes through"),
        (eager, "takes CallNext must be written with async def"),
        (answering, "must return None, not bool"),
        (untyped, "parameter event has no type"),
        (greedy, "parameter number: nothing of type int is known here; known are Event, BotInfo, CallNext, Context"),
    ],
)
def test_what_is_refused(function: Any, problem: str) -> None:
    bot = Bot("bot")
    for decorate in (bot.middleware, bot.outer_middleware):
        with pytest.raises(HandlerError, match=problem):
            decorate(function)
    assert bot.inner_middlewares == bot.outer_middlewares == []
