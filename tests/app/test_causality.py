"""Whatever a bot does can be traced to the handler that did it, and to the event that the handler was given."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from botkit import Bot, CallNext, ChannelMessage, Context, InstantMessage
from botkit.app.causality import Cause, current_cause, id_of
from botkit.app.effect_log import EffectRecord
from botkit.events import Event
from botkit.observability.logs import configure_logs
from botkit.signaling.effects import SendInstant, SendToChannel
from botkit.testing import open_world


def cause_of(record: EffectRecord) -> Cause:
    assert record.cause is not None
    return record.cause


async def test_an_effect_names_its_handler_and_the_event(autojump_clock: MockClock) -> None:
    bot = Bot("greeter")

    @bot.on_channel_message()
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"hello, {message.account}")
        await ctx.session.send_instant(message.account, "hello to you")

    @bot.on_channel_message()
    async def shout(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply("HELLO")

    async with open_world() as world, world.running(bot) as app:
        ann = await world.user("ann", channel="lobby")
        await ann.say("hi")
        await ann.expect(ChannelMessage, text="HELLO")
        joined, said, told, shouted = app.effects
    assert joined.cause is None  # no handler asked for it
    heard = cause_of(said).event
    assert isinstance(heard, ChannelMessage)
    assert (heard.account, heard.text, cause_of(said).bot) == ("ann", "hi", "greeter")
    assert (cause_of(said).place.name, cause_of(shouted).place.name) == ("hello", "shout")
    assert cause_of(said).place.file == __file__
    assert cause_of(told) is cause_of(said)
    assert cause_of(shouted).event_id == cause_of(said).event_id
    ids = {
        said.id,
        told.id,
        shouted.id,
        cause_of(said).handler_id,
        cause_of(shouted).handler_id,
        cause_of(said).event_id,
    }
    assert len(ids) == 6
    assert current_cause() is None


async def test_the_context_names_its_event_like_the_trace(autojump_clock: MockClock) -> None:
    bot, told = Bot("greeter"), list[str]()

    @bot.on_channel_message()
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        told.append(ctx.event_id)
        await ctx.reply("hello")

    async with open_world() as world, world.running(bot) as app:
        ann = await world.user("ann", channel="lobby")
        await ann.say("hi")
        await ann.expect(ChannelMessage, text="hello")
        _, said = app.effects
    assert told == [cause_of(said).event_id]


async def test_tasks_inherit_what_started_them_and_side_by_side_handlers_do_not_mix(autojump_clock: MockClock) -> None:
    bot = Bot("echo")

    @bot.on_message()
    async def later(message: InstantMessage, ctx: Context) -> None:
        async def answer(text: str) -> None:
            await trio.sleep(1)
            await ctx.session.send_instant(message.account, text)

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(answer, f"{message.text} {number}")

    async with open_world() as world, world.running(bot) as app:
        people = [await world.user(name) for name in ("ann", "bob", "carl")]
        for person in people:
            await person.tell("echo", person.account)
        await trio.sleep(3)
        records = [record for record in app.effects if isinstance(record.effect, SendInstant)]
    assert len(records) == 9
    for record in records:
        event = cause_of(record).event
        assert isinstance(event, InstantMessage)
        assert record.effect.words.startswith(event.text)
        assert record.effect.target == event.account
    assert len({cause_of(record).event_id for record in records}) == 3


async def test_beats_middlewares_and_handlers_of_errors_are_named_too(autojump_clock: MockClock) -> None:
    bot = Bot("b")

    @bot.every(seconds=60)
    async def beat(ctx: Context) -> None:
        await ctx.channel.send("tick")

    @bot.outer_middleware
    async def around(event: Event, ctx: Context, call_next: CallNext) -> None:
        if isinstance(event, InstantMessage):
            await ctx.channel.send("before")
        await call_next()
        if isinstance(event, InstantMessage):
            await ctx.channel.send("after")

    @bot.on_message()
    async def fail(message: InstantMessage, ctx: Context) -> None:
        await ctx.channel.send("within")
        raise ValueError

    @bot.on_error
    async def sorry(error: ValueError, ctx: Context) -> None:
        await ctx.channel.send("sorry")

    async with open_world(expect_failures=True) as world, world.running(bot) as app:
        ann = await world.user("ann")
        await trio.sleep(59)
        await ann.tell("b", "go")
        await trio.sleep(2)
        records = {
            record.effect.words: cause_of(record) for record in app.effects if isinstance(record.effect, SendToChannel)
        }
    assert {words: cause.place.name for words, cause in records.items()} == {
        "before": "around",
        "within": "fail",
        "sorry": "sorry",
        "after": "around",
        "tick": "beat",
    }
    assert records["tick"].event is None
    assert len({records[words].event_id for words in ("before", "within", "sorry", "after")}) == 1


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("json", "debug", stream)
    root.setLevel(logging.WARNING)  # what libraries have to say is of no interest here
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_every_line_that_a_handler_logs_carries_the_ids(lines: io.StringIO, autojump_clock: MockClock) -> None:
    bot = Bot("b")
    log = structlog.get_logger("elsewhere")

    @bot.on_message()
    async def talk(message: InstantMessage, ctx: Context) -> None:
        ctx.log.info("one")
        log.info("two")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0)
            log.info("three", event_id="its own")
        await ctx.session.mute("ann")  # which it may not

    async with open_world(expect_failures=True) as world, world.running(bot) as app:
        ann = await world.user("ann")
        await ann.tell("b", "go")
        await trio.sleep(1)
        log.info("outside")
        record = list(app.effects)[-1]
    entries = {entry["event"]: entry for entry in map(json.loads, lines.getvalue().splitlines())}
    event_id, handler_id = cause_of(record).event_id, cause_of(record).handler_id
    for words in ("one", "two", "effect failed", "handler failed"):
        assert (entries[words]["event_id"], entries[words]["handler_id"]) == (event_id, handler_id), words
    assert entries["effect failed"]["effect_id"] == record.id
    assert entries["three"]["event_id"] == "its own"
    assert "event_id" not in entries["outside"]


@given(st.integers(0, 2**64), st.integers(0, 2**64))
def test_ids_are_short_and_no_two_are_the_same(one: int, other: int) -> None:
    assert (id_of("e", one) == id_of("e", other)) == (one == other)
    assert len(id_of("e", one)) <= 16
    assert id_of("x", one).isascii()


def test_ids_are_easy_to_read() -> None:
    assert [id_of("e", number) for number in (0, 9, 10, 31, 32, 1000)] == ["e-0", "e-9", "e-a", "e-z", "e-10", "e-z8"]
