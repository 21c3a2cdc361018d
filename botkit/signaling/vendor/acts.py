"""What a session's calls have started: each begins in the order of the calls and runs beside the others."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

import trio

from botkit.errors import ErrorCode, RequestFailed

Work: TypeAlias = Callable[[], Awaitable[None]]

MAX_ACTS = 4096
"""Calls of one session that may be under way."""


class _Act(NamedTuple):
    work: Work
    alone: bool


class Acts:
    """Starts what it is given in ``nursery``, in order.

    A verb of the client hands its request to the connection before it waits for the first time. The next act starts
    only then, so that requests go out in the order of the calls, and none waits for the answer to another.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._waiting: deque[_Act] = deque()
        self._under_way = 0
        self._starting = False

    def start(self, work: Work, *, alone: bool = False) -> None:
        """Start ``work`` after all before it; ``alone`` has those behind it wait until it is done.

        Raises ``RequestFailed`` (1001) when 4096 are under way already.
        """
        if self._under_way >= MAX_ACTS:
            raise RequestFailed(ErrorCode.GENERAL_E_FAILED, f"{MAX_ACTS} calls of this session are under way")
        self._under_way += 1
        self._waiting.append(_Act(work, alone))
        if not self._starting:
            self._starting = True
            self._nursery.start_soon(self._start_all)

    async def _start_all(self) -> None:
        while self._waiting:
            act = self._waiting.popleft()
            if act.alone:
                await self._run(act.work)
            else:
                await self._nursery.start(self._run, act.work)
        self._starting = False

    async def _run(self, work: Work, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()  # does not wait: ``work`` goes on at once, up to where it waits itself
        try:
            await work()
        finally:
            self._under_way -= 1
