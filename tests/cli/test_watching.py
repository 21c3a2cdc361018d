"""``botkit tree`` and ``botkit tail`` at a real process of bots."""

import http.client
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest

from tests.processes import START_SECONDS

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of conftest.py."""


NOBODY = "http://127.0.0.1:1/"


def set_operations(config: Path, address: str) -> None:
    """The configuration, with its operations there."""
    text = config.read_text().partition("operations:")[0]
    text = text.replace("demo:\n  visitors", "demo:\n  repeat_seconds: 2\n  visitors")
    config.write_text(f'{text}operations: {{listen: "{address}", canary_seconds: 1}}\n')


def readiness(url: str) -> dict[str, object]:
    """What the process says when it is asked whether it is ready."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", "/readyz")
        answer: dict[str, object] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


@pytest.mark.slow
@pytest.mark.row("O01", "O05")
def test_a_running_process_shows_its_tree_its_health_and_its_log(
    start_botkit: Start, run_botkit: Run, config: Path
) -> None:
    set_operations(config, "127.0.0.1:0")
    running = start_botkit("run", config.name)
    (url,) = (line.split()[-1] for line in running.read_until("ready:") if line.startswith("  ops "))
    set_operations(config, urlsplit(url).netloc)
    tree = run_botkit("tree", config.name)
    assert (tree.returncode, tree.stderr) == (0, "")
    assert all(word in tree.stdout for word in ("STATE", "app the-app", "bot concierge", "logged_in", "lobby"))
    as_json = json.loads(run_botkit("tree", url, "--json").stdout)
    assert as_json["kind"] == "process"
    tail = start_botkit("tail", url, "--bot", "concierge", "--json")
    entry = json.loads(tail.read_until("seen online")[-1])
    assert (entry["bot"], entry["level"]) == ("concierge", "info")
    deadline = time.monotonic() + START_SECONDS
    while (answer := readiness(url)) != {"status": "ok", "problems": []}:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    assert running.stop(signal.SIGTERM)[0] == 0
    assert tail.process.wait(120) == 0  # the log ends with the process


@pytest.mark.slow
def test_a_process_that_is_not_there_is_one_message(run_botkit: Run, config: Path) -> None:
    set_operations(config, "127.0.0.1:1")
    for command in ("tree", "tail"):
        for target in (config.name, NOBODY):
            done = run_botkit(command, target)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
            assert done.stderr.startswith(f"botkit: {NOBODY}: does not answer: ")


@pytest.mark.slow
def test_a_file_without_operations_says_what_to_write(run_botkit: Run, config: Path) -> None:
    done = run_botkit("tree", config.name)
    assert done.returncode == 2
    assert "operations.listen: is missing" in done.stderr
