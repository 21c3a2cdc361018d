"""R4: instant messages from one client through the gateway to another; both clients in one process.

The vendor's limit of 60 messages per second is lifted for it. The gateway is the same for both kinds of clients.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.benchmarks.launching import run_for_figures
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Measure, Size, Target
from tests.benchmarks.servers import APP_ID, unlimited_gateway
from tests.vendor.packages import python_packages

RATE, CPU = "messages", "CPU of both clients"
VENDOR = "vendor's Python SDK"


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """One gateway for both."""
    messages = 2000 if size is Size.FULL else 40
    python = python_packages()
    with unlimited_gateway() as server:
        arguments = server.port, APP_ID, messages
        yield [
            Contestant(BOTKIT, lambda: run_for_figures("instants_botkit", *arguments)),
            Contestant(VENDOR, lambda: run_for_figures("instants_vendor", *arguments, python=python)),
        ]


BENCHMARK = Benchmark(
    id="R4",
    title="instant messages from client to client",
    measures=(Measure(RATE, "1/s"), Measure(CPU, "µs CPU")),
    targets=(Target(Figure(BOTKIT, RATE), Figure(VENDOR, RATE), at_least=3.0),),
    contest=contest,
)
