"""5,000 sessions lose their gateway at once, and all come back to where they were."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from botkit.signaling import Signal
from botkit.testing import TEST_APP
from tests.gateway_fire.process import open_gateway_process, raise_file_limit

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).with_name("storm_clients.py")
PROCESSES = 2
SESSIONS = 5000
ROOM_SIZE = 10
PATIENCE_SECONDS = 600
"""On two free cores it takes a minute at most; a busy machine is no bug."""


class Clients:
    """One process full of them."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._said = b""

    async def report(self) -> dict[str, float]:
        """The next thing that it says of itself."""
        assert self._process.stdout is not None
        while b"\n" not in self._said:
            more = await self._process.stdout.receive_some()
            assert more, "the clients ended"
            self._said += more
        line, self._said = self._said.split(b"\n", 1)
        report: dict[str, float] = json.loads(line)
        return report


@asynccontextmanager
async def open_clients(url: str, first: int, count: int) -> AsyncIterator[Clients]:
    """``count`` sessions in a process of their own, until the end of the block."""
    process = await trio.lowlevel.open_process(
        [sys.executable, CLIENTS, url, str(first), str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Clients(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


@pytest.mark.row("G18", "G07", "G08")
async def test_a_storm_comes_back_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raise_file_limit(SESSIONS + 1000)
    half = SESSIONS // PROCESSES
    with trio.fail_after(PATIENCE_SECONDS):
        async with (
            open_gateway_process(tmp_path) as gateway,
            open_clients(gateway.url, 0, half) as first,
            open_clients(gateway.url, half, half) as second,
        ):
            entered = [await clients.report() for clients in (first, second)]
            killed = trio.current_time()
            await gateway.kill()
            await gateway.start()
            down = trio.current_time() - killed
            back = [await clients.report() for clients in (first, second)]
            for report in back:
                assert (report["back"], report["in their channel"]) == (half, half)
            async with Signal(TEST_APP, gateway.url).open_session("server-auditor") as auditor:
                where = {online.account: online.channel for online in await auditor.list_online()}
            assert all(where[f"user-{number}"] == f"room-{number // ROOM_SIZE}" for number in range(SESSIONS))
    assert "Traceback" not in gateway.log
    with capsys.disabled():
        print(
            f"\n{SESSIONS} sessions in {PROCESSES} processes: in after {max(r['seconds'] for r in entered):.1f} s;"
            f" gateway down for {down:.1f} s; all back {max(r['seconds'] for r in back):.1f} s after the kill,"
            f" {sum(r['resumed'] for r in back):.0f} resumed,"
            f" {sum(r['more than once'] for r in back):.0f} more than once"
        )
