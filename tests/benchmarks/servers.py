"""The servers that are measured: each a process of its own on loopback, with a free port."""

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

GATEWAY = """
app: {{id: {app}, server_accounts: ["server-*"]}}
gateway: {{listen: "127.0.0.1:0", http: "127.0.0.1:0", timeouts: {{idle: 3600, login: 3600}}}}
store: {{url: "{store}"}}
"""


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
def gateway(store: str = "memory:") -> Iterator[Server]:
    """botkit's gateway, for anybody who comes. The load generator does not ping, and is not cut off for that."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.yaml"
        file.write_text(GATEWAY.format(app=APP_ID, store=store))
        command = [str(Path(sys.executable).with_name("botkit")), "gateway", "--config", str(file)]
        with _running(command, ready="ready ws=ws://127.0.0.1:", end="/") as server:
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
def _running(command: Sequence[str], ready: str, end: str = "", *, errors_too: bool = False) -> Iterator[Server]:
    process = subprocess.Popen(
        command,
        env=own_environment() | {"NO_COLOR": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors_too else None,
        text=True,
    )
    try:
        yield Server(_read_port(process, ready, end), process)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _read_port(process: "subprocess.Popen[str]", ready: str, end: str) -> int:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if ready in line:
            rest = line.split(ready)[1]
            return int(rest.split(end)[0] if end else rest.split()[0])
    raise ProgramFailed(f"{process.args!r} ended with {process.wait()}: {''.join(said)}")
