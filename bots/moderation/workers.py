"""Workers: what has to be written and done about people, behind the judging, which has no time to wait for it."""

from collections.abc import Awaitable, Callable
from zlib import crc32

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit import StoreError
from bots.moderation.meters import ModerationMeters

WORKERS = 4
QUEUE = 1_000
"""Jobs that may wait for one worker."""

Job = Callable[[], Awaitable[None]]
_log: FilteringBoundLogger = structlog.get_logger("bots.moderation")


class Workers:
    """A few tasks. Jobs of one key are done in their order; a job that finds its queue full is left out, loudly."""

    def __init__(self, nursery: trio.Nursery, meters: ModerationMeters) -> None:
        self._meters = meters
        self._queues: list[trio.MemorySendChannel[Job]] = []
        for _ in range(WORKERS):
            send, receive = trio.open_memory_channel[Job](QUEUE)
            self._queues.append(send)
            nursery.start_soon(self._work, receive)

    def post(self, key: str, what: str, job: Job) -> bool:
        """Have ``job`` done after all others of ``key``; False when there is no room. ``what`` is for the log."""
        try:
            self._queues[crc32(key.encode(errors="surrogatepass")) % WORKERS].send_nowait(job)
        except trio.WouldBlock:
            self._meters.left_out.add_for(what)
            _log.error("left out: too much is waiting to be done", what=what, key=key, waiting=QUEUE)
            return False
        return True

    @property
    def waiting(self) -> int:
        """Jobs that no worker has begun with."""
        return sum(queue.statistics().current_buffer_used for queue in self._queues)

    async def _work(self, jobs: trio.MemoryReceiveChannel[Job]) -> None:
        async for job in jobs:
            try:
                await job()
            except StoreError as error:
                self._meters.left_out.add_for("unwritten")
                _log.error("nothing was done, since it could not be written down", problem=str(error))
