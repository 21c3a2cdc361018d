"""The servers that are measured: each a process of its own on loopback, with a free port."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.installing import nats_server, node_modules
from tests.benchmarks.launching import PROGRAMS, ProgramFailed, own_environment

APP_ID = "benchmarks"
READY = "ready "
STOP_SECONDS = 60

GATEWAY = f"""
app: {{id: {APP_ID}}}
gateway: {{listen: "127.0.0.1:0", http: "127.0.0.1:0", timeouts: {{idle: 3600, login: 3600}}}}
store: {{url: "memory:"}}
"""

_UNLIMITED = GATEWAY.replace("timeouts:", "limits: {inbox: 1000000}, timeouts:")

BOTKIT_COMMAND = Path(sys.executable).with_name("botkit")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: where it listens, and its process."""

    port: int
    process: "subprocess.Popen[str]"

    def cpu_seconds(self) -> float:
        """CPU time that it has used so far."""
        return cpu_seconds(self.process.pid)

    def write_line(self, text: str) -> None:
        """Tell it something, and wait for the line that it answers with."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


@contextmanager
def gateway() -> Iterator[Server]:
    """botkit's gateway, for anybody who comes. The load generator does not ping, and is not cut off for that."""
    with _gateway_by([str(BOTKIT_COMMAND)]) as server:
        yield server


@contextmanager
def unlimited_gateway() -> Iterator[Server]:
    """botkit's gateway without the vendor's limit to what one account says, and with room for all of it.

    Of two peers that say as much as they can the one that sends may well be ahead of the one that reads.
    """
    command = [sys.executable, str(PROGRAMS / "gateway_unlimited.py")]
    with _gateway_by(command, _UNLIMITED) as server:
        yield server


@contextmanager
def bots(file: Path, ready: str) -> Iterator[Server]:
    """``botkit run FILE``, once it has said ``ready``. Bots are looked for in the file's folder."""
    with _running([str(BOTKIT_COMMAND), "run", str(file)], ready=ready, folder=file.parent) as server:
        yield server


@contextmanager
def _gateway_by(command: Sequence[str], configuration: str = GATEWAY) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.yaml"
        file.write_text(configuration)
        with _running([*command, "gateway", "--config", str(file)], ready="ready ws=ws://127.0.0.1:") as server:
            yield server


@contextmanager
def python_server(name: str, *arguments: int) -> Iterator[Server]:
    """``programs/<name>.py``, which says ``ready PORT``."""
    with _running([sys.executable, str(PROGRAMS / f"{name}.py"), *map(str, arguments)], ready=READY) as server:
        yield server


@contextmanager
def node_server(name: str) -> Iterator[Server]:
    """``programs/<name>.js``, which says ``ready PORT``."""
    modules = node_modules() / "node_modules"
    with _running(["node", "--expose-gc", str(PROGRAMS / f"{name}.js"), str(modules)], ready=READY) as server:
        yield server


@contextmanager
def nats(folder: Path) -> Iterator[Server]:
    """The NATS server; what it writes goes into ``folder``."""
    command = [str(nats_server()), "--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", str(folder)]
    ready = "Listening for client connections on 127.0.0.1:"
    with _running(command, ready=ready, errors_too=True) as server:
        yield server


@contextmanager
def _running(
    command: Sequence[str], ready: str, *, folder: Path | None = None, errors_too: bool = False
) -> Iterator[Server]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=own_environment() | {"NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors_too else None,
        text=True,
    )
    try:
        yield Server(_read_port(process, ready), process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _read_port(process: "subprocess.Popen[str]", ready: str) -> int:
    """The number behind ``ready``, 0 if there is none."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if ready in line:
            port = re.match(r"\d+", line.split(ready)[1])
            return int(port[0]) if port else 0
    raise ProgramFailed(f"{process.args!r} ended with {process.wait()}: {''.join(said)}")
