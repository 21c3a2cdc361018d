"""Several apps in one process, side by side."""

from collections.abc import Sequence

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.app import App
from botkit.errors import ActorError

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


async def run_apps(apps: Sequence[App], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Run ``apps``, each as ``App.run`` does; started when each of them is.

    An app whose last bot is gone is logged, and the others go on. Raises ``ActorError`` when none is left. A cancel
    stops all at the same time. Where there are several, logs tell the ``app``.
    """
    if len(apps) == 1:
        await apps[0].run(task_status=task_status)
        return
    ends: list[str] = []

    async def run(app: App, *, task_status: trio.TaskStatus[None]) -> None:
        structlog.contextvars.bind_contextvars(app=app.signal.app_id)  # for this task and those that it starts
        try:
            await app.run(task_status=task_status)
        except ActorError as error:
            _log.error("an app has ended", error=str(error))
            ends.append(f"app {app.signal.app_id}: {error}")

    async with trio.open_nursery() as running:
        async with trio.open_nursery() as starting:
            for app in apps:
                starting.start_soon(running.start, run, app)
        task_status.started()
    raise ActorError("; ".join(ends))
