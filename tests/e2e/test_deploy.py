"""What stands in ``config/deploy``: units for systemd, an image, and a gateway with three bots for compose."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from botkit.cli.failures import EXIT_WRONG_INPUT
from botkit.cli.run import STOP_DEADLINE
from botkit.config.loading import Config, GatewayConfig, load_any_config
from botkit.types import JsonObject
from tests.e2e.files import ROOT
from tests.e2e.linters import compose_linter
from tests.processes import Start
from tests.vendor.packages import MissingTool

HADOLINT = Path(sys.executable).with_name("hadolint")
DEPLOY = ROOT / "config" / "deploy"
UNITS = ("botkit@.service", "botkit-gateway.service")
SERVICES = {
    "gateway": "gateway.yaml",
    "moderation": "moderation.yaml",
    "presence": "presence.yaml",
    "calls": "calls.yaml",
}
SECRET = "/run/secrets/app_certificate"


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """The files as they are in a container, but for the place of their secret."""
    (tmp_path / "app_certificate").write_text("0123456789abcdef0123456789abcdef\n")
    for name in SERVICES.values():
        text = (DEPLOY / name).read_text()
        assert SECRET in text
        (tmp_path / name).write_text(text.replace(SECRET, str(tmp_path / "app_certificate")))
    return tmp_path


@pytest.fixture
def compose() -> JsonObject:
    loaded = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def test_each_file_is_right(deploy: Path) -> None:
    gateway = load_any_config(deploy / "gateway.yaml")
    assert isinstance(gateway, GatewayConfig)
    assert gateway.settings.listen is not None
    for name in ("moderation", "presence", "calls"):
        config = load_any_config(deploy / f"{name}.yaml")
        assert isinstance(config, Config)
        assert [app.id for app in config.apps] == [app.id for app in gateway.settings.apps]
        assert isinstance(config.gateway, str)
        where = urlsplit(config.gateway)
        assert (where.hostname, where.port) == ("gateway", gateway.settings.listen.port)


def test_the_services_of_compose_fit_their_files(compose: JsonObject, deploy: Path) -> None:
    services = compose["services"]
    assert isinstance(services, dict)
    assert set(services) == set(SERVICES)
    for name, file in SERVICES.items():
        service = services[name]
        assert isinstance(service, dict)
        volumes, command = service["volumes"], service.get("command", ["run", "/etc/botkit/bots.yaml"])
        assert isinstance(volumes, list)
        assert isinstance(command, list)
        (mounted,) = [str(one).split(":")[1] for one in volumes if str(one).startswith(f"./{file}:")]
        assert mounted in command
        assert f"{name}:/var/lib/botkit" in volumes
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["mem_limit"]
        assert service["pids_limit"]
        assert service["restart"] == "unless-stopped"
        assert float(str(service["stop_grace_period"]).removesuffix("s")) > STOP_DEADLINE
        assert name == "gateway" or service["depends_on"] == {"gateway": {"condition": "service_healthy"}}
        config = load_any_config(deploy / file)
        health = urlsplit(_health(service))
        if isinstance(config, GatewayConfig):
            assert config.settings.http is not None
            assert (health.path, health.port) == ("/healthz", config.settings.http.port)
        else:
            assert config.operations is not None
            assert (health.path, health.port) == ("/livez", config.operations.port)
    assert compose["secrets"] == {"app_certificate": {"file": "./secrets/app_certificate"}}


def _health(service: JsonObject) -> str:
    environment = service.get("environment", {})
    assert isinstance(environment, dict)
    (default,) = re.findall(r"BOTKIT_HEALTH=(\S+)", (DEPLOY / "Dockerfile").read_text())
    return str(environment.get("BOTKIT_HEALTH", default))


def test_the_image_has_what_it_is_made_of_and_runs_as_nobody() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    final = text.rpartition("\nFROM ")[2]
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    assert re.search(r"^USER [1-9]\d*$", final, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", final, re.MULTILINE)
    assert "BOTKIT_HEALTH" in final
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = {
        source for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for source in line.split()
    }
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    (stop,) = re.findall(r"^STOPSIGNAL (\S+)$", final, re.MULTILINE)
    assert signal.Signals[stop] is signal.SIGTERM


def unit(name: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys as they are written
    parser.read(DEPLOY / name)
    return parser


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_agrees_with_what_the_process_does(name: str) -> None:
    service = unit(name)["Service"]
    assert service["Type"] == "notify"
    assert float(service["TimeoutStopSec"]) > STOP_DEADLINE
    assert service["RestartPreventExitStatus"] == str(EXIT_WRONG_INPUT)
    assert service["Restart"] == "on-failure"
    assert service.get("KillSignal", "SIGTERM") == "SIGTERM"
    assert {"MemoryMax", "TasksMax", "LimitNOFILE"} <= set(service)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here: .ci/run installs it")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_a_unit_and_finds_it_closed(name: str, tmp_path: Path) -> None:
    path = tmp_path / name.replace("@", "@presence")
    path.write_text((DEPLOY / name).read_text().replace("/opt/botkit/bin/botkit", sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(path)]
    closed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert closed.returncode == 0, closed.stdout


@pytest.mark.slow
def test_hadolint_finds_nothing() -> None:
    found = subprocess.run([HADOLINT, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.slow
def test_the_linter_of_compose_finds_nothing(tmp_path: Path) -> None:
    try:
        linter = compose_linter()
    except MissingTool as error:
        pytest.skip(str(error))
    # The gateway stands first, as it starts first, and what all have in common stands before what one has.
    taste = ("--disable-rule", "services-alphabetical-order", "service-keys-order")

    def lint(file: Path) -> tuple[int, str]:
        command = [str(linter), str(file), "--max-warnings", "0", *taste]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return found.returncode, (found.stdout + found.stderr).strip()

    assert lint(DEPLOY / "compose.yaml") == (0, "")
    wrong = tmp_path / "compose.yaml"
    wrong.write_text((DEPLOY / "compose.yaml").read_text().replace("read_only: true", "raed_only: true"))
    code, told = lint(wrong)
    assert code == 1
    assert "additional properties" in told


def test_what_a_unit_has_installed_can_be_read_by_its_user() -> None:
    for name, yaml_file in (("botkit@.service", "presence"), ("botkit-gateway.service", "gateway")):
        assert unit(name)["Service"]["DynamicUser"] == "yes"
        installs = re.findall(r"install -D -m (\d+) (\S+) /etc/botkit/", (DEPLOY / name).read_text())
        modes = {file: mode for mode, file in installs}
        assert set(modes) == {f"{yaml_file}.yaml", f"{yaml_file}.env"}
        assert int(modes[f"{yaml_file}.yaml"], 8) & 0o004  # by others, as the user is nobody that has a name before
        assert not int(modes[f"{yaml_file}.env"], 8) & 0o077


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Hears what a service tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(120)
        yield listener


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets")
def test_the_gateway_and_the_three_bots_find_one_another(
    deploy: Path, start_botkit: Start, systemd: socket.socket
) -> None:
    ports = ("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
    environ = {"NOTIFY_SOCKET": systemd.getsockname()}
    gateway = start_botkit("gateway", "--config", str(deploy / "gateway.yaml"), *ports, env=environ)
    (line,) = gateway.read_until("ready ws=")
    url = line.split("ws=")[1].split()[0]
    assert systemd.recv(4096).decode() == f"READY=1\nSTATUS=listening at {url}"
    bots = []
    for name in ("moderation", "presence", "calls"):
        file = deploy / f"{name}.yaml"
        text = file.read_text().replace("ws://gateway:8001/", url)
        file.write_text(text.replace("127.0.0.1:8081", "127.0.0.1:0"))
        (deploy / name).mkdir()
        bots.append(start_botkit("run", str(file), cwd=deploy / name, env=environ))
        assert "1 of 1 bots at work" in bots[-1].read_until("ready: ")[-1]
        assert systemd.recv(4096).decode() == "READY=1\nSTATUS=1 bots"
    for process in (*bots, gateway):
        assert process.stop(signal.SIGTERM)[0] == 0
        assert systemd.recv(4096).decode().startswith("STOPPING=1")
