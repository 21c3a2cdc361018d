"""Who blocks the loop is read from the stack: for whatever of a bot's runs, its name, its place and the line."""

import inspect
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType

import pytest
import trio
from trio.testing import MockClock

import botkit
from botkit import Bot, BotPlacement, CallNext, Context, InstantMessage, Router
from botkit import filters as f
from botkit.app.culprit import Culprit, find_culprit, is_idle, task_frame
from tests.app.world import open_world, until


def look() -> Culprit:
    """What the watchdog would read if this line took long."""
    return find_culprit(sys._getframe())


class Notes:
    """What was read, and where."""

    def __init__(self) -> None:
        self.culprits: list[Culprit] = []

    def look(self) -> None:
        if not self.culprits:
            self.culprits.append(look())


def in_handler(notes: Notes) -> Bot:
    bot = Bot("b")

    @bot.on_message()
    async def culprit(message: InstantMessage) -> None:
        notes.look()

    return bot


def in_handler_after_waiting(notes: Notes) -> Bot:
    bot = Bot("b")

    @bot.on_message()
    async def culprit(message: InstantMessage, ctx: Context) -> None:
        async with trio.open_nursery():
            await trio.sleep(1)
        notes.look()

    return bot


def in_handler_of_a_router(notes: Notes) -> Bot:
    bot, router = Bot("b"), Router("r")

    @router.on_message()
    async def culprit(message: InstantMessage) -> None:
        json.dumps({1: Late(notes)}, default=lambda late: late.notes.look())

    bot.include(router)
    return bot


class Late:
    """Something that a library calls back about."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes


def in_beat(notes: Notes) -> Bot:
    bot = Bot("b")

    @bot.every(seconds=1)
    async def culprit(ctx: Context) -> None:
        notes.look()

    return bot


def in_filter(notes: Notes) -> Bot:
    bot = Bot("b")

    def culprit(_message: InstantMessage) -> bool:
        notes.look()
        return True

    @bot.on_message(f.where(InstantMessage, culprit))
    async def echo(message: InstantMessage) -> None: ...

    return bot


def in_middleware(notes: Notes) -> Bot:
    bot = Bot("b")

    @bot.middleware
    async def culprit(call_next: CallNext) -> None:
        notes.look()
        await call_next()

    @bot.on_message()
    async def echo(message: InstantMessage) -> None: ...

    return bot


def in_handler_behind_a_middleware(notes: Notes) -> Bot:
    bot = Bot("b")

    @bot.middleware
    async def around(call_next: CallNext) -> None:
        await call_next()

    @asynccontextmanager
    async def prepared() -> AsyncIterator[None]:
        notes.look()
        yield

    @bot.on_message()
    async def culprit(message: InstantMessage) -> None:
        async with prepared():
            pass

    return bot


def in_resource(notes: Notes) -> Bot:
    bot = Bot("b")

    @bot.resource
    async def culprit() -> AsyncIterator[int]:
        notes.look()
        yield 1

    return bot


PLACES: list[tuple[Callable[[Notes], Bot], str]] = [
    (in_handler, "InstantMessage"),
    (in_handler_after_waiting, "InstantMessage"),
    (in_handler_of_a_router, "InstantMessage"),
    (in_beat, "beat"),
    (in_filter, ""),
    (in_middleware, "InstantMessage"),
    (in_handler_behind_a_middleware, "InstantMessage"),
    (in_resource, ""),
]


@pytest.mark.parametrize(("make", "event_type"), PLACES)
async def test_the_bot_the_function_and_the_line_are_read(
    autojump_clock: MockClock, make: Callable[[Notes], Bot], event_type: str
) -> None:
    notes = Notes()
    async with (
        open_world() as world,
        world.running(BotPlacement(bot=make(notes), account="account")),
        world.signal.open_session("ann") as ann,
    ):
        await ann.send_instant("account", "hello")
        await until(lambda: bool(notes.culprits))
    (culprit,) = notes.culprits
    assert (culprit.bot, culprit.account, culprit.event_type) == ("b", "account", event_type)
    assert culprit.handler == f"{make.__name__}.<locals>.culprit"
    assert culprit.file == __file__
    lines, begin = inspect.getsourcelines(make)
    assert begin <= culprit.line < begin + len(lines)
    assert "culprit" in "".join(lines[culprit.line - begin :][:2])
    assert culprit.blocked_at == f"{__file__}:{inspect.getsourcelines(look)[1] + 2}"
    assert f"in {'culprit'}" in culprit.stack.splitlines()[0]
    assert "notes.look()" in culprit.stack


async def test_what_is_no_bots_is_blamed_on_none() -> None:
    culprit = look()
    assert (culprit.bot, culprit.account) == ("", "")
    assert culprit.blocked_at.startswith(__file__)


async def test_of_a_long_stack_the_innermost_frames_are_kept() -> None:
    def descend(levels: int) -> Culprit:
        return look() if levels == 0 else descend(levels - 1)

    stack = descend(100).stack
    assert len(stack.splitlines()) < 20  # Python itself shortens what repeats
    assert "in look" in stack


async def test_a_loop_that_waits_blocks_nobody() -> None:
    assert not is_idle(sys._getframe())


async def test_the_same_step_has_the_same_frame() -> None:
    def deeper() -> object:
        return task_frame(sys._getframe())

    assert task_frame(sys._getframe()) is deeper()


def test_a_package_that_is_called_almost_like_botkit_is_somebody_elses() -> None:
    file = f"{Path(botkit.__file__).parent}_lobby/bot.py"
    names: dict[str, Callable[[Callable[[FrameType], Culprit]], Culprit]] = {}
    exec(compile("import sys\ndef block(look):\n    return look(sys._getframe())\n", file, "exec"), names)
    assert names["block"](find_culprit).blocked_at == f"{file}:3"
