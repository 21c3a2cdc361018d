"""One suite for every store of conversations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from botkit.errors import StoreError
from botkit.stores.conversations import (
    SCHEMA,
    ConversationKey,
    ConversationStore,
    MemoryConversationStore,
    Owner,
    SqliteConversationStore,
    StoredConversation,
)
from botkit.stores.sqlite import open_database

OWNER = Owner("app", "pizza")
KEY = ConversationKey("Order", "ann", "lobby")


@asynccontextmanager
async def open_store(kind: str, folder: Path) -> AsyncIterator[ConversationStore]:
    if kind == "memory":
        yield MemoryConversationStore()
        return
    url = "sqlite://" if kind == "sqlite in memory" else f"sqlite:///{folder}/conversations.db"
    async with open_database(url, SCHEMA) as database:
        yield SqliteConversationStore(database)


STORES = pytest.mark.parametrize("kind", ["memory", "sqlite in memory", "sqlite"])


@STORES
async def test_what_is_saved_is_found_and_what_is_removed_is_not(kind: str, tmp_path: Path) -> None:
    async with open_store(kind, tmp_path) as store:
        first, second = StoredConversation(KEY, b'{"size":"L"}', 5), StoredConversation(KEY, b"{}", 2**53)
        elsewhere = StoredConversation(ConversationKey("Order", "ann", ""), b"{}", 1)
        await store.save(OWNER, first)
        await store.save(OWNER, elsewhere)
        await store.save(Owner("app", "pasta"), first)
        await store.save(OWNER, second)
        assert set(await store.load(OWNER)) == {second, elsewhere}
        await store.remove(OWNER, KEY)
        await store.remove(OWNER, KEY)
        assert await store.load(OWNER) == (elsewhere,)
        assert await store.load(Owner("app", "pasta")) == (first,)
        assert await store.load(Owner("other", "pizza")) == ()


async def test_the_file_outlives_the_process(tmp_path: Path) -> None:
    saved = StoredConversation(KEY, b"{}", 7)
    async with open_store("sqlite", tmp_path) as store:
        await store.save(OWNER, saved)
    async with open_store("sqlite", tmp_path) as store:
        assert await store.load(OWNER) == (saved,)


async def test_many_at_once_take_few_transactions_and_keep_their_order(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/busy.db", SCHEMA) as database:
        store = SqliteConversationStore(database)
        async with trio.open_nursery() as nursery:
            for number in range(2500):
                nursery.start_soon(store.save, OWNER, StoredConversation(KEY, b"%d" % number, number))
                nursery.start_soon(
                    store.save, OWNER, StoredConversation(ConversationKey("Order", f"user{number}", ""), b"{}", 0)
                )
        loaded = {one.key: one for one in await store.load(OWNER)}
        assert len(loaded) == 2501
        # Tasks that start together run in no particular order; but the table has one whole state, not a mixture.
        assert loaded[KEY].state == b"%d" % loaded[KEY].deadline_ms
        assert store._writer.transactions <= 10


async def test_a_batch_that_fails_fails_for_all_of_it(tmp_path: Path) -> None:
    failed = []

    async with open_database(f"sqlite:///{tmp_path}/no-table.db") as database:
        store = SqliteConversationStore(database)

        async def save(number: int) -> None:
            try:
                await store.save(OWNER, StoredConversation(KEY, b"{}", number))
            except StoreError as error:
                failed.append(error.problem)

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(save, number)
    assert failed == ["no such table: conversations"] * 5


async def test_a_cancel_leaves_the_others_of_the_batch_written(tmp_path: Path) -> None:
    async with open_store("sqlite", tmp_path) as store, trio.open_nursery() as nursery:

        async def save_and_be_cancelled(account: str) -> None:
            with trio.CancelScope() as scope:
                scope.cancel()
                await store.save(OWNER, StoredConversation(ConversationKey("Order", account, ""), b"{}", 0))

        async with trio.open_nursery() as together:
            together.start_soon(save_and_be_cancelled, "ann")
            for account in ("bob", "eve"):
                kept = StoredConversation(ConversationKey("Order", account, ""), b"{}", 0)
                together.start_soon(store.save, OWNER, kept)
        accounts = {one.key.account for one in await store.load(OWNER)}
        assert accounts >= {"bob", "eve"}
        nursery.cancel_scope.cancel()
