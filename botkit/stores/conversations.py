"""What bots keep of their conversations, so that a restart finds it again."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from botkit.errors import StoreError
from botkit.stores.batches import BatchWriter
from botkit.stores.sqlite import Database, SqlValue

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS conversations (
        app TEXT NOT NULL, bot TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, channel TEXT NOT NULL,
        state BLOB NOT NULL, deadline_ms INTEGER NOT NULL,
        PRIMARY KEY (app, bot, kind, account, channel)
    ) WITHOUT ROWID""",
)

_SAVE = "INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?)"
_REMOVE = "DELETE FROM conversations WHERE app = ? AND bot = ? AND kind = ? AND account = ? AND channel = ?"
_LOAD = "SELECT kind, account, channel, state, deadline_ms FROM conversations WHERE app = ? AND bot = ?"


class Owner(Struct, frozen=True):
    """Whose conversations: a bot, by the account that it runs under, in an app."""

    app: str
    bot: str


class ConversationKey(Struct, frozen=True):
    """Which conversation of its owner: its kind, with whom, and where (empty: in private)."""

    kind: str
    account: str
    channel: str


class StoredConversation(Struct, frozen=True):
    """One conversation: its state as JSON, and when it times out, in milliseconds since 1970."""

    key: ConversationKey
    state: bytes
    deadline_ms: int


class ConversationStore(Protocol):
    """Keeps conversations. A call that returned has done it for good, as far as the store is ``durable``."""

    durable: bool

    async def load(self, owner: Owner) -> Sequence[StoredConversation]:
        """All that the owner has. Raises ``StoreError``."""
        ...

    async def save(self, owner: Owner, conversation: StoredConversation) -> None:
        """Keep it, instead of what was there under its key. Raises ``StoreError``. A cancel leaves either."""
        ...

    async def remove(self, owner: Owner, key: ConversationKey) -> None:
        """Keep it no more. Raises ``StoreError``. A cancel leaves it kept, or not."""
        ...


class MemoryConversationStore:
    """A ``ConversationStore`` that ends with the process."""

    durable = False

    def __init__(self) -> None:
        self._owners: dict[Owner, dict[ConversationKey, StoredConversation]] = {}

    async def load(self, owner: Owner) -> Sequence[StoredConversation]:
        """See ``ConversationStore.load``."""
        return tuple(self._owners.get(owner, {}).values())

    async def save(self, owner: Owner, conversation: StoredConversation) -> None:
        """See ``ConversationStore.save``."""
        self._owners.setdefault(owner, {})[conversation.key] = conversation

    async def remove(self, owner: Owner, key: ConversationKey) -> None:
        """See ``ConversationStore.remove``."""
        self._owners.get(owner, {}).pop(key, None)


class SqliteConversationStore:
    """A ``ConversationStore`` in the table ``conversations`` of a database that was opened with ``SCHEMA``."""

    durable = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writer = BatchWriter(database)

    async def load(self, owner: Owner) -> Sequence[StoredConversation]:
        """See ``ConversationStore.load``."""
        rows = await self._database.fetch(_LOAD, (owner.app, owner.bot))
        return tuple(self._read(row) for row in rows)

    async def save(self, owner: Owner, conversation: StoredConversation) -> None:
        """See ``ConversationStore.save``."""
        values = (*_names(owner, conversation.key), conversation.state, conversation.deadline_ms)
        await self._writer.write([(_SAVE, values)])

    async def remove(self, owner: Owner, key: ConversationKey) -> None:
        """See ``ConversationStore.remove``."""
        await self._writer.write([(_REMOVE, _names(owner, key))])

    def _read(self, row: Sequence[SqlValue]) -> StoredConversation:
        match row:
            case [str(kind), str(account), str(channel), bytes(state), int(deadline_ms)]:
                return StoredConversation(ConversationKey(kind, account, channel), state, deadline_ms)
            case _:
                raise StoreError(self._database.url, f"table conversations holds a row that is none: {row!r}")


def _names(owner: Owner, key: ConversationKey) -> tuple[str, str, str, str, str]:
    return owner.app, owner.bot, key.kind, key.account, key.channel
