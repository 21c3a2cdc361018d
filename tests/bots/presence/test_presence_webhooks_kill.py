"""Webhooks from a real daemon to a real receiver, over sockets: it is down, forgets, hangs, and has all in the end."""

import json
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import pytest
import trio

from botkit import Signal
from tests.bots.presence.presence_backend import Backend, open_backend
from tests.gateway_fire.process import free_port

Start: TypeAlias = Callable[..., Any]
"""The fixture of tests/processes.py."""

SECRET = "0123456789abcdef-a-secret"
BATCH = 5
DEADLINE = 240.0

GATEWAY = """\
app: {id: the-app, server_accounts: ["presence", "botkit-feed-*"]}
gateway: {listen: "127.0.0.1:0", http: ""}
"""

DAEMON = """\
app: {{id: the-app}}
gateway: {{url: "{gateway}"}}
bots:
  - bot: bots.presence:bot
    account: presence
    settings:
      database: "sqlite:///presence.db"
      listen: "127.0.0.1:{port}"
      sinks:
        - {{to: webhook, name: hook, url: "{url}", secret: "{secret}", window: 0, batch: {batch}, timeout: 1}}
"""


async def come_and_go(url: str, *accounts: str) -> None:
    """Each comes into a channel, and goes."""
    for account in accounts:
        async with Signal("the-app", url).open_session(account) as session:
            await session.join("lobby")


def written(folder: Path) -> list[dict[str, Any]]:
    """The daemon's log."""
    with closing(sqlite3.connect(f"{(folder / 'presence.db').as_uri()}?mode=ro", uri=True)) as connection:
        return [json.loads(text) for (text,) in connection.execute("SELECT json FROM records ORDER BY n")]


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Wait for that."""
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def wait_for(backend: Backend, account: str) -> None:
    """Until the backend was told that somebody has logged out."""
    told = (account, "offline")
    wait_until(lambda: told in [(one.get("account"), one["event"]) for one in backend.taken()], f"never told of {told}")


def wait_for_tries(backend: Backend, count: int) -> None:
    """Until so many more deliveries came."""
    goal = len(backend.deliveries) + count
    wait_until(lambda: len(backend.deliveries) >= goal, f"there never were {goal} deliveries")


def snapshot(port: int, secret: str) -> httpx.Response:
    """What the reconcile endpoint answers."""
    url, headers = f"http://127.0.0.1:{port}/snapshot?sink=hook", {"Authorization": f"Bearer {secret}"}
    with httpx.Client(trust_env=False, timeout=DEADLINE) as client:
        return client.get(url, headers=headers)


def check_deliveries(backend: Backend, log: list[dict[str, Any]]) -> None:
    """Signed, batched, in order, each try with its first one's key, and nothing left out."""
    assert not [delivery.problem for delivery in backend.deliveries if delivery.problem]
    assert max(len(delivery.records) for delivery in backend.deliveries) == BATCH
    taken = backend.taken()
    assert [{name: fact for name, fact in one.items() if name != "cursor"} for one in taken] == log
    by_key: dict[str, set[tuple[str, ...]]] = {}
    for delivery in backend.deliveries:
        by_key.setdefault(delivery.key, set()).add(tuple(record["id"] for record in delivery.records))
    assert {len(contents) for contents in by_key.values()} == {1}


async def check_snapshot(backend: Backend, url: str, port: int) -> None:
    """Who is there by a snapshot, and by what comes after its cursor."""
    async with Signal("the-app", url).open_session("ann") as ann:
        await ann.join("lobby")
        await trio.to_thread.run_sync(wait_until, lambda: backend.taken()[-1]["event"] == "joined", "ann never joined")
        answer = (await trio.to_thread.run_sync(snapshot, port, SECRET)).json()
        there = {(one["account"], one.get("channel", "")) for one in answer["present"]}
        assert there == {("ann", ""), ("ann", "lobby")}
    await come_and_go(url, "zoe")
    await trio.to_thread.run_sync(wait_for, backend, "zoe")
    for record in backend.taken():
        if record["cursor"] > answer["cursor"] and "account" in record:
            change = there.add if record["event"] in ("online", "joined") else there.discard
            change((record["account"], record.get("channel", "")))
    assert there == set()
    assert (await trio.to_thread.run_sync(snapshot, port, "another secret of some length")).status_code == 401


@pytest.mark.slow
@pytest.mark.row("E11")
def test_a_receiver_that_is_down_or_forgets_or_hangs_has_all_in_the_end(start_botkit: Start, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    banner = start_botkit("gateway", "--config", "gateway.yaml").read_until("ready ")
    (gateway,) = {word.removeprefix("ws=") for line in banner for word in line.split() if word.startswith("ws=")}
    port = free_port()

    def start_daemon() -> Any:
        daemon = start_botkit("run", "presence.yaml", env={"NO_PROXY": "127.0.0.1"})
        daemon.read_until("ready: 1 of 1")
        return daemon

    with open_backend(SECRET) as backend:
        (tmp_path / "presence.yaml").write_text(
            DAEMON.format(gateway=gateway, url=backend.url, secret=SECRET, batch=BATCH, port=port)
        )
        daemon = start_daemon()
        wait_until(lambda: "snapshot" in [one["event"] for one in backend.taken()], "never told of a snapshot")
        trio.run(come_and_go, gateway, "well")
        wait_for(backend, "well")
        backend.down()
        trio.run(come_and_go, gateway, "down-1", "down-2")
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        trio.run(come_and_go, gateway, "down-3", "down-1")
        daemon = start_daemon()
        backend.be("forgets to answer")
        backend.up()
        wait_for_tries(backend, 2)
        backend.be("well")
        wait_for(backend, "down-3")
        backend.be("hangs")
        trio.run(come_and_go, gateway, "hung")
        wait_for_tries(backend, 2)
        backend.be("well")
        trio.run(check_snapshot, backend, gateway, port)
        check_deliveries(backend, written(tmp_path))
