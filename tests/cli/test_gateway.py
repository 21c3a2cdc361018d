import http.client
import json
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import msgspec
import pytest
import trio

from botkit.transport.websocket import open_websocket
from botkit.wire.tokens import make_token

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of conftest.py."""

ANYWHERE = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--app-id", "app"]
READY = re.compile(r"ready ws=(ws://127\.0\.0\.1:[1-9]\d*/) http=(http://127\.0\.0\.1:[1-9]\d*/)")
CERTIFICATE = "5cfd2fd1755d40ecb72977518be15d3b"

pytestmark = pytest.mark.slow


def get(url: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def login(url: str, token: str) -> object:
    """What the gateway answers to a login as ann."""

    async def ask() -> object:
        request = {"vid": "app", "account": "ann", "uid": 0, "token": token, "device": "websdk", "ip": ""}
        async with open_websocket(url) as transport:
            await transport.send(msgspec.json.encode(["login", request]))
            with trio.fail_after(60):
                return msgspec.json.decode(await transport.receive())

    return trio.run(ask)


@pytest.mark.row("O01")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_serves_and_stops(start_botkit: Start, number: signal.Signals) -> None:
    gateway = start_botkit("gateway", *ANYWHERE)
    (line,) = gateway.read_until("ready")
    match = READY.fullmatch(line)
    assert match
    ws_url, http_url = match.groups()
    assert get(http_url, "/healthz")[0] == 200
    status, body = get(http_url, "/getaddr?vid=app")
    assert (status, json.loads(body)["web"]) == (200, [["127.0.0.1", urlsplit(ws_url).port]])
    assert b"botkit_" in get(http_url, "/metrics")[1]
    answer = login(ws_url, "_no_need_token")
    assert "ok" in str(answer)
    assert gateway.stop(number) == (0, "", "")


def test_the_certificate_may_come_from_the_environment(start_botkit: Start) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, env={"BOTKIT_APP_CERTIFICATE": CERTIFICATE})
    (line,) = gateway.read_until("ready")
    ws_url = line.split()[1].removeprefix("ws=")
    assert "TokenErrorWrong" in str(login(ws_url, "_no_need_token"))
    assert "ok" in str(login(ws_url, make_token("app", CERTIFICATE, "ann", 4_000_000_000)))
    code, _out, err = gateway.stop(signal.SIGTERM)
    assert code == 0
    assert CERTIFICATE not in err


def test_the_store_is_a_file_when_asked_for(start_botkit: Start, tmp_path: Path) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, "--store", "sqlite:///var/gateway.db")
    gateway.read_until("ready")
    assert gateway.stop(signal.SIGTERM)[0] == 0
    assert (tmp_path / "var" / "gateway.db").is_file()


@pytest.mark.parametrize(
    ("arguments", "option", "hint"),
    [
        (["--listen", "127.0.0.1"], "--listen", "HOST:PORT"),
        (["--http", "8080"], "--http", "HOST:PORT"),
        (["--listen", "0.0.0.0:0"], "--listen", "without an app certificate"),
        (["--store", "redis://localhost"], "--store", "sqlite:///"),
        (["--app-id", ""], "--app-id", "app id"),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(
    run_botkit: Run, arguments: list[str], option: str, hint: str
) -> None:
    done = run_botkit("gateway", *ANYWHERE, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (message,) = done.stderr.splitlines()
    assert message.startswith(f"botkit: {option}: ")
    assert hint in message


@pytest.mark.parametrize("option", ["--listen", "--http"])
def test_a_port_in_use_is_named(run_botkit: Run, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_botkit("gateway", *ANYWHERE, option, address)
    assert (done.returncode, done.stdout) == (2, "")
    (message,) = done.stderr.splitlines()
    assert message.startswith(f"botkit: {option}: ")
    assert address in message
    assert "in use" in message


def test_in_json_the_complaint_is_an_object(run_botkit: Run) -> None:
    done = run_botkit("gateway", *ANYWHERE, "--listen", "nowhere", "--log", "json")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    complaint = json.loads(line)
    assert (complaint["level"], complaint["key"]) == ("error", "--listen")


def test_an_insecure_gateway_may_listen_everywhere(start_botkit: Start) -> None:
    gateway = start_botkit("gateway", *ANYWHERE, "--listen", "0.0.0.0:0", "--insecure")
    gateway.read_until("ready ws=ws://0.0.0.0:")
    assert gateway.stop(signal.SIGTERM)[0] == 0


def test_no_app_id_is_a_usage_error(run_botkit: Run) -> None:
    done = run_botkit("gateway")
    assert done.returncode == 2
    assert "--app-id" in done.stderr
