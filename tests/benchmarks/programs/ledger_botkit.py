"""How fast a gateway's ledger becomes durable, and how long a start with it takes. Arguments: events, all events."""

import json
import sys
import tempfile
import time
from pathlib import Path

import trio

from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.types import Account, Uid

AT_ONCE = 1000
APP = "benchmarks"


def settings(folder: Path) -> GatewaySettings:
    """A gateway in memory whose store is a file."""
    return GatewaySettings(apps=(AppCredentials(id=APP),), store=f"sqlite:///{folder}/ledger.db")


async def fill(gateway: Gateway, events: int) -> None:
    """Have as many events happen, and wait until all are durable."""
    presence = gateway.hubs[APP].presence
    for number in range(events):
        presence.online(Account(f"user-{number % 5000}"), Uid(number % 5000 + 1))
        if number % AT_ONCE == 0:
            await gateway.journal.wait_committed()
    await gateway.journal.wait_committed()


async def serve_and_fill(folder: Path, events: int) -> tuple[float, float]:
    """Seconds that the start took, and then the events."""
    begin = time.perf_counter()
    async with trio.open_nursery() as nursery:

        async def serve(*, task_status: trio.TaskStatus[Gateway]) -> None:
            await serve_gateway(settings(folder), task_status=task_status)

        gateway: Gateway = await nursery.start(serve)
        started = time.perf_counter()
        await fill(gateway, events)
        filled = time.perf_counter()
        nursery.cancel_scope.cancel()
    return started - begin, filled - started


async def measure(events: int, all_events: int) -> dict[str, float]:
    """Events per second, and the seconds of a start with all of them."""
    with tempfile.TemporaryDirectory() as folder:
        _, took = await serve_and_fill(Path(folder), events)
        await serve_and_fill(Path(folder), all_events - events)
        restart, _ = await serve_and_fill(Path(folder), 0)
    return {"events appended durably": events / took, "start with all events": restart}


if __name__ == "__main__":
    print(json.dumps(trio.run(measure, int(sys.argv[1]), int(sys.argv[2]))))
