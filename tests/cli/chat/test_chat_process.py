"""The command itself, on a pipe and on a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

COMMAND = Path(sys.executable).with_name("botkit")
ANYWHERE = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--app-id", "app"]
SECONDS = 120

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of conftest.py."""

pytestmark = pytest.mark.slow


@pytest.fixture
def arguments(start_botkit: Start) -> list[str]:
    """The command line for a gateway that runs."""
    (ready,) = start_botkit("gateway", *ANYWHERE).read_until("ready")
    url = ready.split()[1].removeprefix("ws=")
    return ["chat", "--account", "ann", "--channel", "lobby", "--gateway", url, "--app-id", "app"]


@pytest.mark.row("O01")
def test_lines_of_a_pipe_are_sent_and_its_end_logs_out(arguments: list[str]) -> None:
    result = subprocess.run(
        [COMMAND, *arguments],
        input="hello\n/who\n/nonsense\n",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert "* in lobby, with ann" in lines
    assert "  ann (uid 1)" in lines
    assert "! there is no /nonsense: /help lists the commands" in lines


@pytest.mark.row("W08")
def test_a_gateway_that_is_looked_up(start_botkit: Start) -> None:
    (ready,) = start_botkit("gateway", *ANYWHERE).read_until("ready")
    url = ready.split()[2].removeprefix("http=")
    arguments = ["chat", "--account", "ann", "--channel", "lobby", "--gateway", url, "--app-id", "app"]
    result = subprocess.run(
        [COMMAND, *arguments], input="", capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "* in lobby, with ann" in result.stdout.splitlines()


def test_on_a_terminal_lines_are_edited_and_its_modes_come_back(arguments: list[str]) -> None:
    ours, theirs = pty.openpty()
    modes = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
    )
    try:
        read_until(ours, "in lobby, with ann")
        os.write(ours, b"hellp\x7fo\n")
        read_until(ours, "<ann> hello")
        os.write(ours, b"half a li")
        read_until(ours, "half a li")
        deadline = time.monotonic() + SECONDS
        while termios.tcgetattr(theirs) == modes:
            assert time.monotonic() < deadline, "the editor never took the terminal"
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
        assert termios.tcgetattr(theirs) == modes
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_on_a_terminal_each_attempt_to_reconnect_is_one_line(start_botkit: Start) -> None:
    gateway = start_botkit("gateway", *ANYWHERE)
    url = gateway.read_until("ready")[0].split()[1].removeprefix("ws=")
    arguments = ["chat", "--account", "ann", "--channel", "lobby", "--gateway", url, "--app-id", "app"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
    )
    try:
        read_until(ours, "in lobby, with ann")
        gateway.stop(signal.SIGINT)
        shown = read_until(ours, "attempt 3")
        told = [line.partition("reconnecting, attempt ")[2] for line in shown.splitlines() if "connecti" in line]
        assert told == [str(attempt) for attempt in range(1, len(told) + 1)], "one line each, and no other"
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def read_until(terminal: int, text: str) -> str:
    shown = b""
    while text.encode() not in shown:
        readable, _, _ = select.select([terminal], [], [], SECONDS)
        assert readable, f"nothing more came after {shown!r}"
        shown += os.read(terminal, 4096)
    return shown.decode()


def test_no_gateway_there_is_one_message(run_botkit: Run) -> None:
    result = run_botkit("chat", "--account", "ann", "--channel", "lobby", "--gateway", "ws://127.0.0.1:1/")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "127.0.0.1:1" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [("--account", "a b", "--account"), ("--channel", "x" * 129, "--channel"), ("--gateway", "ftp://x", "ftp://x")],
)
def test_what_is_wrong_is_named(arguments: list[str], run_botkit: Run, option: str, value: str, named: str) -> None:
    arguments[arguments.index(option) + 1] = value
    result = run_botkit(*arguments)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert named in result.stderr
