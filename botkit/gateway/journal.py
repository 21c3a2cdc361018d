"""What must survive a restart goes through here: batches of changes, made durable by one task.

State lives in memory and is changed at once; the change is appended here, and the answer that promises it waits (in
its peer's outbox) until the store has it. All changes of the time that one commit takes go into the next one, so
the cost by change falls as load grows.
"""

from collections.abc import Awaitable, Callable

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError
from botkit.gateway.counters import Counters
from botkit.gateway.outbox import Outbox
from botkit.stores.changes import Change, size_of
from botkit.stores.gateway import GatewayStore

MAX_PENDING = 100_000
MAX_PENDING_BYTES = 128 * 1024 * 1024
MAX_BATCH = 5_000
RETRY_SECONDS = 1.0

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")


class Journal:
    """Positions count changes: ``position`` is the newest appended, ``committed`` the newest that is durable."""

    def __init__(self, store: GatewayStore, counters: Counters) -> None:
        self._store, self._counters = store, counters
        self._pending: list[Change] = []
        self._pending_bytes = 0
        self._appended = trio.Event()
        self._progress = trio.Event()
        self._held: dict[Outbox, None] = {}
        self.position = 0
        self.committed = 0
        self.trouble = ""
        """Why the store could not write the last time; empty while it can."""
        self.promised = 0
        """The newest position that an answer must wait for."""

    def check_room(self) -> None:
        """Raises ``StoreError`` when the store has fallen so far behind that nothing more should be promised."""
        if len(self._pending) >= MAX_PENDING or self._pending_bytes >= MAX_PENDING_BYTES:
            self._counters.refused_changes.add()
            waiting = f"{len(self._pending)} changes of {self._pending_bytes} bytes"
            raise StoreError("journal", f"{waiting} wait for the store; it does not keep up")

    def append(self, change: Change, *, promise: bool = True) -> None:
        """Take a change. With ``promise`` the answer to the request at hand waits until it is durable."""
        self._pending.append(change)
        self._pending_bytes += size_of(change)
        self.position += 1
        if promise and self._store.durable:
            self.promised = self.position
        self._appended.set()

    def hold(self, outbox: Outbox) -> None:
        """Let nothing more out of ``outbox`` until all that is promised so far is durable."""
        self._hold(outbox, self.promised)

    def hold_newest(self, outbox: Outbox) -> None:
        """Let nothing more out of ``outbox`` until all that was appended so far is durable."""
        if self._store.durable:
            self._hold(outbox, self.position)

    async def run(self, after_commit: Callable[[], Awaitable[None]]) -> None:
        """Commit until cancelled; ``await after_commit()`` sends the answers that a commit let out."""
        while True:
            await self._appended.wait()
            self._appended = trio.Event()
            while self._pending:
                await self._commit()
                self._release()
                await after_commit()

    async def wait_committed(self) -> None:
        """Return when all that was appended is durable; ``run`` must be running."""
        while self._pending:
            await self._progress.wait()

    def _hold(self, outbox: Outbox, position: int) -> None:
        if position > self.committed:
            outbox.hold(position)
            self._held[outbox] = None

    async def _commit(self) -> None:
        batch = self._pending[:MAX_BATCH]
        try:
            await self._store.commit(batch)
        except StoreError as error:
            self._counters.store_errors.add()
            self.trouble = str(error)
            _log.error("the store cannot write; answers wait", error=str(error), pending=len(self._pending))
            await trio.sleep(RETRY_SECONDS)
            return
        del self._pending[: len(batch)]
        self._pending_bytes -= sum(map(size_of, batch))
        self.committed += len(batch)
        self._counters.commits.add()
        self.trouble = ""
        self._progress.set()
        self._progress = trio.Event()

    def _release(self) -> None:
        self._held = {outbox: None for outbox in self._held if not outbox.release(self.committed)}
