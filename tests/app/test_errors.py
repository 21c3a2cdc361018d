"""The handler border: what a handler does is its own affair, and is named in log and metrics."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, CallInvited, CallNext, ChannelMessage, Context, InstantMessage, Router, RunnerLimits
from botkit import filters as f
from botkit.app.handling import split_failure
from botkit.errors import HandlerError, HandlerTimeout
from botkit.events import Event
from tests.app.dispatching import Dispatching, dispatching, said, told

lines: list[str] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    lines.clear()


class Panic(BaseException):
    """What is no ``Exception``, and no end of the process either."""


RAISED: dict[str, BaseException] = {
    "value": ValueError("v"),
    "key": KeyError("k"),
    "panic": Panic("p"),
    "group": ExceptionGroup("g", [ValueError("v")]),
    "panics": BaseExceptionGroup("g", [Panic("p"), ValueError("v")]),
}


def faulty() -> Bot:
    """A bot that raises what it is told to."""
    bot = Bot("faulty")

    @bot.on_channel_message()
    async def fail(message: ChannelMessage) -> None:
        lines.append(message.text)
        if message.text in RAISED:
            raise RAISED[message.text]

    @bot.on_channel_message()
    async def after(message: ChannelMessage) -> None:
        lines.append("after")

    return bot


@asynccontextmanager
async def quietly(bot: Bot) -> AsyncIterator[tuple[Dispatching, Any]]:
    with capture_logs() as logs:
        async with dispatching(bot) as at:
            yield at, logs


@pytest.mark.row("B14")
@pytest.mark.parametrize("what", RAISED)
async def test_what_a_handler_raises_is_counted_and_the_next_event_is_handled(what: str) -> None:
    async with quietly(faulty()) as (at, logs):
        await at.tell(said(what), said("fine"))
        assert at.meters.errors_unhandled.values == {"faulty": 1}
        assert at.meters.handler_errors.values == {"faulty": 1}
        assert at.meters.handler_failures.values == {"faulty.fail": 1}
    assert lines == [what, "after", "fine", "after"]
    (failure,) = [line for line in logs if line["event"] == "handler failed"]
    assert (failure["handler"], failure["file"], failure["event_type"]) == ("fail", __file__, "ChannelMessage")
    assert repr(failure["exc_info"]) == repr(RAISED[what])


@pytest.mark.row("B14")
@pytest.mark.parametrize(
    ("what", "taken_by"),
    [("value", "router value"), ("key", "bot key"), ("group", "bot any"), ("panic", ""), ("fine", "")],
)
async def test_an_error_goes_to_the_nearest_handler_of_errors_that_takes_it(what: str, taken_by: str) -> None:
    bot, router = Bot("bot"), Router("router")

    @bot.on_error
    async def only_instant(error: Exception, message: InstantMessage) -> None:
        lines.append("instant")

    @bot.on_error
    async def bot_key(error: KeyError | OSError, event: Event, ctx: Context) -> None:
        assert ctx.event is event
        lines.append("bot key")

    @bot.on_error
    async def bot_any(ctx: Context, error: Exception) -> None:
        assert error is RAISED[what]
        lines.append("bot any")

    @router.on_error
    async def router_value(error: ValueError) -> None:
        lines.append("router value")

    @router.on_channel_message()
    async def fail(message: ChannelMessage) -> None:
        if message.text in RAISED:
            raise RAISED[message.text]

    bot.include(router)
    async with quietly(bot) as (at, logs):
        await at.tell(said(what))
        assert at.meters.handler_errors.value == (what != "fine")
        assert at.meters.errors_unhandled.value == (what == "panic")
    assert lines == ([taken_by] if taken_by else [])
    assert len([line for line in logs if line["event"] == "handler failed"]) == (what == "panic")


@pytest.mark.row("B14")
async def test_a_handler_of_errors_that_fails_is_counted_and_that_is_the_end_of_it() -> None:
    bot = faulty()

    @bot.on_error
    async def worse(error: ValueError) -> None:
        lines.append("worse")
        raise LookupError("worse") from error

    @bot.on_error
    async def never(error: LookupError) -> None:
        lines.append("never")

    async with quietly(bot) as (at, logs):
        await at.tell(said("value"), said("fine"))
        assert at.meters.error_handler_errors.values == {"faulty": 1}
        assert at.meters.errors_unhandled.value == 0
        assert at.meters.handler_failures.values == {"faulty.fail": 1, "faulty.worse": 1}
    assert lines == ["value", "worse", "after", "fine", "after"]
    (failure,) = [line for line in logs if line["event"] == "handler of errors failed"]
    assert (failure["handler"], failure["error_before"]) == ("worse", "ValueError('v')")


async def test_the_error_of_a_beat() -> None:
    bot = Bot("bot")

    @bot.every(seconds=1)
    async def beat(ctx: Context) -> None:
        raise ValueError("beat")

    @bot.on_error
    async def of_events(error: ValueError, event: Event) -> None:
        lines.append("never")

    @bot.on_error
    async def of_all(error: ValueError, ctx: Context) -> None:
        lines.append(f"{error} {ctx.event}")

    async with quietly(bot) as (at, _):
        ((_, target),) = at.dispatcher.version.beats
        await at.dispatcher.beat(at.dispatcher.version, target, at.session)
    assert lines == ["beat None"]


async def plain(error: Exception) -> int: ...  # type: ignore[empty-body]
async def no_error(ctx: Context) -> None: ...
async def two_errors(error: ValueError, other: KeyError) -> None: ...
async def too_much(error: KeyboardInterrupt) -> None: ...
async def greedy(error: Exception, number: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (plain, "must return None"),
        (no_error, "needs one parameter for the error"),
        (two_errors, "needs one parameter for the error"),
        (too_much, "needs one parameter for the error"),
        (greedy, "parameter number: nothing of type int is known here; known are BotInfo, Context, Exception"),
    ],
)
def test_handlers_of_errors_that_are_refused(function: Any, problem: str) -> None:
    bot = Bot("b")
    with pytest.raises(HandlerError, match=problem):
        bot.on_error(function)
    assert bot.error_handlers == []


async def test_a_handler_that_returns_something_is_named() -> None:
    bot = Bot("bot")

    @bot.on_channel_message()
    async def answer(message: ChannelMessage):  # type: ignore[no-untyped-def]
        return f"answer to {message.text}"

    @bot.middleware
    async def around(call_next: CallNext) -> None:
        await call_next()

    async with quietly(bot) as (at, logs):
        await at.tell(said("1"), said("2"))
        assert at.meters.handler_failures.values == {"bot.answer": 2}
        assert at.meters.handler_errors.value == 0
    (warning,) = [line for line in logs if "returned a value" in line["event"]]  # once, however often it does
    assert (warning["handler"], warning["value"]) == ("answer", "'answer to 1'")


class Shy:
    """Nothing that can be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("do not look")


async def test_a_handler_that_returns_what_cannot_be_shown_is_named_all_the_same() -> None:
    bot = Bot("bot")

    @bot.on_channel_message()
    async def answer(message: ChannelMessage):  # type: ignore[no-untyped-def]
        return Shy()

    async with quietly(bot) as (at, logs):
        await at.tell(said("1"), said("2"))
        assert at.meters.handler_failures.values == {"bot.answer": 2}
    (warning,) = [line for line in logs if "returned a value" in line["event"]]
    assert warning["value"].startswith("<Shy instance at")


# Cancels


async def stale_cancel() -> trio.Cancelled:
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            stale = error
            raise
    return stale


async def test_a_handler_that_cancels_itself_hurts_only_itself() -> None:
    bot = Bot("bot")

    @bot.on_channel_message()
    async def cancel(message: ChannelMessage) -> None:
        if message.text == "raise":
            raise await stale_cancel()
        if message.text == "raise in a group":
            raise BaseExceptionGroup("g", [await stale_cancel(), ValueError()])
        with trio.CancelScope() as scope:
            scope.cancel()
            await trio.sleep_forever()

    @bot.on_channel_message()
    async def after(message: ChannelMessage) -> None:
        await trio.lowlevel.checkpoint()
        lines.append(message.text)

    async with quietly(bot) as (at, logs):
        await at.tell(said("raise"), said("raise in a group"), said("in a scope"))
        assert at.meters.handler_failures.values == {"bot.cancel": 2}
    assert lines == ["raise", "raise in a group", "in a scope"]
    assert [line["handler"] for line in logs if line["event"] == "handler failed"] == ["cancel", "cancel"]


async def test_a_cancel_from_outside_is_honoured_and_what_fails_on_it_is_told() -> None:
    bot = Bot("bot")

    @bot.on_channel_message()
    async def fail_on_the_way_out(message: ChannelMessage) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("on the way out")

    @bot.on_channel_message()
    async def never(message: ChannelMessage) -> None:
        lines.append("never")

    async with quietly(bot) as (at, logs):
        await at.dispatcher.dispatch(said(), at.session)
        await trio.testing.wait_all_tasks_blocked()
    assert lines == []
    assert [line["handler"] for line in logs if line["event"].startswith("handler failed")] == ["fail_on_the_way_out"]


@pytest.mark.parametrize("exit", [KeyboardInterrupt, SystemExit])
async def test_an_exit_goes_through(exit: type[BaseException]) -> None:
    bot = Bot("bot")

    @bot.on_channel_message()
    async def leave(message: ChannelMessage) -> None:
        raise exit

    taken: list[Exception] = []

    @bot.on_error
    async def never(error: Exception) -> None:
        taken.append(error)

    with pytest.RaisesGroup(exit, flatten_subgroups=True):
        async with dispatching(bot) as at:
            await at.tell(said())
    assert taken == []
    assert at.meters.handler_errors.values == {}, "it is nobody's failure"


def test_what_is_everybodys_and_what_is_the_handlers_own() -> None:
    mixed = BaseExceptionGroup("g", [KeyboardInterrupt(), BaseExceptionGroup("h", [Panic(), SystemExit()])])
    outside, own = split_failure(mixed)
    assert isinstance(outside, BaseExceptionGroup)
    assert isinstance(own, BaseExceptionGroup)
    assert repr(own.exceptions[0]) == "BaseExceptionGroup('h', [Panic()])"
    left = GeneratorExit()
    assert split_failure(left) == (left, None)


# Deadlines


async def test_a_handler_that_takes_too_long_is_cancelled_and_named(autojump_clock: MockClock) -> None:
    bot = Bot("bot", handler_timeout=20)

    @bot.on_channel_message(timeout=5)
    async def slow(message: ChannelMessage) -> None:
        try:
            await trio.sleep_forever()
        finally:
            lines.append(f"slow ended at {trio.current_time() - start:g}")

    @bot.on_channel_message()
    async def default(message: ChannelMessage) -> None:
        try:
            await trio.sleep_forever()
        finally:
            lines.append(f"default ended at {trio.current_time() - start:g}")

    @bot.on_channel_message(timeout=math.inf)
    async def patient(message: ChannelMessage) -> None:
        await trio.sleep(1000)
        lines.append("patient is done")

    @bot.on_error
    async def note(error: HandlerTimeout, ctx: Context) -> None:
        lines.append(str(error))

    async with quietly(bot) as (at, logs):
        start = trio.current_time()
        await at.tell(said())
        assert at.meters.handler_timeouts.values == {"bot": 2}
        assert at.meters.handler_failures.values == {"bot.slow": 1, "bot.default": 1}
        assert trio.current_time() == start + 1025
        assert at.meters.handling_seconds.sum == 1025
    assert lines == [
        "slow ended at 5",
        "handler slow() took longer than its timeout of 5 s",
        "default ended at 25",
        "handler default() took longer than its timeout of 20 s",
        "patient is done",
    ]
    assert [line["handler"] for line in logs if line["event"] == "handler timed out"] == ["slow", "default"]


def give_up() -> None:
    raise LookupError("while it was stopped")


def give_up_like_asyncio() -> None:
    raise asyncio.CancelledError


def keep_still() -> None:
    """Swallows the cancel."""


@pytest.mark.row("B09")
@pytest.mark.parametrize("last_word", [give_up, give_up_like_asyncio, keep_still])
async def test_what_a_handler_does_when_its_time_is_up_costs_no_other_handler_and_no_worker(
    autojump_clock: MockClock, last_word: Callable[[], None]
) -> None:
    bot = Bot("bot", handler_timeout=5, limits=RunnerLimits(running=2))

    @bot.on_channel_message(f.text.is_("stuck"))
    async def stuck(message: ChannelMessage) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            last_word()

    @bot.on_channel_message()
    async def next_one(message: ChannelMessage) -> None:
        await trio.sleep(1)
        lines.append(f"{message.channel}: {message.text}")

    @bot.on_error
    async def note(error: LookupError) -> None:
        await trio.sleep(1)
        lines.append(str(error))

    async with quietly(bot) as (at, _logs):
        for number in range(6):  # more than there are workers: one is always ready when another one's time is up
            await at.dispatcher.dispatch(said("stuck", f"channel {number}"), at.session)
        await at.dispatcher.wait_all_done()
        assert at.meters.handler_failures.values == {"bot.stuck": 6}
        if last_word is give_up:
            assert lines.count("while it was stopped") == 6
        assert sorted(line for line in lines if "stuck" in line) == [f"channel {number}: stuck" for number in range(6)]
        lines.clear()
        start = trio.current_time()
        await at.tell(said("hi", "left"), said("hi", "right"))
        assert sorted(lines) == ["left: hi", "right: hi"]
        assert trio.current_time() == start + 1


async def test_only_a_handler_of_invitations_lasts_as_long_as_it_likes(autojump_clock: MockClock) -> None:
    bot = Bot("bot", handler_timeout=20)

    @bot.on_invite()
    async def lasting(invite: CallInvited) -> None:
        await trio.sleep(1000)
        lines.append("lasted")

    @bot.on_invite(timeout=7)
    async def short(invite: CallInvited) -> None:
        await trio.sleep(1000)
        lines.append("never")

    @bot.on(Event)
    async def any_event(event: Event) -> None:
        await trio.sleep(30)
        lines.append(f"any {type(event).__name__}")

    invited = CallInvited(call=1, channel=said().channel, peer=said().account, uid=said().uid, extra="", ms=0)
    async with quietly(bot) as (at, _):
        await at.tell(invited, told())
        assert at.meters.handler_failures.values == {"bot.short": 1, "bot.any_event": 1}
    assert lines == ["lasted", "any CallInvited"]


async def test_a_beat_has_a_timeout_too(autojump_clock: MockClock) -> None:
    bot = Bot("bot", handler_timeout=20)

    @bot.every(seconds=1)
    async def slow(ctx: Context) -> None:
        await trio.sleep_forever()

    @bot.every(seconds=1, timeout=3)
    async def own(ctx: Context) -> None:
        await trio.sleep_forever()

    async with quietly(bot) as (at, _):
        start = trio.current_time()
        for _seconds, target in at.dispatcher.version.beats:
            await at.dispatcher.beat(at.dispatcher.version, target, at.session)
        assert trio.current_time() == start + 23
        assert at.meters.handler_timeouts.value == 2


async def test_a_handler_of_errors_has_the_timeout_of_the_bot(autojump_clock: MockClock) -> None:
    bot = Bot("bot", handler_timeout=20)

    @bot.on_message()
    async def fail(message: InstantMessage) -> None:
        raise ValueError

    @bot.on_error
    async def slow(error: Exception) -> None:
        await trio.sleep_forever()

    async with quietly(bot) as (at, _):
        start = trio.current_time()
        await at.tell(told())
        assert trio.current_time() == start + 20
        assert at.meters.error_handler_errors.value == 1


@pytest.mark.parametrize("timeout", [0, -1, math.nan])
def test_a_timeout_that_is_none(timeout: float) -> None:
    bot = Bot("b")
    for declare in (bot.on_message, bot.on_invite, lambda timeout: bot.every(seconds=1, timeout=timeout)):
        with pytest.raises(ValueError, match="timeout: more than 0 seconds expected"):
            declare(timeout=timeout)
    with pytest.raises(ValueError, match="timeout: more than 0 seconds expected"):
        Bot("b", handler_timeout=timeout)


def outer(bot: Bot, stick: Callable[[ChannelMessage], Awaitable[None]]) -> None:
    @bot.outer_middleware
    async def stuck(message: ChannelMessage, call_next: CallNext) -> None:
        await stick(message)
        await call_next()

    @bot.on_channel_message()
    async def quick(message: ChannelMessage) -> None: ...


def handler(bot: Bot, stick: Callable[[ChannelMessage], Awaitable[None]]) -> None:
    @bot.on_channel_message()
    async def stuck(message: ChannelMessage) -> None:
        await stick(message)


@pytest.mark.parametrize("declare", [handler, outer])
async def test_a_handler_that_cannot_be_cancelled_is_named_while_it_goes_on(
    autojump_clock: MockClock, declare: Callable[[Bot, Callable[[ChannelMessage], Awaitable[None]]], None]
) -> None:
    bot, let_go = Bot("bot", handler_timeout=5), trio.Event()

    async def stick(message: ChannelMessage) -> None:
        with trio.CancelScope(shield=True):  # as trio.to_thread.run_sync waits for its thread
            if message.text == "forever":
                await let_go.wait()
            else:
                await trio.sleep(14)  # longer than its timeout, but not for long

    declare(bot, stick)
    async with quietly(bot) as (at, logs):
        await at.tell(said("late"))
        assert at.meters.handler_timeouts.values == {"bot": 1}
        assert at.meters.handlers_overdue.values == {}
        await at.dispatcher.dispatch(said("forever"), at.session)
        await trio.sleep(14.9)
        assert at.meters.handlers_overdue.values == {}
        await trio.sleep(0.2)
        assert at.meters.handlers_overdue.values == {"bot": 1}
        await trio.sleep(1000)
        assert at.meters.handlers_overdue.values == {"bot": 1}
        (line,) = [line for line in logs if line["event"] == "handler does not let go"]
        assert (line["handler"], line["timeout"], line["event_type"]) == ("stuck", 5, "ChannelMessage")
        let_go.set()
        await at.dispatcher.wait_all_done()
        assert at.meters.handler_timeouts.values == {"bot": 2}
