"""200 bots of three apps in one process, from one file, with sessions for channels as they come: the real command."""

import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from botkit.events import ChannelMessage, InstantMessage
from botkit.signaling import LoginSession, Signal
from tests.e2e.files import ws_url
from tests.processes import Running, Start
from tests.vendor.clients import next_event

pytestmark = pytest.mark.slow

APPS = ("shop", "desk", "club")
BOTS = 200
ROOMS = 40
"""In each app. With the bots that is what may log in without waiting for its turn."""

BOT = '''"""Answers to whoever speaks to it."""
import trio
from botkit import Bot, ChannelMessage, Context, InstantMessage

bot = Bot("answerer")

@bot.on_message(text="crash")
async def crash(message: InstantMessage) -> None:
    task = trio.lowlevel.current_task()
    assert task.parent_nursery is not None
    task.parent_nursery.cancel_scope.cancel()  # what runs all its handlers

@bot.on_message(text="hi")
async def answer(message: InstantMessage, ctx: Context) -> None:
    await ctx.reply(f"{ctx.bot.account} is here")

watcher = Bot("watcher")

@watcher.on_channel_message(text="where?")
async def tell(message: ChannelMessage, ctx: Context) -> None:
    await ctx.channel.send(f"{ctx.session.account} in {ctx.channel.name}, one of {len(ctx.bot.channels)}")
'''


def lines() -> Iterator[str]:
    """A file with 197 bots of one kind and, in each app, one that follows its rooms."""
    yield "apps:"
    yield from (f"  - {{id: {app}}}" for app in APPS)
    yield 'gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}'
    yield "bots:"
    for number in range(BOTS - len(APPS)):
        yield f'  - {{bot: "many:bot", app: {APPS[number % 3]}, account: bot{number}}}'
    for app in APPS:
        yield f'  - {{bot: "many:watcher", app: {app}, account: watcher, channels: ["room-*", lobby]}}'


@pytest.fixture
async def many(start_botkit: Start, tmp_path: Path) -> Running:
    """The command, with all its bots at work."""
    (tmp_path / "many.py").write_text(BOT)
    (tmp_path / "many.yaml").write_text("\n".join(lines()))
    return start_botkit("run", "many.yaml")


async def say(session: LoginSession, account: str, text: str) -> str:
    """What a bot answers; not faster than a user may speak."""
    await trio.sleep(0.02)
    await session.send_instant(account, text)
    return (await next_event(session, InstantMessage)).text


@pytest.mark.row("B10")
async def test_one_crash_affects_one_of_two_hundred(many: Running) -> None:
    url = ws_url(await trio.to_thread.run_sync(many.read_until, f"ready: {BOTS} of {BOTS} bots at work"))
    async with AsyncExitStack() as stack:
        users = [await stack.enter_async_context(Signal(app, url).open_session("ann")) for app in APPS]
        for number in range(BOTS - len(APPS)):
            assert await say(users[number % 3], f"bot{number}", "hi") == f"bot{number} is here"
        await users[7 % 3].send_instant("bot7", "crash")
        for number in (*range(7), *range(8, BOTS - len(APPS))):
            assert await say(users[number % 3], f"bot{number}", "hi") == f"bot{number} is here"
        assert await say(users[7 % 3], "bot7", "hi") == "bot7 is here"  # again
    code, out, err = await trio.to_thread.run_sync(many.stop, signal.SIGINT)
    assert (code, err) == (0, "")
    failed = [line for line in out.splitlines() if "child failed" in line]
    assert len(failed) == 1
    assert "bot7" in failed[0]


async def test_rooms_of_every_app_get_a_session_as_they_come(many: Running) -> None:
    url = ws_url(await trio.to_thread.run_sync(many.read_until, f"ready: {BOTS} of {BOTS} bots at work"))
    async with AsyncExitStack() as stack:
        for app in APPS:
            signal_of = Signal(app, url)
            users = [await stack.enter_async_context(signal_of.open_session(f"user{n}")) for n in range(ROOMS)]
            for number, user in enumerate(users):
                await user.join(f"room-{number}")
            accounts = {await where(user) for user in users}
            assert accounts == {f"watcher~{number}" for number in range(2, ROOMS + 2)}
    code, out, err = await trio.to_thread.run_sync(many.stop, signal.SIGINT)
    assert (code, err, out.splitlines()[-1]) == (0, "", "stopped: every session is logged out")


async def where(user: LoginSession) -> str:
    """Which of the watcher's accounts is in the user's channel, once it is."""
    assert user.channel is not None
    with trio.fail_after(60):
        while True:
            await user.channel.send("where?")
            with trio.move_on_after(0.5):
                message = await next_event(user, ChannelMessage)
                while message.account == user.account:
                    message = await next_event(user, ChannelMessage)
                account, _, rest = message.text.partition(" in ")
                assert rest.startswith(f"{user.channel.name}, one of ")
                return account
