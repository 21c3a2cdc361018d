"""One daemon at a time has a database: two would write each event twice, under numbers that contradict each other."""

import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path

import trio

from botkit import ConfigError, StoreError, sqlite_path


@asynccontextmanager
async def own_database(url: str) -> AsyncIterator[None]:
    """Have the database at ``url`` alone, among all processes of this machine, until the end of the block.

    The lock is on a file beside it, ``NAME-lock``; the system lets go of it when the process ends, however it does.
    Readers need none. Raises ``ConfigError`` (key ``database``) when another daemon has it, ``StoreError`` when the
    file cannot be written. A database in memory is nobody else's.
    """
    path = sqlite_path(url)
    if path is None:
        yield
        return
    try:
        file = await trio.to_thread.run_sync(_lock, path.with_name(f"{path.name}-lock"))
    except BlockingIOError:
        hint = "stop the other one, or give each a database of its own"
        raise ConfigError(f"{path} is in use by another presence bot", key="database", hint=hint) from None
    except OSError as error:
        raise StoreError(url, f"cannot be locked: {error}") from error
    with file:
        yield


def _lock(path: Path) -> FileIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = FileIO(path, "a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
