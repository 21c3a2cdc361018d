"""The daemon as a process that is killed -9 again and again: it tells what one tells that was never killed."""

import json
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trio

from botkit import Signal

Start: TypeAlias = Callable[..., Any]
"""The fixture of tests/processes.py."""

GATEWAY = """\
app: {id: the-app, server_accounts: ["presence*", "botkit-feed-*"]}
gateway: {listen: "127.0.0.1:0", http: ""}
"""

DAEMON = """\
app: {{id: the-app}}
gateway: {{url: "{url}"}}
bots:
  - bot: bots.presence:bot
    account: {name}
    settings:
      database: "sqlite:///{name}.db"
      ignore: ["presence*", "botkit-feed-*"]
      sinks:
        - {{to: file, name: raw, path: {name}-raw.jsonl, window: 0}}
        - {{to: file, name: calm, path: {name}-calm.jsonl, window: 1}}
"""

DEADLINE = 120.0


def told(folder: Path, name: str) -> list[dict[str, object]]:
    """The lines about people in a daemon's file."""
    lines = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    return [line for line in lines if "account" in line]


async def come_and_go(url: str, accounts: list[str]) -> None:
    """Each comes into a channel, and goes."""
    for account in accounts:
        async with Signal("the-app", url).open_session(account) as session:
            await session.join("lobby")
            await trio.sleep(0.02)


def wait_for(folder: Path, name: str, account: str) -> None:
    """Until the file tells that somebody has logged out."""
    deadline = time.monotonic() + DEADLINE
    while not any(line["account"] == account and line["event"] == "offline" for line in told(folder, name)):
        assert time.monotonic() < deadline, f"{name} never told of {account}"
        time.sleep(0.05)


def wait_for_snapshot(path: Path) -> None:
    """Until the daemon knows who is there."""
    deadline = time.monotonic() + DEADLINE
    while True:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            if connection.execute("SELECT 1 FROM records WHERE event = 'snapshot'").fetchone():
                return
        assert time.monotonic() < deadline, "there never was a snapshot"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.row("E06")
def test_killed_it_tells_all_the_same(start_botkit: Start, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    banner = start_botkit("gateway", "--config", "gateway.yaml").read_until("ready ")
    (url,) = {word.removeprefix("ws=") for line in banner for word in line.split() if word.startswith("ws=")}
    for name in ("presence1", "presence2"):
        (tmp_path / f"{name}.yaml").write_text(DAEMON.format(name=name, url=url))
    start_botkit("run", "presence1.yaml").read_until("ready: 1 of 1")
    killed = start_botkit("run", "presence2.yaml")
    killed.read_until("ready: 1 of 1")
    for name in ("presence1", "presence2"):
        wait_for_snapshot(tmp_path / f"{name}.db")
    for number in range(3):
        trio.run(come_and_go, url, [f"before-{number}-{index}" for index in range(5)])
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait()
        trio.run(come_and_go, url, [f"meanwhile-{number}-{index}" for index in range(5)])
        killed = start_botkit("run", "presence2.yaml")
        killed.read_until("ready: 1 of 1")
    trio.run(come_and_go, url, ["last"])
    for kind in ("raw", "calm"):
        for name in ("presence1", "presence2"):
            wait_for(tmp_path, f"{name}-{kind}", "last")
        whole, again = (told(tmp_path, f"{name}-{kind}") for name in ("presence1", "presence2"))
        assert whole == again
        assert len(whole) == 4 * (3 * 10 + 1)
