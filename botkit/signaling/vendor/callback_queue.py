"""Callbacks of one session: one after another, in order, in a task of their own."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog
import trio
from structlog.typing import FilteringBoundLogger

CallbackResult: TypeAlias = Awaitable[None] | None
"""A callback is a plain function or an async one."""

Callback: TypeAlias = Callable[[], CallbackResult]

CAPACITY = 256
"""Callbacks of one session that may wait; who has more to tell waits, and the session's event buffer fills."""

_log: FilteringBoundLogger = structlog.get_logger("botkit.signaling")


class CallbackQueue:
    """Runs callbacks in ``nursery``. A slow one holds up those behind it and nothing else.

    The task lives only while there is something to run, so that a session that is over leaves none behind.
    """

    def __init__(self, nursery: trio.Nursery, account: str) -> None:
        self._nursery = nursery
        self._account = account
        self._send, self._receive = trio.open_memory_channel[Callback](CAPACITY)
        self._running = False
        self._idle = trio.Event()
        self._idle.set()
        self.errors = 0

    async def put(self, callback: Callback) -> None:
        """Have ``callback`` run after all before it; waits for room, not for the callback. A cancel drops it."""
        await self._send.send(callback)
        if not self._running:
            self._running = True
            self._idle = trio.Event()
            self._nursery.start_soon(self._run)

    async def wait_idle(self) -> None:
        """Return when every callback so far has run."""
        await self._idle.wait()

    async def _run(self) -> None:
        try:
            while True:
                await self._call(self._receive.receive_nowait())
        except trio.WouldBlock:
            pass
        finally:
            self._running = False
            self._idle.set()

    async def _call(self, callback: Callback) -> None:
        try:
            result = callback()
            if result is not None:
                await result
        except Exception as error:  # noqa: BLE001 - the border: an application's mistake is its own
            self.errors += 1
            _log.error("a callback failed", account=self._account, exc_info=error)
        await trio.lowlevel.checkpoint()
