"""The commands as processes, on the database of a real ``botkit run`` with the file in ``config/``."""

import json
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trio
from matplotlib.image import imread

from botkit import Signal
from tests.e2e.files import ROOT, on_free_ports, ws_url

Process: TypeAlias = Callable[..., Any]
"""Fixtures of tests/processes.py."""

APP = "970ca35de60c44645bbae8a215061b33"
DEADLINE = 240.0


class Asking:
    """Runs ``botkit presence …`` to its end."""

    def __init__(self, run: Process) -> None:
        self._run = run

    def text(self, *arguments: str) -> str:
        """What it prints for people."""
        answer = self._run("presence", *arguments)
        assert answer.returncode == 0, answer.stderr
        return str(answer.stdout)

    def json(self, *arguments: str) -> Any:
        """What it prints for programs."""
        return json.loads(self.text(*arguments, "--json"))

    async def until_there(self, **people: str) -> int:
        """Wait until these are online, each in that channel; the time of the answer, in milliseconds."""
        with trio.fail_after(DEADLINE):
            while True:
                now = await trio.to_thread.run_sync(self.json, "now")
                there = {one["account"]: one["channel"] for one in now["people"] if one["status"] == "online"}
                if there == people and not now["unknown"]:
                    return int(now["ms"])
                await trio.sleep(0.3)


async def live(url: str, ask: Asking) -> tuple[int, int]:
    """Amy comes and stays a while, Bob with her; both times when it was known, the second after he had gone."""
    async with Signal(APP, url).open_session("amy") as amy:
        await amy.join("lobby")
        async with Signal(APP, url).open_session("bob") as bob:
            await bob.join("lobby")
            both = await ask.until_there(amy="lobby", bob="lobby")
        alone = await ask.until_there(amy="lobby")
        check_now(ask)
    await ask.until_there()
    return both, alone


def check_now(ask: Asking) -> None:
    """The table of who is there says what the JSON says."""
    (line,) = [line for line in ask.text("now").splitlines() if "amy" in line]
    assert re.search(r"amy\W+online\W+lobby\W", line)


def check_past(ask: Asking, both: int, alone: int) -> None:
    """Of what was, each command says what was done."""
    then, later = [datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (both, alone)]
    assert {one["account"]: one["channel"] for one in ask.json("at", then)["people"]} == {
        "amy": "lobby",
        "bob": "lobby",
    }
    assert "2 online" in ask.text("at", str(both))
    history = [one for one in ask.json("history", "bob") if one.get("account")]
    happened = [("online", ""), ("joined", ""), ("left", "logout"), ("offline", "logout")]
    assert [(one["event"], one.get("reason", "")) for one in history] == happened
    lines = [line for line in ask.text("history", "bob").splitlines() if "bob" in line]
    assert [next(event for event in ("online", "joined", "left", "offline") if event in line) for line in lines] == [
        event for event, _ in happened
    ]
    explained = ask.json("explain", "bob", "--at", then)
    assert (explained["status"], explained["channel"], explained["confidence"]) == ("online", "lobby", "certain")
    assert history[0] in explained["evidence"]
    assert "offline; certain: the gateway told it: offline is event" in ask.text("explain", "bob", "--at", later)


def check_picture(ask: Asking, folder: Path) -> None:
    """It is a picture, and something is drawn in it."""
    ask.text("plot", "--out", "presence.png")
    pixels = imread(folder / "presence.png")
    assert pixels.shape[:2] == (720, 1320)
    assert len({tuple(pixel) for row in pixels[::5] for pixel in row.tolist()}) > 10


@pytest.mark.slow
@pytest.mark.row("E10")
def test_the_commands_tell_of_a_life_and_no_second_daemon_gets_its_database(
    start_botkit: Process, run_botkit: Process, tmp_path: Path
) -> None:
    config = on_free_ports((ROOT / "config/presence.yaml").read_text())
    (tmp_path / "presence.yaml").write_text(config)
    first = start_botkit("run", "presence.yaml")
    url = ws_url(first.read_until("ready: 1 of 1"))
    ask = Asking(run_botkit)
    both, alone = trio.run(live, url, ask)
    check_past(ask, both, alone)
    check_picture(ask, tmp_path)
    (tmp_path / "second.yaml").write_text(config.replace("gateway.db", "another.db"))
    refused = run_botkit("run", "second.yaml")
    assert refused.returncode == 2
    assert re.search(r"second\.yaml:\d+: bots\[0\]\.settings\.database: .* is in use by another", refused.stderr)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    start_botkit("run", "presence.yaml").read_until("ready: 1 of 1")
    trio.run(ask.until_there)
    assert {one["account"]: one["channel"] for one in ask.json("at", str(alone))["people"]} == {"amy": "lobby"}
