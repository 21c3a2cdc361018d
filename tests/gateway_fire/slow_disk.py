"""The ``botkit`` command on a disk that takes its time, so that a kill meets what is not written yet."""

import random
import sqlite3
import time
from collections.abc import Sequence

from botkit.cli import main
from botkit.stores import sqlite
from botkit.stores.sqlite import SqlParameters

MOST_SECONDS = 0.1

_write = sqlite._write


def write_slowly(connection: sqlite3.Connection, statements: Sequence[tuple[str, SqlParameters]]) -> int:
    """Wait before the write and after it; this runs in a worker thread."""
    time.sleep(random.uniform(0, MOST_SECONDS))
    changed = _write(connection, statements)
    time.sleep(random.uniform(0, MOST_SECONDS))
    return changed


sqlite._write = write_slowly

if __name__ == "__main__":
    main()
