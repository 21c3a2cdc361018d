"""The command itself, with a gateway of its own and with another one; and a real log, where there is one."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

LOG = """\
[09:00] <ann> good morning
=== bob [n=bob@host]  has joined #den
[09:00] <bob> hi ann
some line of another logger
[09:01]  * ann waves
=== bob is now known as bob|away
"""
ANYWHERE = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--app-id", "app"]
CERTIFICATE = {"BOTKIT_APP_CERTIFICATE": "5cfd2fd1755d40ecb72977518be15d3b"}
COMMAND = Path(sys.executable).with_name("botkit")
REAL_LOG = Path(__file__).parents[4] / "shared" / "data" / "irc" / "ubuntu-2007-06-04.txt"

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of conftest.py."""

pytestmark = pytest.mark.slow


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "den.txt"
    path.write_text(LOG)
    return path


def rows(output: str) -> dict[str, str]:
    """The first line of each row of the table."""
    lines = [line.strip("│").split("│") for line in output.splitlines() if line.startswith("│")]
    return {label.strip(): value.strip() for label, value in lines if label.strip()}


@pytest.mark.row("O01")
def test_with_a_gateway_of_its_own(run_botkit: Run, log: Path) -> None:
    result = run_botkit("replay", log, "--channel", "den")
    assert result.returncode == 0, result.stderr
    table = rows(result.stdout)
    assert table["lines read"].startswith("6 (3 messages, 1 joins, 1 renames, 1 not understood)")
    assert "4: some line of another logger" in result.stdout
    assert table["messages sent"] == table["delivered to the observer"] == "3"
    assert table["refused"] == table["unanswered"] == table["lost"] == "0"
    assert table["joins seen on the event channel"] == table["leaves seen on the event channel"] == "3 of 3"


def test_with_another_gateway_and_its_certificate(run_botkit: Run, start_botkit: Start, log: Path) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, env=CERTIFICATE)
    url = gateway.read_until("ready")[0].split()[1].removeprefix("ws=")
    arguments = ["replay", log, "--channel", "den", "--gateway", url, "--app-id", "app"]

    result = run_botkit(*arguments, env=CERTIFICATE)  # which gives the feed's account the server role
    assert result.returncode == 0, result.stderr
    assert rows(result.stdout)["lost"] == "0"

    result = run_botkit(*arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert "206 LOGIN_E_TOKENWRONG" in result.stderr


def test_with_another_gateway_that_knows_its_servers_by_name(run_botkit: Run, start_botkit: Start, log: Path) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, "--server-account", "watcher")
    url = gateway.read_until("ready")[0].split()[1].removeprefix("ws=")
    arguments = ["replay", log, "--channel", "den", "--gateway", url, "--app-id", "app"]

    result = run_botkit(*arguments, "--server-account", "watcher")
    assert result.returncode == 0, result.stderr
    assert rows(result.stdout)["lost"] == "0"

    result = run_botkit(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--server-account" in result.stderr


@pytest.mark.row("W08")
def test_with_a_gateway_that_is_looked_up(run_botkit: Run, start_botkit: Start, log: Path) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, "--server-account", "watcher")
    url = gateway.read_until("ready")[0].split()[2].removeprefix("http=")
    arguments = ["replay", log, "--channel", "den", "--gateway", url, "--app-id", "app", "--server-account", "watcher"]
    result = run_botkit(*arguments)
    assert result.returncode == 0, result.stderr
    assert rows(result.stdout)["lost"] == "0"


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["--channel", "den", "--speed", "0"], 2, "--speed"),
        (["--channel", "den", "--speed", "fast"], 2, "--speed"),
        (["--channel", "den", "--speed", "nan"], 2, "--speed"),
        (["--channel", "x" * 129], 2, "--channel"),
        (["--channel", "den", "--server-account", "a b"], 2, "--server-account"),
        (["--channel", "den", "--gateway", "ftp://127.0.0.1:1/"], 2, "ftp://127.0.0.1:1/"),
        (["--channel", "den", "--gateway", "ws://127.0.0.1:1/"], 1, "127.0.0.1:1"),
        (["--channel", "den", "--gateway", "http://127.0.0.1:1/"], 1, "http://127.0.0.1:1/getaddr?vid=replay"),
        ([], 2, "--channel"),
    ],
)
def test_what_is_wrong_is_named(run_botkit: Run, log: Path, arguments: list[str], code: int, named: str) -> None:
    result = run_botkit("replay", log, *arguments)
    assert result.returncode == code
    assert named in result.stderr
    assert "Traceback" not in result.stderr


def test_interrupted_it_shows_what_was_counted_until_then(start_botkit: Start, log: Path) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, "--server-account", "replay-feed")
    ws, http = (word.partition("=")[2] for word in gateway.read_until("ready")[0].split()[1:])
    arguments = ["replay", log, "--channel", "den", "--speed", "0.01", "--gateway", ws, "--app-id", "app"]
    replay = start_botkit(*arguments)
    wait_for_sessions(http, 3)
    code, output, errors = replay.stop(signal.SIGINT)
    assert code == 130
    assert rows(output)["stopped"] == "interrupted"
    assert rows(output)["messages sent"].endswith(" of 3")
    assert "Traceback" not in errors


def test_a_gateway_that_went_away_ends_it(start_botkit: Start, log: Path) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, "--server-account", "replay-feed")
    ws, http = (word.partition("=")[2] for word in gateway.read_until("ready")[0].split()[1:])
    arguments = ["replay", log, "--channel", "den", "--speed", "0.01", "--gateway", ws, "--app-id", "app"]
    replay = start_botkit(*arguments)
    wait_for_sessions(http, 3)
    gateway.stop(signal.SIGINT)
    output, errors = replay.process.communicate(timeout=120)
    assert replay.process.returncode == 1
    assert rows(output)["stopped"].startswith("replay-")
    assert "Traceback" not in errors


def wait_for_sessions(http: str, number: int) -> None:
    """Until so many sessions are logged in at the gateway."""
    deadline = time.monotonic() + 120
    sessions = 0
    while sessions < number:
        assert time.monotonic() < deadline, f"{sessions} sessions"
        with urllib.request.urlopen(f"{http}metrics") as answer:
            found = re.search(r"^botkit_gateway_sessions ([0-9.]+)", answer.read().decode(), re.MULTILINE)
        sessions = round(float(found[1])) if found else 0


def test_a_log_that_is_not_there(run_botkit: Run) -> None:
    result = run_botkit("replay", "nowhere.txt", "--channel", "den")
    assert result.returncode == 2
    assert "nowhere.txt" in result.stderr


if REAL_LOG.exists():

    def test_a_real_log_of_1910_lines() -> None:
        command = [str(COMMAND), "replay", str(REAL_LOG), "--channel", "ubuntu"]
        environment = os.environ | {"COLUMNS": "200"}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        table = rows(result.stdout)
        assert table["lines read"].startswith("1910 ")
        assert table["lines not understood"] == table["lost"] == table["refused"] == "0"
        assert table["delivered to the observer"] == table["messages sent"]
