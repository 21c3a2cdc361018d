"""Many small writes, few transactions: whoever comes while one is under way goes into the next."""

from collections.abc import Sequence

import trio

from botkit.errors import StoreError
from botkit.stores.sqlite import Database, SqlParameters

MAX_STATEMENTS = 1000
"""Statements of one transaction."""


class _Batch:
    """Statements that are written together, and what became of them."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, SqlParameters]] = []
        self.written = False
        self.error: StoreError | None = None


class BatchWriter:
    """Writes to one database; each ``write`` returns when its statements are on the disk.

    There is no task: the first of those who wait writes for all of them. Writes are carried out in the order in which
    they were asked for.
    """

    def __init__(self, database: Database) -> None:
        self.transactions = 0
        """How many there were."""
        self._database = database
        self._turn = trio.Lock()
        self._open = _Batch()

    async def write(self, statements: Sequence[tuple[str, SqlParameters]]) -> None:
        """Write ``statements``, all or none. Raises ``StoreError``, for the others of the transaction, too.

        After a cancel they may be written, or not.
        """
        if len(self._open.statements) >= MAX_STATEMENTS:
            self._open = _Batch()
        batch = self._open
        batch.statements += statements
        async with self._turn:
            if not batch.written:
                await self._write(batch)
        if batch.error is not None:
            raise StoreError(batch.error.url, batch.error.problem) from batch.error

    async def _write(self, batch: _Batch) -> None:
        if batch is self._open:
            self._open = _Batch()
        try:
            await self._database.write(batch.statements)
        except StoreError as error:
            batch.error = error
        batch.written = True
        self.transactions += 1
