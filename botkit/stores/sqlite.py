"""SQLite for trio: one connection, one statement at a time, in a worker thread.

The standard library's ``sqlite3`` blocks, so every call runs through ``trio.to_thread`` behind a limiter of
one: writes never race each other and are carried out in the order in which they were asked for. A file is in
WAL mode with ``synchronous=FULL``: a write that returned is on the disk, and a reader in another process
(``sqlite3 var/botkit.db``) is not in the way. A database in memory has nothing to wait for and runs in the
calling task, which also keeps tests on a virtual clock exact.
"""

import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

import trio

from botkit.errors import ConfigError, StoreError

SqlValue: TypeAlias = str | int | float | bytes | None
SqlParameters: TypeAlias = Sequence[SqlValue] | Mapping[str, SqlValue]
"""Values for ``?`` placeholders in order, or for ``:name`` placeholders by name (further names are ignored)."""

_T = TypeVar("_T")

BUSY_SECONDS = 5.0
"""How long a statement waits for another process that holds the file before it fails with ``StoreError``."""


_MEMORY = re.compile(r"sqlite://(\w*)")


def sqlite_path(url: str, key: str = "") -> Path | None:
    """The file that ``url`` names; None for a database in memory.

    ``sqlite:///var/botkit.db`` is relative to the working directory, ``sqlite:////var/lib/botkit.db``
    absolute. ``sqlite://`` is in memory, a new one each time; ``sqlite://NAME`` (letters, digits, ``_``) is in memory,
    the same one for all who have it open in this process. Raises ``ConfigError``, about ``key``, for anything else.
    """
    if _MEMORY.fullmatch(url):
        return None
    prefix, separator, path = url.partition("sqlite:///")
    if prefix or not separator or not path.strip("/"):
        raise ConfigError(
            f"{url!r} names no SQLite database",
            key=key,
            hint="use 'sqlite:///relative/path.db', 'sqlite:////absolute/path.db', or 'sqlite://' for memory",
        )
    return Path(path)


class Database:
    """An open database. Made by :func:`open_database`; any number of tasks may use it."""

    def __init__(self, url: str, connection: sqlite3.Connection, *, in_memory: bool) -> None:
        self.url, self.in_memory = url, in_memory
        self._connection = connection
        self._limiter: trio.CapacityLimiter | None = None if in_memory else trio.CapacityLimiter(1)

    async def execute(self, sql: str, parameters: SqlParameters = ()) -> int:
        """Run one statement in a transaction of its own; how many rows it changed.

        Raises ``StoreError``, and then nothing was changed. A cancel while other statements are ahead leaves
        nothing written; once this one runs it is carried out, and the answer is returned.
        """
        return await self.write([(sql, parameters)])

    async def write(self, statements: Iterable[tuple[str, SqlParameters]]) -> int:
        """Run ``statements`` in one transaction, all or none; how many rows they changed together.

        Raises ``StoreError``, and then nothing was changed. A cancel is as in :meth:`execute`.
        """
        batch = list(statements)
        return await self._run(lambda: _write(self._connection, batch))

    async def fetch(self, sql: str, parameters: SqlParameters = ()) -> list[tuple[SqlValue, ...]]:
        """All rows of a query; bound it with ``LIMIT`` where the table is not. Raises ``StoreError``.

        ``INSERT … RETURNING`` works too, as a transaction of its own.
        """
        return await self._run(lambda: self._connection.execute(sql, parameters).fetchall())

    async def aclose(self) -> None:
        """Wait for the statement that runs, if any, and close; what is asked after that is a ``StoreError``.

        Closing twice is fine. Not cancelled half-way: the file is closed when this returns or raises.
        """
        with trio.CancelScope(shield=True):
            await self._run(self._connection.close)

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            if self._limiter is None:
                await trio.lowlevel.checkpoint()
                return work()
            return await trio.to_thread.run_sync(work, limiter=self._limiter)
        # What sqlite3 cannot bind comes as one of the latter two: an int beyond 64 bits, half of a surrogate pair.
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            raise StoreError(self.url, str(error)) from error


@asynccontextmanager
async def open_database(url: str, schema: Sequence[str] = ()) -> AsyncIterator[Database]:
    """The database at ``url`` (see :func:`sqlite_path`), open inside the ``async with``.

    Folders and file are created. ``schema`` is statements that may run at every start (``CREATE TABLE IF NOT
    EXISTS …``), in one transaction. Raises ``ConfigError`` for another URL and ``StoreError`` when the file
    is no database or cannot be opened. On the way out, statements that already run are waited for.
    """
    path = sqlite_path(url)
    if path is None:
        connection = _open(url, None, schema)
    else:
        connection = await trio.to_thread.run_sync(_open, url, path, schema)
    database = Database(url, connection, in_memory=path is None)
    try:
        yield database
    finally:
        await database.aclose()


def _memory_name(url: str) -> str:
    name = url.removeprefix("sqlite://")
    return f"file:botkit-{name}?mode=memory&cache=shared" if name else ":memory:"


def _open(url: str, path: Path | None, schema: Sequence[str]) -> sqlite3.Connection:
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path or _memory_name(url),
            uri=path is None,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # transactions begin where _write says so, not where sqlite3 guesses
            check_same_thread=False,  # worker threads change, the limiter lets in one at a time
        )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(url, f"cannot be opened: {error}") from error
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        _write(connection, [(statement, ()) for statement in schema])
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(url, f"cannot be used: {error}") from error
    return connection


def _write(connection: sqlite3.Connection, statements: Sequence[tuple[str, SqlParameters]]) -> int:
    changed = 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, parameters in statements:
            changed += max(0, connection.execute(sql, parameters).rowcount)  # -1 for what changes no rows
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return changed
