"""The store behind a gateway: load once, commit changes, close.

The gateway keeps its working state in memory and reads from there; the store is for what must survive the
process. So the interface has one read, at the start, and one write that takes whatever one tick changed.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from botkit.errors import ConfigError
from botkit.stores.changes import (
    AccountSeen,
    Change,
    ChannelAttributeDeleted,
    ChannelAttributesCleared,
    ChannelAttributeSet,
    ChannelDestroyed,
    ChannelEmptied,
    HoldLifted,
    HoldSet,
    InboxAdvanced,
    InboxSnapshot,
    LedgerAppended,
    LedgerBlock,
    LedgerSlice,
    LedgerSnapshot,
    LedgerStarted,
    LedgerTrimmed,
    MemberPutOut,
    MessagesAcknowledged,
    MessagesExpired,
    MessageStored,
    PutOutForgotten,
    SanctionLifted,
    SanctionSet,
    SessionClosed,
    SessionMoved,
    SessionOpened,
    SessionSnapshot,
    Snapshot,
    UserAttributeSet,
)
from botkit.stores.gateway_memory import MemoryGatewayStore
from botkit.stores.gateway_sqlite import open_sqlite_gateway_store
from botkit.stores.sqlite import sqlite_path
from botkit.types import AppId

__all__ = [
    "AccountSeen",
    "Change",
    "ChannelAttributeDeleted",
    "ChannelAttributeSet",
    "ChannelAttributesCleared",
    "ChannelDestroyed",
    "ChannelEmptied",
    "GatewayStore",
    "HoldLifted",
    "HoldSet",
    "InboxAdvanced",
    "InboxSnapshot",
    "LedgerAppended",
    "LedgerBlock",
    "LedgerSlice",
    "LedgerSnapshot",
    "LedgerStarted",
    "LedgerTrimmed",
    "MemberPutOut",
    "MemoryGatewayStore",
    "MessageStored",
    "MessagesAcknowledged",
    "MessagesExpired",
    "PutOutForgotten",
    "SanctionLifted",
    "SanctionSet",
    "SessionClosed",
    "SessionMoved",
    "SessionOpened",
    "SessionSnapshot",
    "Snapshot",
    "UserAttributeSet",
    "check_gateway_store_url",
    "open_gateway_store",
]

MEMORY_URL = "memory:"


class GatewayStore(Protocol):
    """What a gateway asks of a store. Every implementation passes ``tests/stores/test_gateway_store.py``."""

    @property
    def durable(self) -> bool:
        """True when a commit that returned survives the process, kill -9 included."""

    async def load(self) -> Snapshot:
        """Everything committed so far; the caller owns the answer. Raises ``StoreError``."""

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write ``changes`` in their order, all or none; on return they are as safe as the store makes them.

        Raises ``StoreError``, and then none of them is written. A cancel while other commits are ahead of
        this one leaves nothing written; once the write has begun it runs to its end.
        """

    async def read_ledger(self, app: AppId, after: int, limit: int, most_bytes: int) -> LedgerSlice:
        """At most ``limit`` events of ``app`` with numbers above ``after``, up to the one that reaches ``most_bytes``.

        Raises ``StoreError``; a cancel is safe.
        """

    async def aclose(self) -> None:
        """Close the store; what was committed stays. Closing twice is fine."""


def check_gateway_store_url(url: str, key: str = "gateway.store") -> None:
    """Raises ``ConfigError`` naming ``key`` unless :func:`open_gateway_store` takes ``url``; opens nothing."""
    if url == MEMORY_URL:
        return
    try:
        sqlite_path(url)
    except ConfigError:
        raise ConfigError(
            f"{url!r} names no store",
            key=key,
            hint=f"use {MEMORY_URL!r}, 'sqlite:///relative/path.db' or 'sqlite:////absolute/path.db'",
        ) from None


@asynccontextmanager
async def open_gateway_store(url: str) -> AsyncIterator[GatewayStore]:
    """The gateway store that ``url`` names, open inside the ``async with``.

    ``memory:`` keeps nothing beyond the process; ``sqlite:///relative/path`` and ``sqlite:////absolute/path``
    keep all in that file, whose folders are created. Raises ``ConfigError`` for any other URL and
    ``StoreError`` when the file cannot be used.
    """
    check_gateway_store_url(url)
    if url == MEMORY_URL:
        yield MemoryGatewayStore()
        return
    async with open_sqlite_gateway_store(url) as store:
        yield store
