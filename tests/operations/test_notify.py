"""What systemd is told, at a socket like its own."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit.operations.notify import ServiceManager

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no such sockets")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def told(systemd: socket.socket) -> list[str]:
    messages = []
    try:
        while True:
            messages.append(systemd.recv(4096).decode())
    except BlockingIOError:
        return messages


async def test_each_state_is_told(systemd: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.getsockname()})
    manager.ready("2 bots")
    manager.reloading()
    manager.stopping()
    await manager.keep_alive()
    ready, reloading, stopping = told(systemd)
    assert ready == "READY=1\nSTATUS=2 bots"
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert stopping == "STOPPING=1\nSTATUS=stopping"


async def test_the_watchdog_is_told_twice_in_its_time(systemd: socket.socket, autojump_clock: MockClock) -> None:
    environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}
    with trio.move_on_after(35):
        await ServiceManager(environ).keep_alive()
    assert told(systemd) == ["WATCHDOG=1"] * 4
    await ServiceManager({**environ, "WATCHDOG_PID": "1"}).keep_alive()  # another process is watched
    assert told(systemd) == []


@pytest.mark.skipif(not os.path.exists("/proc"), reason="abstract names are Linux's")
def test_abstract_names() -> None:
    name = f"botkit-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.setblocking(False)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert told(listener) == ["READY=1"]


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    with capture_logs() as logs:
        ServiceManager({}).ready()
        assert logs == []
        ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert logs[0]["event"] == "systemd does not take what it is told"
