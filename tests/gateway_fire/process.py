"""The real ``botkit gateway`` in a process of its own, to be killed and started again on the same store and port."""

import os
import random
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from botkit.testing import TEST_APP

COMMAND = (str(Path(sys.executable).with_name("botkit")),)
SLOW_DISK_COMMAND = (sys.executable, str(Path(__file__).with_name("slow_disk.py")))
START_SECONDS = 120
APP = TEST_APP


def free_port() -> int:
    """A port that is free now, and below those that the system gives to clients: one of thousands of clients that
    look for a gateway that is down would else meet itself there.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def raise_file_limit(files: int) -> None:
    """Let this process, and those that it starts, have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


class GatewayProcess:
    """Made by ``open_gateway_process``."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._folder, self._command = folder, command
        self._port = free_port()
        self._process: trio.Process | None = None
        self.url = f"ws://127.0.0.1:{self._port}/"
        self.starts = 0

    @property
    def log(self) -> str:
        """All that was said on standard error, in all lives."""
        return (self._folder / "gateway.log").read_text()

    async def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        self.starts += 1
        arguments = ["--app-id", APP, "--listen", f"127.0.0.1:{self._port}", "--http", "127.0.0.1:0"]
        arguments += ["--store", f"sqlite:///{self._folder}/gateway.db", "--server-account", "server-*"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BOTKIT_")}
        with (self._folder / "gateway.log").open("a") as log:
            self._process = await trio.lowlevel.open_process(
                [*self._command, "gateway", *arguments], stdout=subprocess.PIPE, stderr=log, env=environment
            )
        said = b""
        with trio.fail_after(START_SECONDS):
            while b"\n" not in said:
                assert self._process.stdout is not None
                more = await self._process.stdout.receive_some()
                assert more, f"the gateway ended at its start: {self.log}"
                said += more

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        with trio.fail_after(START_SECONDS):
            return await process.wait()

    async def aclose(self) -> None:
        """End it if it still runs."""
        if self._process is not None:
            with trio.CancelScope(shield=True):
                await self.kill()


@asynccontextmanager
async def open_gateway_process(folder: Path, command: Sequence[str] = COMMAND) -> AsyncIterator[GatewayProcess]:
    """A gateway that keeps its store in ``folder``, running until the end of the block."""
    gateway = GatewayProcess(folder, command)
    try:
        await gateway.start()
        yield gateway
    finally:
        await gateway.aclose()
