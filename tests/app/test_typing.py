"""What a type checker sees of a bot: nothing wrong in a right one, and every mistake in a wrong one."""

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from botkit import Bot, Router, events
from botkit.errors import HandlerError
from botkit.events import Event

ROOT = Path(__file__).parent.parent.parent

CLEAN = """
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal

from msgspec import Struct

from botkit import (
    Account, Bot, BotInfo, CallInvited, CallNext, ChannelMessage, CommandRefused, Context, InstantMessage, RestOfLine,
    Router, SignalingError, UserOnline, filters as f,
)
from botkit.events import Event


class Settings(Struct, frozen=True):
    greeting: str = "hello"


class Store:
    def __init__(self, name: str) -> None:
        self.name = name

    async def names(self, account: Account) -> list[str]:
        return [account]


class Customer(Struct, frozen=True):
    names: list[str]


class Order(Struct, frozen=True):
    size: int


def read_order(message: InstantMessage) -> Order | None:
    return Order(len(message.text)) if message.text.startswith("order") else None


bot = Bot("clean", settings=Settings, handler_timeout=10)
router = Router("router", f.account.glob("vip-*"))


@bot.resource
async def store(settings: Settings, info: BotInfo) -> AsyncIterator[Store]:
    yield Store(f"{info.name} {settings.greeting}")


@bot.provide
async def customer(message: InstantMessage, store: Store) -> Customer:
    return Customer(await store.names(message.account))


@bot.outer_middleware
async def timing(event: Event, ctx: Context, call_next: CallNext) -> None:
    await call_next()
    ctx.log.info("handled")


@bot.middleware
def gate(message: ChannelMessage, ctx: Context) -> None:
    if message.text == "stop":
        ctx.stop()


@bot.on_channel_message(f.text.regex("^(roll) ([0-9]+)$") & ~f.account.is_("bob"), channel="lobby")
async def roll(message: ChannelMessage, ctx: Context, match: re.Match[str]) -> None:
    await ctx.reply(f"{message.account}: {int(match[2])}")


@bot.on_message(f.extract(InstantMessage, Order, read_order))
async def order(message: InstantMessage, order: Order, customer: Customer, *, ctx: Context) -> None:
    await ctx.reply(", ".join(customer.names) * order.size)


@router.on_invite(timeout=60)
async def invited(invite: CallInvited, ctx: Context) -> None:
    async with ctx.call.accepted() as call:
        digits: str = await call.gather_dtmf(count=1, timeout=10)
        await call.say(digits)


@bot.on_message()
@bot.on_channel_message()
async def either(message: InstantMessage | ChannelMessage) -> None: ...


@bot.on_dtmf()
async def base(event: Event) -> None: ...


@bot.on_login()
async def logged_in(ctx: Context) -> None: ...


@bot.on_logout()
async def nothing() -> None: ...


@bot.on(UserOnline)
async def online(event: UserOnline, store: Store) -> None: ...


@bot.every(seconds=5)
async def beat(ctx: Context, store: Store) -> None: ...


@bot.command("mute", roles=["moderator"])
async def mute(
    ctx: Context, account: Account, time: timedelta, how: Literal["soft", "hard"] = "soft", reason: RestOfLine = ""
) -> None:
    await ctx.channel.send(f"{account} {time.total_seconds()} {how} {reason.upper()}")


@bot.command("add")
async def add(ctx: Context, *numbers: int) -> None:
    await ctx.reply(str(sum(numbers)))


@bot.on_command_refused()
async def refused(event: CommandRefused, ctx: Context) -> None:
    ctx.log.warning("refused", command=event.command)


@bot.on_error
async def failed(error: SignalingError, ctx: Context) -> None:
    ctx.log.error("failed", code=int(error.code))


bot.include(router)


async def a_test_calls_a_handler(message: ChannelMessage, ctx: Context) -> None:
    await either(message=message)
    await gate_and_roll(message, ctx)


async def gate_and_roll(message: ChannelMessage, ctx: Context) -> None:
    gate(message, ctx)
    match = re.match("(.)(.)", message.text)
    assert match is not None
    await roll(message, ctx, match)
"""

WRONG = """
from collections.abc import AsyncIterator

from botkit import Bot, CallNext, ChannelMessage, Context, InstantMessage, Router, filters as f
from botkit.events import UserOnline

bot = Bot("wrong")
router = Router("router")


@bot.on_channel_message()  # E: type-var
async def other_event(message: InstantMessage, ctx: Context) -> None: ...


@bot.on_user_online()  # E: type-var
async def resource_first(number: int, event: UserOnline) -> None: ...


@bot.on_message()  # E: type-var
def not_async(message: InstantMessage) -> None: ...


@router.on_message()  # E: type-var
async def gives_something(message: InstantMessage) -> str:
    return message.text


@bot.on_message(channel="lobby")  # E: call-arg
async def no_such_pattern(message: InstantMessage) -> None: ...


@bot.on_message("hello")  # E: arg-type
async def no_filter(message: InstantMessage) -> None: ...


@bot.on_channel_message(f.where(ChannelMessage, lambda message: message.words > 3))  # E: attr-defined
async def no_such_field_in_a_filter(message: ChannelMessage) -> None: ...


@bot.on_message(f.extract(InstantMessage, int, lambda message: message.text))  # E: arg-type return-value
async def not_what_was_announced(message: InstantMessage, number: int) -> None: ...


@bot.on_channel_message(timeout="5")  # E: arg-type
async def inside(message: ChannelMessage, ctx: Context, call_next: CallNext) -> None:
    message.text = "changed"  # E: misc
    print(message.txet)  # E: attr-defined
    await ctx.reply(5)  # E: arg-type
    ctx.reply("forgotten")  # E: unused-coroutine
    await call_next(message)  # E: call-arg
    number: int = message.account  # E: assignment
    ctx.nothing()  # E: attr-defined


@bot.every(5)  # E: call-arg
async def beat(ctx: Context) -> None: ...


@bot.resource  # E: type-var
async def no_resource() -> int:
    return 1


@bot.command("x", roles=5)  # E: arg-type
async def command(ctx: Context) -> None: ...


@bot.middleware  # E: type-var
async def middleware(ctx: Context, call_next: CallNext) -> int:
    return 1


bot.include(bot)  # E: arg-type
router.include(f.text)  # E: arg-type
Bot("b", limits={"running": 5})  # E: arg-type
"""


def errors_in(text: str, tmp_path: Path) -> dict[int, set[str]]:
    """The codes of the errors that mypy finds, by line."""
    file = tmp_path / "example_bot.py"
    file.write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(ROOT / ".mypy_cache")]
    command += ["--enable-error-code", "unused-awaitable", "--config-file", str(tmp_path / "none.ini"), str(file)]
    (tmp_path / "none.ini").write_text(f"[mypy]\nmypy_path = {ROOT}\n")
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found: dict[int, set[str]] = {}
    for line in result.stdout.splitlines():
        match = re.fullmatch(r".*example_bot\.py:(\d+): error: .*\[([a-z-]+)\]", line)
        if match is not None:
            found.setdefault(int(match[1]), set()).add(match[2])
        else:
            assert ": note: " in line, result.stdout + result.stderr
    assert result.returncode in (0, 1), result.stdout + result.stderr
    return found


@pytest.mark.slow
@pytest.mark.row("B06")
def test_mypy_finds_nothing_in_a_right_bot(tmp_path: Path) -> None:
    exec(compile(CLEAN, "example_bot.py", "exec"), {"__name__": "example_bot"})  # and it is right when it runs
    assert errors_in(CLEAN, tmp_path) == {}


@pytest.mark.slow
@pytest.mark.row("B06")
def test_mypy_finds_each_mistake_in_a_wrong_bot(tmp_path: Path) -> None:
    expected = {
        number: set(match[1].split())
        for number, line in enumerate(WRONG.splitlines(), 1)
        if (match := re.search(r"# E: ([a-z -]+)$", line))
    }
    assert errors_in(WRONG, tmp_path) == expected


def all_events() -> Iterator[type[Event]]:
    for _, kind in inspect.getmembers(events, inspect.isclass):
        if issubclass(kind, Event):
            yield kind


@pytest.mark.row("B06")
@pytest.mark.parametrize("kind", list(all_events()), ids=lambda kind: kind.__name__)
def test_events_are_frozen_and_typed(kind: type[Event]) -> None:
    assert kind.__struct_config__.frozen
    for hint in get_type_hints(kind).values():
        assert Any not in (hint, *get_args(hint)), kind


@pytest.mark.row("B06")
@pytest.mark.parametrize("holder", [Bot, Router])
def test_nothing_public_is_any(holder: type[object]) -> None:
    for name, function in inspect.getmembers(holder, inspect.isfunction):
        if not name.startswith("_"):
            for hint in get_type_hints(function).values():
                assert "typing.Any" not in str(hint), f"{holder.__name__}.{name}"


def test_a_handler_that_asks_for_a_loose_dict_is_refused() -> None:
    async def loose(ctx: object, data: dict[str, Any]) -> None: ...

    with pytest.raises(HandlerError, match="nothing of type object is known"):
        Bot("b").on_message()(loose)
