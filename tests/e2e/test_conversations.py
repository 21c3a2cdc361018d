"""A talk outlives kill -9 of the bots' process, and times out when it would have."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import trio

from botkit import InstantMessage, LoginSession, Signal
from tests.e2e.files import ws_url
from tests.processes import Start

BOT = '''"""Takes orders."""
from msgspec import Struct
from botkit import Bot, Context, Conversation, ConversationTimedOut, InstantMessage

class Order(Struct, frozen=True):
    size: str = ""

bot = Bot("pizzeria")
orders = bot.conversation(Order, timeout=600)

@bot.on_message(~orders.open)
async def begin(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
    await order.set(Order(size=message.text))
    await ctx.reply(f"noted: {message.text}")

@bot.on_message(orders.open)
async def repeat(message: InstantMessage, ctx: Context, order: Conversation[Order]) -> None:
    assert order.state is not None
    await ctx.reply(f"I remember: {order.state.size}")

@bot.on_conversation_timeout(orders)
async def too_late(event: ConversationTimedOut, ctx: Context, order: Conversation[Order]) -> None:
    assert order.state is not None
    await ctx.session.send_instant(event.account, f"too late for {order.state.size}")
'''

GATEWAY = ("gateway", "--app-id", "the-app", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")

CONFIG = """\
app: {{id: the-app}}
gateway: {{url: "{url}"}}
store: {{url: "sqlite:///bots.db"}}
bots: [{{bot: "pizza_bot:bot", account: pizzeria}}]
"""


async def next_text(session: LoginSession) -> str:
    with trio.fail_after(60):
        while not isinstance(event := await session.receive_event(), InstantMessage):
            pass
    return event.text


def ten_minutes_pass_for(account: str, database: Path) -> None:
    """What was kept of a talk is 600 s older than it was."""
    with closing(sqlite3.connect(database)) as connection, connection:
        sql = "UPDATE conversations SET deadline_ms = deadline_ms - 600000 WHERE account = ?"
        assert connection.execute(sql, (account,)).rowcount == 1


@pytest.mark.slow
@pytest.mark.row("B08")
def test_a_talk_goes_on_after_a_kill_and_its_time_out_keeps_its_instant(start_botkit: Start, tmp_path: Path) -> None:
    gateway = start_botkit(*GATEWAY)
    url = ws_url(gateway.read_until("ws://"))
    (tmp_path / "pizza_bot.py").write_text(BOT)
    (tmp_path / "pizza.yaml").write_text(CONFIG.format(url=url))

    async def talk() -> None:
        bots = start_botkit("run", "pizza.yaml")
        await trio.to_thread.run_sync(bots.read_until, "ready:")
        shop = Signal("the-app", url)
        async with shop.open_session("ann") as ann, shop.open_session("bob") as bob:
            for person in (ann, bob):
                await person.send_instant("pizzeria", "large")
                assert await next_text(person) == "noted: large"
            bots.process.send_signal(signal.SIGKILL)
            await trio.to_thread.run_sync(bots.process.wait)
            ten_minutes_pass_for("bob", tmp_path / "bots.db")
            bots = start_botkit("run", "pizza.yaml")
            assert await next_text(bob) == "too late for large"  # at its first instant, not 600 s after the restart
            await ann.send_instant("pizzeria", "hello?")
            assert await next_text(ann) == "I remember: large"

    trio.run(talk)
