"""A file that one process holds: whoever else wants it is told so."""

import sqlite3
from pathlib import Path

import trio

from botkit.errors import StoreError

WAIT_SECONDS = 1.0
"""For a holder that is just about to end."""


class FileLock:
    """A lock that is held. Made by :func:`acquire_lock`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def release(self) -> None:
        """Let others have it. Twice is fine."""
        self._connection.close()


async def acquire_lock(path: Path, url: str, held_by_another: str) -> FileLock:
    """The lock on the file at ``path``, which stands beside what it protects; held until it is released.

    The lock is SQLite's own on an empty database: the system frees it with the process, kill -9 included, it works on
    every system, and it excludes a second holder in this process too. The file stays, and means nothing by itself.
    Raises ``StoreError`` about ``url``: ``held_by_another`` when somebody holds it, else what the system says.
    A cancel leaves nothing held.
    """
    return FileLock(await trio.to_thread.run_sync(_lock, path, url, held_by_another))


def _lock(path: Path, url: str, held_by_another: str) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(url, f"cannot be opened: {error}") from error
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        raise StoreError(url, held_by_another if busy else f"cannot be locked: {error}") from error
    return connection
