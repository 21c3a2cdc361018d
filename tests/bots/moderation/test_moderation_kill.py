"""A real bot is killed with -9 in the middle of its work, several times; the undo restores what was there before."""

import os
import random
import signal
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from botkit import BotkitError, Database, LoginSession, Signal, open_database
from botkit.gateway.settings import Address, GatewaySettings
from botkit.testing import TEST_APP, open_test_gateway
from bots.moderation.cases.ledger import Ledger
from bots.moderation.cases.queries import dirty_cells, verify_audit
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.cases.selection import Selection
from tests.processes import Running, Start

CONFIG = """\
app: {id: %s}
gateway: {url: "%s"}
bots:
  - bot: bots.moderation:bot
    account: server-bot
    channels: [lobby]
    settings:
      database: "sqlite:///moderation.db"
      hold: null
      rules:
        - {id: one, kind: words, words: [one], then: [slow 50 1h, strike]}
        - {id: two, kind: words, words: [two], then: [mute 2h everywhere, mute 1h]}
        - {id: three, kind: words, words: [three], then: [ban 1h]}
"""
TEXTS = ("number one", "number two", "number three")
LIVES = 3
PATIENCE = 300.0
PENDING = "SELECT 1 FROM acts WHERE outcome = 'pending'"


async def sanctions(admin: LoginSession) -> set[tuple[str, str, str, bool]]:
    """What is in force, and whether it has an end."""
    return {(one.kind, one.account, one.channel, one.until_ms == 0) for one in await admin.list_sanctions()}


async def offend(app: Signal, life: int, number: int) -> None:
    """Somebody new, or somebody from an earlier life, says something."""
    account = f"user-{random.randrange(life + 1)}-{number}"
    with suppress(BotkitError):
        async with app.open_session(account) as session:
            channel = await session.join("lobby")
            for _ in range(3):
                await channel.send(random.choice(TEXTS))


def kill(running: Running) -> None:
    """End the process as the kernel does that has no memory left."""
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait()


def written(path: Path) -> int:
    """How many cases there are."""
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT count(*) FROM cases").fetchone()[0])


async def wait_settled(database: Database) -> None:
    """Wait until the bot, another process, has set all that follows from the undo."""
    with trio.fail_after(PATIENCE):
        while await dirty_cells(database, "live") or await database.fetch(PENDING):  # noqa: ASYNC110 - in a process
            await trio.sleep(0.1)


async def wait_written(path: Path) -> None:
    """Wait until the first case is written."""
    with trio.fail_after(PATIENCE):
        while not await trio.to_thread.run_sync(written, path):  # noqa: ASYNC110 - in a process
            await trio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.row("D10", "D08")
async def test_killed_and_undone(start_botkit: Start, tmp_path: Path) -> None:
    settings = GatewaySettings(apps=(), listen=Address("127.0.0.1", 0))
    async with open_test_gateway(settings) as gateway:
        app = Signal(TEST_APP, gateway.ws_url)
        (tmp_path / "bots.yaml").write_text(CONFIG % (TEST_APP, gateway.ws_url))
        async with app.open_session("server-admin") as admin:
            lobby = await admin.join("lobby")
            await lobby.set_attribute("_sendmsg_limit", "100")
            await admin.mute("user-0-0", channel="lobby", reason="before")
            await admin.ban("user-1-1", seconds=86_400, reason="before")
            before = await sanctions(admin)
            for life in range(LIVES):
                running = start_botkit("run", "bots.yaml")
                await trio.to_thread.run_sync(running.read_until, "ready: 1 of 1 bots")
                with trio.move_on_after(random.uniform(0.05, 0.6)):
                    async with trio.open_nursery() as nursery:
                        for number in range(6):
                            nursery.start_soon(offend, app, life, number)
                if life == 0:
                    await wait_written(tmp_path / "moderation.db")
                await trio.to_thread.run_sync(kill, running)
            running = start_botkit("run", "bots.yaml")
            await trio.to_thread.run_sync(running.read_until, "ready: 1 of 1 bots")
            async with open_database(f"sqlite:///{tmp_path}/moderation.db", SCHEMA) as database:
                ledger = Ledger(database)
                await ledger.read_head()
                assert len(await ledger.undo(Selection(since_ms=1), "live", "shell", 1)) > 0
                await wait_settled(database)
                assert await verify_audit(database) is None
                assert await database.fetch("SELECT count(*) FROM acts WHERE counts = 1") == [(0,)]
                assert await database.fetch("SELECT count(*) FROM cells") == [(0,)]
            assert await sanctions(admin) == before
            assert lobby.attributes["_sendmsg_limit"] == "100"
        code, _, err = await trio.to_thread.run_sync(running.stop, signal.SIGINT)
        assert (code, err) == (0, "")
