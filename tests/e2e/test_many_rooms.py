"""One line of YAML, 500 channels: a session in each, in one process, over real sockets."""

import http.client
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio

from botkit import ChannelMessage, LoginSession, Signal
from tests.e2e.files import ws_url
from tests.processes import Start

pytestmark = pytest.mark.slow

ROOMS = 500
AT_A_TIME = 50

BOT = '''"""Says where it is."""
from botkit import Bot, ChannelMessage, Context

bot = Bot("watcher")

@bot.on_channel_message(text="where?")
async def tell(message: ChannelMessage, ctx: Context) -> None:
    await ctx.reply(f"{ctx.session.account} in {message.channel}")
'''

CONFIG = """\
app: {id: the-app}
gateway:
  listen: "127.0.0.1:0"
  http: "127.0.0.1:0"
  limits: {logins_per_address: 100000, connections_per_address: 10000}
operations: {listen: "127.0.0.1:0"}
bots: [{bot: "watching:bot", account: watcher, channels: ["room-*"], linger_seconds: 1}]
"""


def get(url: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def is_in_rooms(url: str, count: int) -> bool:
    """Whether the bot has so many sessions besides its first one, all of them logged in and in their channels."""
    _, text = get(url, "/metrics")
    samples = dict(re.findall(r"^botkit_(\w+\{.*\}) (\S+)$", text, re.MULTILINE))
    there = (
        round(float(samples['pool_sessions{bot="watcher"}'])),
        round(float(samples['sessions{status="logged_in"}'])),
    )
    return there == (count, count + 1) and get(url, "/readyz")[0] == 200


async def until_in_rooms(url: str, count: int) -> None:
    with trio.fail_after(400):
        while not await trio.to_thread.run_sync(is_in_rooms, url, count):  # noqa: ASYNC110 - as a probe does it
            await trio.sleep(1)


@asynccontextmanager
async def people(url: str) -> AsyncIterator[list[LoginSession]]:
    """Somebody in each room, until the end of the block."""
    signal_of, inside, turns = Signal("the-app", url), list[LoginSession](), trio.CapacityLimiter(AT_A_TIME)

    async def stay(number: int, *, task_status: trio.TaskStatus[None]) -> None:
        async with signal_of.open_session(f"user-{number}") as session:
            await session.join(f"room-{number}")
            inside.append(session)
            task_status.started()
            await trio.sleep_forever()

    async def enter(number: int, nursery: trio.Nursery) -> None:
        async with turns:
            await nursery.start(stay, number)

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as entering:
            for number in range(ROOMS):
                entering.start_soon(enter, number, nursery)
        yield inside
        nursery.cancel_scope.cancel()


async def where(session: LoginSession) -> str:
    """What the bot answers in the session's room."""
    assert session.channel is not None
    await session.channel.send("where?")
    with trio.fail_after(120):
        while True:
            event = await session.receive_event()
            if isinstance(event, ChannelMessage) and event.account != session.account:
                assert event.text == f"{event.account} in {session.channel.name}"
                return event.account


async def test_five_hundred_channels_have_a_session_each(start_botkit: Start, tmp_path: Path) -> None:
    (tmp_path / "watching.py").write_text(BOT)
    (tmp_path / "many.yaml").write_text(CONFIG)
    running = start_botkit("run", "many.yaml")
    banner = await trio.to_thread.run_sync(running.read_until, "ready:")
    (operations,) = (line.split()[-1] for line in banner if line.split()[:1] == ["ops"])
    async with people(ws_url(banner)) as everybody:
        await until_in_rooms(operations, ROOMS)
        answers: list[str] = []

        async def ask(person: LoginSession) -> None:
            answers.append(await where(person))

        async with trio.open_nursery() as nursery:
            for person in everybody:
                nursery.start_soon(ask, person)
        assert sorted(answers) == sorted(f"watcher~{number}" for number in range(2, ROOMS + 2))
        for person in everybody[: ROOMS // 2]:
            assert person.channel is not None
            await person.channel.leave()
        await until_in_rooms(operations, ROOMS - ROOMS // 2)
        assert len({await where(person) for person in everybody[ROOMS // 2 :][:20]}) == 20
    code, out, err = await trio.to_thread.run_sync(running.stop, signal.SIGINT)
    assert (code, err, out.splitlines()[-1]) == (0, "", "stopped: every session is logged out")
