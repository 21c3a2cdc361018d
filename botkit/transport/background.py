"""A nursery for tasks that serve a body: they end with it, and its exceptions come out as they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import trio


@asynccontextmanager
async def open_background() -> AsyncIterator[trio.Nursery]:
    """A nursery whose tasks are cancelled when the body ends.

    A plain nursery wraps whatever its body raises in an ``ExceptionGroup``, which a caller of a context
    manager does not expect: here one exception comes out bare. Two at once still come out as a group.
    """
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        _raise_bare(group.exceptions[0])


def _raise_bare(error: BaseException) -> NoReturn:
    # ``raise`` would make the group the error's context, and so hide the context that it had.
    context = error.__context__
    try:
        raise error
    finally:
        error.__context__ = context
        del error, context
