"""The gateway store in one SQLite file: what was committed survives kill -9."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from botkit.errors import StoreError
from botkit.stores.changes import (
    LEDGER_BLOCK,
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
    SanctionKind,
    SanctionLifted,
    SanctionSet,
    SessionClosed,
    SessionMoved,
    SessionOpened,
    SessionSnapshot,
    Snapshot,
    UserAttributeSet,
)
from botkit.stores.lock import FileLock, acquire_lock
from botkit.stores.sqlite import Database, SqlParameters, SqlValue, open_database, sqlite_path
from botkit.types import Account, AppId, ChannelName, Line, Uid

LOCK_SUFFIX = "-lock"
"""Of the empty file beside the database, like SQLite's own ``-wal`` and ``-shm``."""

IN_USE = "another gateway has it open; stop that one, or give this one a file of its own"

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS gateway_accounts (
        app TEXT NOT NULL, account TEXT NOT NULL, uid INTEGER NOT NULL, PRIMARY KEY (app, account))""",
    """CREATE TABLE IF NOT EXISTS gateway_user_attributes (
        app TEXT NOT NULL, account TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (app, account, name))""",
    """CREATE TABLE IF NOT EXISTS gateway_channel_attributes (
        app TEXT NOT NULL, channel TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (app, channel, name))""",
    """CREATE TABLE IF NOT EXISTS gateway_emptied_channels (
        app TEXT NOT NULL, channel TEXT NOT NULL, ms INTEGER NOT NULL, PRIMARY KEY (app, channel))""",
    """CREATE TABLE IF NOT EXISTS gateway_put_out (
        app TEXT NOT NULL, channel TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (app, channel, account))""",
    """CREATE TABLE IF NOT EXISTS gateway_inboxes (
        app TEXT NOT NULL, account TEXT NOT NULL, acknowledged INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (app, account))""",
    """CREATE TABLE IF NOT EXISTS gateway_messages (
        app TEXT NOT NULL, account TEXT NOT NULL, version INTEGER NOT NULL, line TEXT NOT NULL,
        expires_ms INTEGER NOT NULL, PRIMARY KEY (app, account, version))""",
    "CREATE INDEX IF NOT EXISTS gateway_messages_by_expiry ON gateway_messages (expires_ms)",
    """CREATE TABLE IF NOT EXISTS gateway_sessions (
        app TEXT NOT NULL, account TEXT NOT NULL, line TEXT NOT NULL, server INTEGER NOT NULL,
        resumable INTEGER NOT NULL, expires_ms INTEGER NOT NULL, channel TEXT NOT NULL,
        proof TEXT NOT NULL DEFAULT '', PRIMARY KEY (app, account))""",
    "CREATE TABLE IF NOT EXISTS gateway_ledgers (app TEXT PRIMARY KEY, epoch TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS gateway_ledger (
        app TEXT NOT NULL, seq INTEGER NOT NULL, stream TEXT NOT NULL, ms INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (app, seq)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS gateway_ledger_last (
        app TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (app, stream)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS gateway_holds (
        app TEXT NOT NULL, channel TEXT NOT NULL, moderator TEXT NOT NULL, budget_ms INTEGER NOT NULL,
        open_on_silence INTEGER NOT NULL, PRIMARY KEY (app, channel))""",
    """CREATE TABLE IF NOT EXISTS gateway_sanctions (
        app TEXT NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL, channel TEXT NOT NULL, until_ms INTEGER NOT NULL,
        reason TEXT NOT NULL, moderator TEXT NOT NULL, PRIMARY KEY (app, kind, account, channel))""",
)

# The placeholders are the names of the change's fields.
_SQL: dict[type[Change], tuple[str, ...]] = {
    AccountSeen: (
        """INSERT INTO gateway_accounts VALUES (:app, :account, :uid)
           ON CONFLICT DO UPDATE SET uid = excluded.uid""",
    ),
    UserAttributeSet: (
        """INSERT INTO gateway_user_attributes VALUES (:app, :account, :name, :value)
           ON CONFLICT DO UPDATE SET value = excluded.value""",
    ),
    ChannelAttributeSet: (
        """INSERT INTO gateway_channel_attributes VALUES (:app, :channel, :name, :value)
           ON CONFLICT DO UPDATE SET value = excluded.value""",
    ),
    ChannelAttributeDeleted: (
        "DELETE FROM gateway_channel_attributes WHERE app = :app AND channel = :channel AND name = :name",
    ),
    ChannelAttributesCleared: ("DELETE FROM gateway_channel_attributes WHERE app = :app AND channel = :channel",),
    ChannelEmptied: (
        "DELETE FROM gateway_emptied_channels WHERE app = :app AND channel = :channel",
        "INSERT INTO gateway_emptied_channels SELECT :app, :channel, :ms WHERE :ms <> 0",
    ),
    ChannelDestroyed: (
        "DELETE FROM gateway_channel_attributes WHERE app = :app AND channel = :channel",
        "DELETE FROM gateway_emptied_channels WHERE app = :app AND channel = :channel",
        "DELETE FROM gateway_put_out WHERE app = :app AND channel = :channel",
    ),
    MemberPutOut: ("INSERT OR REPLACE INTO gateway_put_out VALUES (:app, :channel, :account)",),
    PutOutForgotten: ("DELETE FROM gateway_put_out WHERE app = :app AND channel = :channel AND account = :account",),
    MessageStored: (
        """INSERT INTO gateway_messages VALUES (:app, :account, :version, :line, :expires_ms)
           ON CONFLICT DO UPDATE SET line = excluded.line, expires_ms = excluded.expires_ms""",
        """INSERT INTO gateway_inboxes VALUES (:app, :account, 0, :version)
           ON CONFLICT DO UPDATE SET last = max(last, excluded.last)""",
    ),
    InboxAdvanced: (
        """INSERT INTO gateway_inboxes VALUES (:app, :account, 0, :version)
           ON CONFLICT DO UPDATE SET last = max(last, excluded.last)""",
    ),
    MessagesAcknowledged: (
        "DELETE FROM gateway_messages WHERE app = :app AND account = :account AND version <= :version",
        """INSERT INTO gateway_inboxes VALUES (:app, :account, :version, 0)
           ON CONFLICT DO UPDATE SET acknowledged = max(acknowledged, excluded.acknowledged)""",
    ),
    MessagesExpired: (
        "DELETE FROM gateway_messages WHERE expires_ms <= :ms",
        """DELETE FROM gateway_inboxes AS inbox
           WHERE NOT EXISTS (SELECT 1 FROM gateway_accounts WHERE app = inbox.app AND account = inbox.account)
           AND NOT EXISTS (SELECT 1 FROM gateway_messages WHERE app = inbox.app AND account = inbox.account)""",
    ),
    SessionOpened: (
        """INSERT OR REPLACE INTO gateway_sessions
           VALUES (:app, :account, :line, :server, :resumable, :expires_ms, '', :proof)""",
    ),
    SessionMoved: ("UPDATE gateway_sessions SET channel = :channel WHERE app = :app AND account = :account",),
    SessionClosed: ("DELETE FROM gateway_sessions WHERE app = :app AND account = :account",),
    LedgerStarted: ("INSERT OR IGNORE INTO gateway_ledgers VALUES (:app, :epoch)",),
    LedgerAppended: (
        "INSERT OR REPLACE INTO gateway_ledger VALUES (:app, :seq, :stream, :ms, :text)",
        """INSERT INTO gateway_ledger_last VALUES (:app, :stream, :seq)
           ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)""",
    ),
    LedgerTrimmed: (
        """DELETE FROM gateway_ledger WHERE app = :app AND (seq <= :seq OR ms < :before_ms)
           AND seq < (SELECT max(seq) FROM gateway_ledger WHERE app = :app)""",
    ),
    HoldSet: (
        "INSERT OR REPLACE INTO gateway_holds VALUES (:app, :channel, :moderator, :budget_ms, :open_on_silence)",
    ),
    HoldLifted: ("DELETE FROM gateway_holds WHERE app = :app AND channel = :channel",),
    SanctionSet: (
        """INSERT INTO gateway_sanctions VALUES (:app, :kind, :account, :channel, :until_ms, :reason, :moderator)
           ON CONFLICT DO UPDATE
           SET until_ms = excluded.until_ms, reason = excluded.reason, moderator = excluded.moderator""",
    ),
    SanctionLifted: (
        """DELETE FROM gateway_sanctions
           WHERE app = :app AND kind = :kind AND account = :account AND channel = :channel""",
    ),
}


_BLOCKS = """(SELECT app, min(seq), max(seq), max(ms), sum(length(CAST(text AS BLOB)))
    FROM gateway_ledger GROUP BY app, seq / ? ORDER BY app, min(seq))"""

_READ_LEDGER = """SELECT seq, text FROM (
    SELECT seq, text, sum(length(CAST(text AS BLOB))) OVER before AS size_before
    FROM (SELECT seq, text FROM gateway_ledger WHERE app = :app AND seq > :after ORDER BY seq LIMIT :limit)
    WINDOW before AS (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) WHERE coalesce(size_before, 0) < :most_bytes ORDER BY seq"""


class _AccountRow(NamedTuple):
    app: AppId
    account: Account
    uid: Uid


class _UserAttributeRow(NamedTuple):
    app: AppId
    account: Account
    name: str
    value: str


class _ChannelAttributeRow(NamedTuple):
    app: AppId
    channel: ChannelName
    name: str
    value: str


class _EmptiedRow(NamedTuple):
    app: AppId
    channel: ChannelName
    ms: int


class _InboxRow(NamedTuple):
    app: AppId
    account: Account
    acknowledged: int
    last: int


class _MessageRow(NamedTuple):
    app: AppId
    account: Account
    version: int
    line: str
    expires_ms: int


class _SessionRow(NamedTuple):
    app: AppId
    account: Account
    line: Line
    server: int
    resumable: int
    expires_ms: int
    channel: str
    proof: str


class _LedgerRow(NamedTuple):
    app: AppId
    epoch: str


class _LastRow(NamedTuple):
    app: AppId
    stream: str
    seq: int


class _BlockRow(NamedTuple):
    app: AppId
    first: int
    last: int
    ms: int
    size: int


class _PutOutRow(NamedTuple):
    app: AppId
    channel: ChannelName
    account: Account


class _HoldRow(NamedTuple):
    app: AppId
    channel: ChannelName
    moderator: Account
    budget_ms: int
    open_on_silence: int


class _SanctionRow(NamedTuple):
    app: AppId
    kind: SanctionKind
    account: Account
    channel: str
    until_ms: int
    reason: str
    moderator: Account


_RowT = TypeVar("_RowT")


class SqliteGatewayStore:
    """Made by :func:`open_sqlite_gateway_store`. See :class:`~botkit.stores.gateway.GatewayStore`."""

    def __init__(self, database: Database, lock: FileLock | None) -> None:
        self._database, self._lock = database, lock

    @property
    def durable(self) -> bool:
        """True for a file, false for ``sqlite://``, which is in memory."""
        return not self._database.in_memory

    async def load(self) -> Snapshot:
        """Everything in the file. Raises ``StoreError``, also for a row that no gateway wrote."""
        snapshot = Snapshot()
        for account in await self._rows("gateway_accounts ORDER BY rowid", list[_AccountRow]):
            snapshot.accounts[account.app, account.account] = account.uid
        for user in await self._rows("gateway_user_attributes ORDER BY rowid", list[_UserAttributeRow]):
            snapshot.user_attributes.setdefault((user.app, user.account), {})[user.name] = user.value
        for channel in await self._rows("gateway_channel_attributes ORDER BY rowid", list[_ChannelAttributeRow]):
            snapshot.channel_attributes.setdefault((channel.app, channel.channel), {})[channel.name] = channel.value
        for emptied in await self._rows("gateway_emptied_channels ORDER BY rowid", list[_EmptiedRow]):
            snapshot.emptied[emptied.app, emptied.channel] = emptied.ms
        for put_out in await self._rows("gateway_put_out ORDER BY rowid", list[_PutOutRow]):
            snapshot.put_out.setdefault((put_out.app, put_out.channel), []).append(put_out.account)
        await self._load_inboxes(snapshot)
        sanctions = await self._rows("gateway_sanctions ORDER BY app, kind, account, channel", list[_SanctionRow])
        snapshot.sanctions.extend(SanctionSet(**sanction._asdict()) for sanction in sanctions)
        for hold in await self._rows("gateway_holds ORDER BY rowid", list[_HoldRow]):
            snapshot.holds[hold.app, hold.channel] = HoldSet(
                app=hold.app,
                channel=hold.channel,
                moderator=hold.moderator,
                budget_ms=hold.budget_ms,
                open_on_silence=bool(hold.open_on_silence),
            )
        await self._load_sessions(snapshot)
        return snapshot

    async def _load_sessions(self, snapshot: Snapshot) -> None:
        for row in await self._rows("gateway_sessions ORDER BY rowid", list[_SessionRow]):
            snapshot.sessions[row.app, row.account] = SessionSnapshot(
                line=row.line,
                server=bool(row.server),
                resumable=bool(row.resumable),
                expires_ms=row.expires_ms,
                channel=row.channel,
                proof=row.proof,
            )
        for ledger in await self._rows("gateway_ledgers ORDER BY rowid", list[_LedgerRow]):
            snapshot.ledgers[ledger.app] = LedgerSnapshot(epoch=ledger.epoch)
        for last in await self._rows("gateway_ledger_last", list[_LastRow]):
            ledger_snapshot = snapshot.ledgers[last.app]
            ledger_snapshot.last_of[last.stream] = last.seq
            ledger_snapshot.last = max(ledger_snapshot.last, last.seq)
        for block in await self._rows(_BLOCKS, list[_BlockRow], LEDGER_BLOCK):
            snapshot.ledgers[block.app].blocks.append(
                LedgerBlock(first=block.first, last=block.last, ms=block.ms, size=block.size)
            )

    async def _load_inboxes(self, snapshot: Snapshot) -> None:
        for inbox in await self._rows("gateway_inboxes ORDER BY rowid", list[_InboxRow]):
            snapshot.inboxes[inbox.app, inbox.account] = InboxSnapshot(acknowledged=inbox.acknowledged, last=inbox.last)
        for message in await self._rows("gateway_messages ORDER BY app, account, version", list[_MessageRow]):
            inbox_snapshot = snapshot.inboxes.setdefault((message.app, message.account), InboxSnapshot())
            inbox_snapshot.messages.append((message.version, message.line, message.expires_ms))

    async def _rows(self, table: str, shape: type[list[_RowT]], *parameters: SqlValue) -> list[_RowT]:
        rows = await self._database.fetch(f"SELECT * FROM {table}", parameters)
        try:
            return msgspec.convert(rows, shape)
        except msgspec.ValidationError as error:
            name = table.partition(" ")[0]
            raise StoreError(self._database.url, f"table {name} has a row that no gateway wrote: {error}") from error

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write ``changes`` in one transaction and wait until it is on the disk. Raises ``StoreError``."""
        if changes:
            await self._database.write(
                (sql, msgspec.structs.asdict(change)) for change in changes for sql in _SQL[type(change)]
            )

    async def read_ledger(self, app: AppId, after: int, limit: int, most_bytes: int) -> LedgerSlice:
        """See ``GatewayStore.read_ledger``."""
        asked: SqlParameters = {"app": app, "after": after, "limit": limit, "most_bytes": most_bytes}
        rows = await self._database.fetch(_READ_LEDGER, asked)
        oldest = await self._database.fetch("SELECT min(seq) FROM gateway_ledger WHERE app = ?", (app,))
        first = oldest[0][0]
        return LedgerSlice(
            oldest=first if isinstance(first, int) else 0,
            events=msgspec.convert(rows, tuple[tuple[int, str], ...]),
        )

    async def aclose(self) -> None:
        """Wait for the commit that runs, if any, and close the file; another gateway may open it then."""
        try:
            await self._database.aclose()
        finally:
            if self._lock is not None:
                self._lock.release()


@asynccontextmanager
async def open_sqlite_gateway_store(url: str) -> AsyncIterator[SqliteGatewayStore]:
    """The store in the file that ``url`` names (:func:`~botkit.stores.sqlite.sqlite_path`).

    A file has one gateway: two would give out the same uids and numbers. Raises ``ConfigError`` for another URL and
    ``StoreError`` when the file is no database, or another gateway has it open.
    """
    path = sqlite_path(url)
    lock = None if path is None else await acquire_lock(_lock_path(path), url, IN_USE)
    try:
        async with open_database(url, SCHEMA) as database:
            await _add_columns(database)
            yield SqliteGatewayStore(database, lock)
    finally:
        if lock is not None:
            lock.release()


async def _add_columns(database: Database) -> None:
    """Bring a file of an earlier version up to date."""
    columns = await database.fetch("SELECT name FROM pragma_table_info('gateway_sessions')")
    if ("proof",) not in columns:
        await database.execute("ALTER TABLE gateway_sessions ADD COLUMN proof TEXT NOT NULL DEFAULT ''")


def _lock_path(path: Path) -> Path:
    return Path(f"{os.path.realpath(path)}{LOCK_SUFFIX}")  # the real path: one file may have several names
