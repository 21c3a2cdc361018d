"""Stopping in two steps: bots finish what they are at, and then they are stopped."""

from collections.abc import Callable, Sequence

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.app import App

PUT_OFF_SECONDS = 1.0
"""How often the deadline of the stop is put off while bots drain: a loop that is blocked puts off nothing."""

_log: FilteringBoundLogger = structlog.get_logger("botkit.cli")


class DrainingStop:
    """Cancels ``scope`` when it is asked to, at once, or when ``apps`` that run have drained."""

    def __init__(self, apps: Sequence[App]) -> None:
        self.scope = trio.CancelScope()
        self._apps, self._asked, self._running = apps, trio.Event(), False

    def ask(self) -> None:
        """Stop. What is not up yet, or has nothing to finish, is stopped at once."""
        if self._running and any(app.has_drains for app in self._apps):
            self._asked.set()
        else:
            self.scope.cancel()

    async def run(self, put_off: Callable[[], None]) -> None:
        """Wait until asked, and let the apps drain; ``put_off`` puts off the deadline meanwhile."""
        self._running = True
        await self._asked.wait()
        _log.info("stopping: bots finish what they are at; a second signal ends it at once")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_keep_putting_off, put_off)
            async with trio.open_nursery() as draining:
                for app in self._apps:
                    draining.start_soon(app.drain)
            nursery.cancel_scope.cancel()
        put_off()
        self.scope.cancel()


async def _keep_putting_off(put_off: Callable[[], None]) -> None:
    while True:
        put_off()
        await trio.sleep(PUT_OFF_SECONDS)
