"""``botkit tree`` and ``botkit tail`` at a real process of bots."""

import http.client
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of conftest.py."""


def with_operations(config: Path) -> str:
    """The configuration on a port that is free; the URL of its operations."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = config.read_text().replace("demo:\n", "demo:\n  repeat_seconds: 2\n")
    config.write_text(f'{text}operations: {{listen: "127.0.0.1:{port}", canary_seconds: 1}}\n')
    return f"http://127.0.0.1:{port}/"


@pytest.mark.slow
@pytest.mark.row("O01", "O05")
def test_a_running_process_shows_its_tree_its_health_and_its_log(
    start_botkit: Start, run_botkit: Run, config: Path
) -> None:
    url = with_operations(config)
    running = start_botkit("run", config.name)
    assert any(url in line for line in running.read_until("ready:"))
    tree = run_botkit("tree", config.name)
    assert (tree.returncode, tree.stderr) == (0, "")
    assert all(word in tree.stdout for word in ("STATE", "app the-app", "bot concierge", "logged_in", "lobby"))
    as_json = json.loads(run_botkit("tree", url, "--json").stdout)
    assert as_json["kind"] == "process"
    tail = start_botkit("tail", url, "--bot", "concierge", "--json")
    entry = json.loads(tail.read_until("seen online")[-1])
    assert (entry["bot"], entry["level"]) == ("concierge", "info")
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=60)
    connection.request("GET", "/readyz")
    assert json.loads(connection.getresponse().read()) == {"status": "ok", "problems": []}
    connection.close()
    assert running.stop(signal.SIGTERM)[0] == 0
    assert tail.process.wait(120) == 0  # the log ends with the process


@pytest.mark.slow
def test_a_process_that_is_not_there_is_one_message(run_botkit: Run, config: Path) -> None:
    url = with_operations(config)
    for command in ("tree", "tail"):
        for target in (config.name, url):
            done = run_botkit(command, target)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
            assert done.stderr.startswith(f"botkit: {url}: does not answer: ")


@pytest.mark.slow
def test_a_file_without_operations_says_what_to_write(run_botkit: Run, config: Path) -> None:
    done = run_botkit("tree", config.name)
    assert done.returncode == 2
    assert "operations.listen: is missing" in done.stderr
