"""``botkit gateway --config FILE`` and TLS, in processes of their own."""

import http.client
import json
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
import trio
import trustme

from botkit.testing import Refusal, WirePeer
from botkit.transport.websocket import open_websocket
from botkit.wire.limits import NO_TOKEN, USER_ONLINE_CHANNEL
from botkit.wire.tokens import make_token

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of processes.py."""

AS_IT_IS = Path(__file__).parents[2] / "config" / "gateway.yaml"
FREE_PORTS = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
NEW, OLD = "5cfd2fd1755d40ecb72977518be15d3b", "970ca35de60c44645bbae8a215061b33"
FAR = 4_000_000_000

FILE = """\
apps:
  - id: shop
    certificate: "${SHOP}"
    retiring: [{certificate: "${SHOP_OLD}", until: 2999-01-01T00:00:00Z}]
  - {id: strict, certificate: "${SHOP}", accept_v1: false}
  - {id: open}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
log: {format: json}
"""

pytestmark = pytest.mark.slow


def urls(line: str) -> tuple[str, str]:
    """The WebSocket's and HTTP's of a ready line."""
    ready, ws, http_ = line.split()
    assert ready == "ready"
    return ws.removeprefix("ws="), http_.removeprefix("http=")


def role(url: str, app: str, token: str, ssl_context: ssl.SSLContext | None = None) -> str:
    """The role that ann gets with this token in this app; the reason if she does not get in."""

    async def ask() -> str:
        with trio.fail_after(60):
            async with open_websocket(url, ssl_context=ssl_context) as transport:
                peer = WirePeer(transport)
                try:
                    await peer.login("ann", token, app=app)
                except Refusal as refusal:
                    return str(refusal)
                try:
                    await peer.request("channel_join", name=USER_ONLINE_CHANNEL)
                except Refusal:
                    return "user"
                return "server"

    return trio.run(ask)


def write(folder: Path, text: str) -> None:
    (folder / "gw.yaml").write_text(text)


@pytest.mark.row("G01")
def test_the_file_of_the_project_runs_as_it_is(start_botkit: Start, tmp_path: Path) -> None:
    gateway = start_botkit("gateway", "--config", AS_IT_IS, *FREE_PORTS)
    ws, http_url = urls(*gateway.read_until("ready"))
    assert (tmp_path / "var" / "gateway.db").is_file()
    connection = http.client.HTTPConnection(urlsplit(http_url).netloc, timeout=60)
    for app, status in (("shop", 200), ("desk", 200), ("other", 404)):
        connection.request("GET", f"/getaddr?vid={app}")
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (status, True)
    connection.close()
    assert [role(ws, app, NO_TOKEN) for app in ("shop", "desk")] == ["user", "user"]
    code, out, err = gateway.stop(signal.SIGTERM)
    assert (code, out, err) == (0, "", "")


@pytest.mark.row("G05")
def test_each_app_has_its_certificates_and_rules(run_botkit: Run, start_botkit: Start, tmp_path: Path) -> None:
    write(tmp_path, FILE)
    # The certificate in botkit's own variable is for other commands, and no second word on what the file says.
    gateway = start_botkit(
        "gateway", "--config", "gw.yaml", env={"SHOP": NEW, "SHOP_OLD": OLD, "BOTKIT_APP_CERTIFICATE": OLD}
    )
    ws, _ = urls(*gateway.read_until("ready"))

    def token(app: str, *arguments: str) -> str:
        done = run_botkit("token", "--app-id", app, "--account", "ann", "--certificate", NEW, *arguments)
        assert done.returncode == 0
        return str(done.stdout).strip()

    assert role(ws, "shop", token("shop")) == "user"
    assert role(ws, "shop", token("shop", "--role", "server")) == "server"
    assert role(ws, "shop", make_token("shop", OLD, "ann", FAR)) == "user"
    assert "TokenErrorWrong" in role(ws, "shop", NO_TOKEN)
    assert "TokenErrorWrong" in role(ws, "strict", token("strict"))
    assert role(ws, "strict", token("strict", "--role", "user")) == "user"
    assert role(ws, "open", NO_TOKEN) == "user"
    code, out, err = gateway.stop(signal.SIGTERM)
    assert (code, out) == (0, "")
    assert NEW not in err
    assert OLD not in err


@pytest.fixture
def trusting(tmp_path: Path) -> ssl.SSLContext:
    """``server.pem`` and ``server.key`` for 127.0.0.1, and a client's context that trusts them."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    (tmp_path / "server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (tmp_path / "server.key").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "other.key").write_bytes(authority.issue_cert("127.0.0.1").private_key_pem.bytes())
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.row("G14")
@pytest.mark.parametrize("by", ["options", "file"])
def test_tls_is_spoken_on_the_port_after_each(
    start_botkit: Start, tmp_path: Path, trusting: ssl.SSLContext, by: str
) -> None:
    write(tmp_path, "app: {id: a}\ngateway: {tls: {certificate: server.pem, key: server.key}}\n")
    arguments = {
        "options": ["--app-id", "a", "--tls-certificate", "server.pem", "--tls-key", "server.key"],
        "file": ["--config", "gw.yaml"],
    }
    gateway = start_botkit("gateway", *FREE_PORTS, *arguments[by])
    ws, http_url = urls(*gateway.read_until("ready"))
    assert role(ws, "a", NO_TOKEN) == "user"
    assert role(f"wss://127.0.0.1:{(urlsplit(ws).port or 0) + 1}/", "a", NO_TOKEN, trusting) == "user"
    connection = http.client.HTTPSConnection(
        "127.0.0.1", (urlsplit(http_url).port or 0) + 1, timeout=60, context=trusting
    )
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    code, out, err = gateway.stop(signal.SIGTERM)
    assert (code, out) == (0, "")
    assert "TLS is spoken on the port after each plain one" in err


REFUSED = [
    (
        "app:\n  id: a\n  certificate: s3cret\n  retiring: [{certificate: s3cret, until: soon}]",
        [],
        "gw.yaml:4: app.retiring[0].until: 'soon' is no date and time; write 2027-01-31T00:00:00Z, or seconds since",
    ),
    ("app: {id: a}\nbots: [{bot: 'a:b', account: c}]", [], "gw.yaml:2: bots: is for botkit run: a gateway alone has"),
    ("app: {id: a}", ["--listen", "0.0.0.0:0"], "--listen: listening on 0.0.0.0:0 without an app certificate would"),
    (
        "app: {id: a}",
        ["--certificate", "s3cret"],
        "--certificate: who may come in is said in gw.yaml; leave out the op",
    ),
    (
        "app: {id: a}\ngateway:\n  tls:\n    certificate: nowhere.pem\n    key: server.key",
        [],
        "gw.yaml:4: gateway.tls.certificate: nowhere.pem cannot be read: No such file or directory; name a PEM file wi",
    ),
    (
        "app: {id: a}\ngateway:\n  tls:\n    certificate: nowhere.pem\n    key: server.key",
        ["--tls-certificate", "server.pem", "--tls-key", "other.key"],
        "--tls-key: other.key is not the key of server.pem; name the two that belong together",
    ),
]


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize(("text", "arguments", "message"), REFUSED)
def test_what_is_wrong_is_one_message_and_2(
    run_botkit: Run, tmp_path: Path, text: str, arguments: list[str], message: str
) -> None:
    write(tmp_path, text)
    done = run_botkit("gateway", "--config", "gw.yaml", *FREE_PORTS, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"botkit: {message}")
    assert "s3cret" not in line


@pytest.mark.parametrize("key", ["listen", "http"])
@pytest.mark.parametrize("by", ["option", "file"])
def test_a_port_in_use_is_named_where_it_was_said(run_botkit: Run, tmp_path: Path, key: str, by: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ports = {"listen": "127.0.0.1:0", "http": "127.0.0.1:0"}
        arguments = [f"--{key}", address] if by == "option" else []
        if by == "file":
            ports[key] = address
        write(tmp_path, f"app: {{id: a}}\ngateway: {json.dumps(ports)}\nlog: {{format: json}}")
        done = run_botkit("gateway", "--config", "gw.yaml", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    complaint = json.loads(line)
    place = ("", f"--{key}") if by == "option" else ("gw.yaml:2", f"gateway.{key}")
    assert (complaint["file"], complaint["key"]) == place
    assert complaint["event"] == f"cannot listen on {address}: port in use"


def test_two_gateways_do_not_share_a_file(run_botkit: Run, start_botkit: Start) -> None:
    arguments = ["gateway", *FREE_PORTS, "--app-id", "a", "--store", "sqlite:///gateway.db"]
    first = start_botkit(*arguments)
    first.read_until("ready")
    second = run_botkit(*arguments)
    problem = "another gateway has it open; stop that one, or give this one a file of its own"
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith(f"botkit: --store: sqlite:///gateway.db: {problem}")
    first.stop(signal.SIGKILL)
    third = start_botkit(*arguments)
    third.read_until("ready")
    assert third.stop(signal.SIGTERM)[0] == 0


@pytest.mark.usefixtures("trusting")
def test_check_says_what_it_found(run_botkit: Run, tmp_path: Path) -> None:
    done = run_botkit("check", AS_IT_IS)
    found = "is right, for botkit gateway --config. Apps: shop, desk. Listens on 127.0.0.1:8001."
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{AS_IT_IS} {found}\n", "")

    write(tmp_path, "app: {id: a}\ngateway:\n  tls: {certificate: server.pem, key: server.key}\n")
    assert run_botkit("check", "gw.yaml").returncode == 0
    write(tmp_path, "app: {id: a}\ngateway:\n  tls: {certificate: server.pem, key: other.key}\n")
    done = run_botkit("check", "gw.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("botkit: gw.yaml:3: gateway.tls.key: other.key is not the key of server.pem; ")
