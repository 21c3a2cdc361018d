"""Tells systemd how the process is: ready, reloading, stopping, alive. By the protocol of sd_notify(3), a line a fact.

Without systemd, or in a unit of another type than ``notify``, there is no socket to tell, and nothing happens.
"""

import os
import socket
import time
from collections.abc import Mapping

import structlog
import trio
from structlog.typing import FilteringBoundLogger

_log: FilteringBoundLogger = structlog.get_logger("botkit.operations")


class ServiceManager:
    """Whoever started this process as a service, if anybody did: ``environ`` says where it listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):
            self._address = f"\0{self._address[1:]}"  # Linux's abstract names
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog_us = int(environ.get("WATCHDOG_USEC") or 0) if mine else 0

    def ready(self, status: str = "") -> None:
        """It has started, or has read its configuration again; ``status`` is for ``systemctl status``."""
        self._tell("READY=1", *([f"STATUS={status}"] if status else []))

    def reloading(self) -> None:
        """It reads its configuration again; ``ready`` says when that is done."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It has begun to stop."""
        self._tell("STOPPING=1", "STATUS=stopping")

    async def keep_alive(self) -> None:
        """Say twice in each period of ``WatchdogSec=`` that the loop turns, until cancelled. Without one: at once."""
        if not self._address or not self._watchdog_us:
            return
        while True:
            self._tell("WATCHDOG=1")
            await trio.sleep(self._watchdog_us / 2e6)

    def _tell(self, *facts: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(facts).encode(), self._address)
        except OSError as error:
            _log.warning("systemd does not take what it is told", facts=facts, error=str(error))
