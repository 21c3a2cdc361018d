"""A store that is two: one in memory and one in SQLite, which must have the same, whatever was sent."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from botkit.stores.changes import Change, LedgerSlice, Snapshot
from botkit.stores.gateway import GatewayStore, MemoryGatewayStore, open_gateway_store
from botkit.types import AppId


class TwinStore:
    """Writes to both, and reads what both agree on. Made by ``open_twin_store``."""

    durable = True

    def __init__(self, sqlite: GatewayStore) -> None:
        self._memory, self._sqlite = MemoryGatewayStore(), sqlite
        self.changes = 0

    async def load(self) -> Snapshot:
        """See ``GatewayStore.load``."""
        snapshot = await self._memory.load()
        assert await self._sqlite.load() == snapshot
        return snapshot

    async def commit(self, changes: Sequence[Change]) -> None:
        """See ``GatewayStore.commit``."""
        await self._sqlite.commit(changes)
        await self._memory.commit(changes)
        self.changes += len(changes)

    async def read_ledger(self, app: AppId, after: int, limit: int, most_bytes: int) -> LedgerSlice:
        """See ``GatewayStore.read_ledger``."""
        found = await self._memory.read_ledger(app, after, limit, most_bytes)
        assert await self._sqlite.read_ledger(app, after, limit, most_bytes) == found
        return found

    async def aclose(self) -> None:
        """See ``GatewayStore.aclose``."""
        await self._sqlite.aclose()


@asynccontextmanager
async def open_twin_store() -> AsyncIterator[TwinStore]:
    """An empty one; its SQLite half is in memory, so that virtual time stands still while it works."""
    async with open_gateway_store("sqlite://") as sqlite:
        yield TwinStore(sqlite)
