import http.client
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of conftest.py."""

pytestmark = pytest.mark.slow


def value_of(key: str, lines: list[str]) -> str:
    """The value of ``key=value`` in the lines of a banner."""
    words = [word for line in lines for word in line.split() if word.startswith(f"{key}=")]
    return words[0].removeprefix(f"{key}=")


@pytest.mark.row("O01")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_bots_run_until_a_signal_and_then_log_out(start_botkit: Start, config: Path, number: signal.Signals) -> None:
    running = start_botkit("run", config.name)
    lines = running.read_until("ready: 1 of 1 bots at work")
    assert lines[0] == f"botkit 0.1.0 with {config.name}, app the-app"
    assert value_of("ws", lines).startswith("ws://127.0.0.1:")
    assert value_of("http", lines).startswith("http://127.0.0.1:")
    told = "\n".join(lines)
    assert "concierge, account concierge in lobby: Says hello to whoever asks." in told
    assert "botkit-feed-online-concierge in __agora_user_online" in told
    assert "visitors  ann" in told
    running.read_until("visitor hears", "hello, ann")
    code, out, err = running.stop(number)
    assert (code, out.splitlines()[-1], err) == (0, "stopped: every session is logged out", "")


def test_in_json_all_that_is_printed_is_objects(start_botkit: Start, config: Path) -> None:
    running = start_botkit("run", config.name, "--log", "json")
    lines = running.read_until("visitor hears", "hello, ann")
    code, out, err = running.stop(signal.SIGINT)
    told = [json.loads(line) for line in [*lines, *out.splitlines()]]
    assert (code, err) == (0, "")
    events = {notice["event"]: notice for notice in told}
    assert events["gateway"]["ws"].startswith("ws://127.0.0.1:")
    assert events["gateway"]["http"].startswith("http://127.0.0.1:")
    assert (events["bot"]["account"], events["bot"]["channels"]) == ("concierge", ["lobby"])
    assert events["bot"]["does"] == "Says hello to whoever asks."
    assert events["feeds"]["feeds"] == {"botkit-feed-online-concierge": "__agora_user_online"}
    assert events["visitors"]["accounts"] == ["ann"]
    assert events["seen online"]["who"]
    assert events["ready"]["bots"] == {"concierge": "running"}
    assert any("an old way" in str(notice) and notice["level"] == "warning" for notice in told)
    assert told[-1]["event"] == "stopped"


def test_the_format_may_stand_in_the_file(start_botkit: Start, config: Path) -> None:
    config.write_text(config.read_text() + "log: {format: json, level: error}\n")
    running = start_botkit("run", config.name)
    lines = running.read_until('"event": "ready"')
    code, out, _err = running.stop(signal.SIGTERM)
    assert code == 0
    assert {json.loads(line)["level"] for line in [*lines, *out.splitlines()]} <= {"info", "error"}


def test_at_a_gateway_elsewhere_the_bots_are_gone_when_the_command_ends(start_botkit: Start, config: Path) -> None:
    certificate = "5cfd2fd1755d40ecb72977518be15d3b"
    environ = {"BOTKIT_APP_CERTIFICATE": certificate}
    anywhere = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    gateway = start_botkit("gateway", *anywhere, "--app-id", "the-app", env=environ)
    ready = gateway.read_until("ready")
    text = config.read_text().replace(
        "app: {id: the-app}", "app: {id: the-app, certificate: '${BOTKIT_APP_CERTIFICATE}'}"
    )
    text = text.replace('{listen: "127.0.0.1:0", http: "127.0.0.1:0"}', f"{{url: '{value_of('ws', ready)}'}}")
    config.write_text(text)

    running = start_botkit("run", config.name, env=environ)
    lines = running.read_until("visitor hears", "hello, ann")
    assert value_of("ws", lines) == value_of("ws", ready)
    assert sessions(value_of("http", ready)) == 3
    code, out, err = running.stop(signal.SIGTERM)
    assert (code, err) == (0, "")
    assert sessions(value_of("http", ready)) == 0
    assert certificate not in "\n".join([*lines, out])


@pytest.mark.row("P02", "G05")
def test_bots_of_several_apps_live_in_one_process(start_botkit: Start, config: Path) -> None:
    config.write_text(
        config.read_text()
        .replace("app: {id: the-app}", "apps: [{id: shop}, {id: desk, certificate: c, accept_v1: false}]")
        .replace("demo:", '  - {bot: "hello_bot:bot", account: concierge, channels: [lobby], app: desk}\ndemo:')
    )
    running = start_botkit("run", config.name)
    lines = running.read_until("ready: 2 of 2 bots at work")
    assert lines[0] == f"botkit 0.1.0 with {config.name}, apps shop, desk"
    lines += running.read_until("visitor hears", "hello, ann")
    assert sessions(value_of("http", lines)) == 5
    seen = [line for line in lines if "seen online" in line and "who=ann" in line]
    code, out, err = running.stop(signal.SIGTERM)
    assert (code, out.splitlines()[-1], err) == (0, "stopped: every session is logged out", "")
    seen += [line for line in out.splitlines() if "seen online" in line and "who=ann" in line]
    assert seen
    assert all("app=shop" in line for line in seen)


def sessions(http_url: str) -> int:
    """How many sessions a gateway has, by its own word."""
    connection = http.client.HTTPConnection(http_url.removeprefix("http://").rstrip("/"), timeout=60)
    try:
        connection.request("GET", "/healthz")
        return int(json.loads(connection.getresponse().read())["sessions"])
    finally:
        connection.close()


def test_a_gateway_that_is_not_there_is_waited_for(start_botkit: Start, config: Path) -> None:
    text = config.read_text().replace('listen: "127.0.0.1:0", http: "127.0.0.1:0"', "url: 'ws://127.0.0.1:1/'")
    config.write_text(text)
    running = start_botkit("run", config.name)
    running.read_until("botkit-feed-online", "retry_in")
    assert running.stop(signal.SIGINT)[0] == 0


def test_a_second_signal_does_not_wait(start_botkit: Start, config: Path) -> None:
    bot = config.with_name("hello_bot.py")
    stubborn = """
import trio
from collections.abc import AsyncIterator

class Tap: ...

@bot.resource
async def tap() -> AsyncIterator[Tap]:
    yield Tap()
    print("closing", flush=True)
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()
"""
    bot.write_text(bot.read_text() + stubborn)
    running = start_botkit("run", config.name)
    running.read_until("ready:")
    os.kill(running.process.pid, signal.SIGINT)
    running.read_until("closing")
    code, _out, err = running.stop(signal.SIGINT)
    assert (code, err) == (130, "")


def test_a_loop_that_is_blocked_ends_at_the_second_signal(start_botkit: Start, config: Path) -> None:
    bot = config.with_name("hello_bot.py")
    blocking = """
import time

@bot.on_channel_message()
async def block(message: ChannelMessage) -> None:
    print("blocking", flush=True)
    while True:  # not one long sleep: a signal that comes in the moment before it begins does not wake it
        time.sleep(0.05)
"""
    bot.write_text(bot.read_text() + blocking)
    running = start_botkit("run", config.name)
    running.read_until("blocking")
    os.kill(running.process.pid, signal.SIGTERM)
    # Two signals of one kind may arrive as one; two kinds are two.
    code, _out, err = running.stop(signal.SIGINT)
    assert (code, err) == (130, "")


BAD = [
    ("gatway: {}", "bot.yaml:12: gatway: there is no such key; did you mean 'gateway'?"),
    ("log: {level: 3}", "bot.yaml:12: log.level: 3 is none of these; known here: debug, error, info, warning"),
    (
        "store:\n  url: [a]",
        "bot.yaml:13: store.url: expected a text, got a list",
    ),
]


@pytest.mark.row("O02")
@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(("more", "message"), BAD)
def test_a_wrong_file_is_one_message_and_2(
    run_botkit: Run, config: Path, command: str, more: str, message: str
) -> None:
    config.write_text(config.read_text() + more)
    done = run_botkit(command, config.name)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"botkit: {message}\n")


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_bot_that_cannot_be_imported_is_one_message_and_2(run_botkit: Run, config: Path, command: str) -> None:
    config.with_name("hello_bot.py").write_text("\nimport no_such_library\n")
    done = run_botkit(command, config.name)
    assert (done.returncode, done.stdout) == (2, "")
    (message,) = done.stderr.splitlines()
    assert message.startswith("botkit: bot.yaml:4: bots[0].bot: module hello_bot cannot be imported: ")
    assert "hello_bot.py:2: No module named 'no_such_library'" in message


@pytest.mark.parametrize("key", ["listen", "http"])
@pytest.mark.parametrize("format", ["text", "json"])
def test_a_port_in_use_is_one_message_and_2(run_botkit: Run, config: Path, key: str, format: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config.write_text(config.read_text().replace(f'{key}: "127.0.0.1:0"', f'{key}: "{address}"'))
        done = run_botkit("run", config.name, "--log", format)
    assert (done.returncode, done.stdout) == (2, "")
    (message,) = done.stderr.splitlines()
    if format == "json":
        complaint = json.loads(message)
        assert (complaint["file"], complaint["key"]) == ("bot.yaml:2", f"gateway.{key}")
        message = complaint["event"]
    else:
        assert message.startswith(f"botkit: bot.yaml:2: gateway.{key}: ")
    assert address in message
    assert "in use" in message


def test_a_missing_file_is_one_message_and_2(run_botkit: Run) -> None:
    done = run_botkit("run", "missing.yaml")
    message = "botkit: missing.yaml: cannot be read: No such file or directory; name a YAML file\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_a_store_that_is_no_database_is_one_message_and_2(run_botkit: Run, config: Path) -> None:
    config.with_name("gateway.db").write_bytes(b"not a database, but long enough to look at" * 100)
    config.write_text(config.read_text() + "store: {url: 'sqlite:///gateway.db'}")
    done = run_botkit("run", config.name)
    assert (done.returncode, done.stdout) == (2, "")
    (message,) = done.stderr.splitlines()
    assert message.startswith("botkit: bot.yaml:")
    assert "store.url: sqlite:///gateway.db: cannot be used: file is not a database" in message


@pytest.mark.row("O01")
def test_check_says_what_it_found(run_botkit: Run, config: Path) -> None:
    done = run_botkit("check", config.name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "bot.yaml is right. Bots: concierge in lobby. Gateway: an embedded one on 127.0.0.1:0.\n"


def test_a_bot_that_cannot_go_on_alone_ends_the_command_with_1(run_botkit: Run, config: Path) -> None:
    config.with_name("hello_bot.py").write_text(
        '"""Fails."""\n'
        "from collections.abc import AsyncIterator\n"
        "from botkit.app.bot import Bot\n"
        "bot = Bot('concierge')\n"
        "@bot.resource\n"
        "async def broken() -> AsyncIterator[int]:\n"
        "    raise OSError('disk full')\n"
        "    yield 1\n"
    )
    done = run_botkit("run", config.name)
    assert done.returncode == 1
    assert done.stderr == "botkit: no bot is left: concierge: disk full\n"
    assert "ready: 0 of 1 bots at work, but concierge ended" in done.stdout


def test_a_dry_run_says_what_it_would_have_done_and_does_not_do_it(start_botkit: Start, config: Path) -> None:
    running = start_botkit("run", config.name, "--dry-run")
    lines = running.read_until("would have", "did=send_to_channel", "to=lobby")
    assert any("concierge in a dry run, account concierge" in line for line in lines)
    code, out, err = running.stop(signal.SIGTERM)
    assert (code, err) == (0, "")
    assert not [line for line in [*lines, *out.splitlines()] if "visitor hears" in line]


@pytest.mark.row("O01")
def test_what_bots_did_can_be_traced_while_they_run_and_after(
    start_botkit: Start, run_botkit: Run, config: Path
) -> None:
    config.write_text(config.read_text() + "store: {url: 'sqlite:///var/bots.db'}\neffects: {text: full}\n")
    running = start_botkit("run", config.name)
    running.read_until("visitor hears", "hello, ann")
    running.stop(signal.SIGTERM)
    traced = run_botkit("trace", config.name, "--text", "hello, ann")
    assert traced.returncode == 0
    assert "concierge send_to_channel lobby, message" in traced.stdout
    assert "hello() of bot concierge" in traced.stdout
    assert "ChannelMessage of ann in lobby" in traced.stdout
