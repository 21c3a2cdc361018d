"""E20: the presence daemon, 10,000 accounts that make 1,000 events a second. The daemon is a process of its own."""

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks.cpu import cpu_seconds, resident_bytes
from tests.benchmarks.launching import ProgramFailed, own_environment
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import Server, python_server

RATE, CORES, MEMORY = "events recorded a second", "cores", "memory"
PATIENCE_SECONDS = 120.0

DAEMON = """
app: {{id: benchmarks}}
gateway: {{url: "ws://127.0.0.1:{port}/"}}
log: {{level: warning}}
bots:
  - bot: bots.presence:bot
    account: presence
    settings:
      database: "sqlite:///presence.db"
      sinks:
        - {{to: file, name: raw, path: raw.jsonl, window: 0}}
        - {{to: file, name: debounced, path: debounced.jsonl, window: 2}}
"""


@contextmanager
def daemon(port: int) -> Iterator[tuple[Path, int]]:
    """``botkit run`` with the presence bot: its folder, and its process."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "presence.yaml").write_text(DAEMON.format(port=port))
        command = [str(Path(sys.executable).with_name("botkit")), "run", "presence.yaml"]
        environment = own_environment() | {"PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        try:
            _wait_until(Path(folder), "SELECT count(*) FROM records WHERE event = 'snapshot'", 1)
            yield Path(folder), process.pid
        finally:
            process.terminate()
            process.wait()


def follow(server: Server, events: int) -> Figures:
    """Have so many events happen, and wait until the daemon has written the last of them."""
    with daemon(server.port) as (folder, process):
        began, used = time.perf_counter(), cpu_seconds(process)
        last = _have_happen(server, events)
        _wait_until(folder, "SELECT value FROM state WHERE key = 'seq'", last)
        seconds = time.perf_counter() - began
        return {
            RATE: events / seconds,
            CORES: (cpu_seconds(process) - used) / seconds,
            MEMORY: resident_bytes(process) / 1024 / 1024,
        }


def _have_happen(server: Server, events: int) -> int:
    assert server.process.stdin is not None
    assert server.process.stdout is not None
    server.process.stdin.write(f"{events}\n")
    server.process.stdin.flush()
    return int(server.process.stdout.readline())


def _wait_until(folder: Path, sql: str, value: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if _ask(folder / "presence.db", sql) >= value:
            return
        time.sleep(0.05)
    raise ProgramFailed(f"the daemon did not come to {value} within {PATIENCE_SECONDS:g} s: {sql}")


def _ask(path: Path, sql: str) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            row = connection.execute(sql).fetchone()
        except sqlite3.OperationalError:  # it is just being made
            return 0
    return int(row[0]) if row else 0


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """The gateway goes on from run to run; each daemon begins anew. Logins take a third of the first run."""
    accounts, per_second, events = (10_000, 1_000, 30_000) if size is Size.FULL else (20, 200, 100)
    with python_server("server_presence", accounts, per_second) as server:
        yield [Contestant(BOTKIT, partial(follow, server, events))]


BENCHMARK = Benchmark(
    id="E20",
    title="presence of 10,000 accounts, 1,000 events a second",
    measures=(Measure(RATE, "1/s"), Measure(CORES, "cores"), Measure(MEMORY, "MiB")),
    targets=(
        Target(Figure(BOTKIT, RATE), at_least=950),
        Target(Figure(BOTKIT, CORES), at_most=1),
        Target(Figure(BOTKIT, MEMORY), at_most=300),
    ),
    contest=contest,
)


def main() -> None:
    """Run it once, and print what came of it."""
    with contest(Size.FULL) as (contestant,):
        for name, value in contestant.run().items():
            print(f"{name}: {value:,.2f}")


if __name__ == "__main__":
    main()
