"""A gateway whose store does not keep up: it refuses what it could not keep, and says so."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from unittest.mock import patch

import msgspec
import trio
from trio.testing import wait_all_tasks_blocked

from botkit.gateway import journal
from botkit.gateway.settings import AppCredentials
from botkit.stores.gateway import Change, MemoryGatewayStore
from botkit.testing import WirePeer
from botkit.types import JsonObject
from tests.vendor_api.people import TEST_CREDENTIALS, World, open_world

MANY_CHANGES = 20
"""More than that wait for nothing; really there have to be 100,000."""


class SlowStore(MemoryGatewayStore):
    """A durable store that can be made to take for ever."""

    durable = True

    def __init__(self) -> None:
        super().__init__()
        self.quick = trio.Event()
        self.quick.set()

    async def commit(self, changes: Sequence[Change]) -> None:
        """See ``GatewayStore.commit``."""
        await self.quick.wait()
        await super().commit(changes)


class Overload:
    """Brings a gateway to its bound, and back: ``busy`` changes more than its store takes."""

    def __init__(self, busy: WirePeer, store: SlowStore) -> None:
        self._busy, self._store = busy, store

    async def begin(self) -> None:
        """From now on more waits for the store than may."""
        self._store.quick = trio.Event()
        for number in range(2 * MANY_CHANGES):
            arguments: JsonObject = {"line": self._busy.line, "name": f"name-{number}", "value": "x"}
            await self._busy.send(msgspec.json.encode(["call2", ["user_set_attr", number, arguments]]))
        await wait_all_tasks_blocked()

    def end(self) -> None:
        """The store catches up."""
        self._store.quick.set()


@asynccontextmanager
async def open_overloadable(
    apps: tuple[AppCredentials, ...] = (TEST_CREDENTIALS,),
) -> AsyncIterator[tuple[World, Overload]]:
    """A world, and what brings its gateway to its bound."""
    store = SlowStore()
    async with open_world(apps=apps, store=store) as world, WirePeer.connect(world.gateway.connector, "busy") as busy:
        overload = Overload(busy, store)
        with patch.object(journal, "MAX_PENDING", MANY_CHANGES):
            yield world, overload
        overload.end()
