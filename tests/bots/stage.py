"""What the bots' tests share: their tables in memory, to be read while and after a bot runs."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from botkit import Database, open_database


@asynccontextmanager
async def kept_database(monkeypatch: pytest.MonkeyPatch, module: str, schema: Sequence[str]) -> AsyncIterator[Database]:
    """A database in memory that ``module`` gets whenever it opens one.

    In memory nothing waits for a thread, which virtual time would not wait for; and it is still there when the bot
    has closed it.
    """
    async with open_database("sqlite://", schema) as database:

        @asynccontextmanager
        async def opened(_url: str, _schema: Sequence[str]) -> AsyncIterator[Database]:
            yield database

        monkeypatch.setattr(f"{module}.open_database", opened)
        yield database
