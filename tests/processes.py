"""The real ``botkit`` command in processes of its own: fixtures for all rooms that run it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("botkit")
START_SECONDS = 120
STOP_SECONDS = 120

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "Running"]


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """That of the tests, without botkit's own variables, and with plain text of one width."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOTKIT_")}
    return kept | {"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb", "PYTHONFAULTHANDLER": "1"} | dict(extra or {})


class Running:
    """A command that goes on until it is told to stop."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def read_until(self, *texts: str) -> list[str]:
        """Lines of standard output up to and with the one that holds all ``texts``."""
        assert self.process.stdout is not None
        lines = []
        gives_up = threading.Timer(START_SECONDS, self.process.kill)
        gives_up.start()
        try:
            for line in self.process.stdout:
                lines.append(line.rstrip("\n"))
                if all(text in line for text in texts):
                    return lines
        finally:
            gives_up.cancel()
        raise AssertionError(f"ended with {self.process.wait()} before it said {texts}: {lines} {self._stderr()}")

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send a signal; exit code, and what was left on standard output and error."""
        self.process.send_signal(number)
        # faulthandler then says where it is
        gives_up = threading.Timer(STOP_SECONDS, self.process.send_signal, [signal.SIGABRT])
        gives_up.start()
        try:
            # Not communicate(): that would leave out what read_until has read ahead.
            out = self.process.stdout.read() if self.process.stdout else ""
            return self.process.wait(), out, self._stderr()
        finally:
            gives_up.cancel()

    def end(self) -> None:
        """Kill what still runs."""
        self.process.kill()
        self.process.communicate()

    def _stderr(self) -> str:
        return self.process.stderr.read() if self.process.stderr else ""


def start_process(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None, command: Path = COMMAND) -> Running:
    """The command in the folder ``cwd``; whoever starts it ends it."""
    process = subprocess.Popen(
        [command, *arguments],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Running(process)


@pytest.fixture
def run_botkit(tmp_path: Path) -> Run:
    """Runs a command to its end in an empty folder."""

    def run(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=tmp_path,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def start_botkit(tmp_path: Path) -> Iterator[Start]:
    """Starts commands in an empty folder, or in ``cwd``, and ends those that a test left running."""
    started: list[Running] = []

    def start(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path = tmp_path) -> Running:
        started.append(start_process(*arguments, cwd=cwd, env=env))
        return started[-1]

    yield start
    for running in started:
        running.end()
