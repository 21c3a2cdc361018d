"""One at a time for each key, side by side for different ones."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import trio

K = TypeVar("K", bound=Hashable)


class Turns(Generic[K]):
    """A lock for each key, kept for as long as somebody wants it."""

    def __init__(self) -> None:
        self._locks: dict[K, tuple[trio.Lock, int]] = {}

    @asynccontextmanager
    async def take(self, key: K) -> AsyncIterator[None]:
        """Wait until it is one's turn with ``key``, and have it inside of the block."""
        lock, wanted = self._locks.get(key, (trio.Lock(), 0))
        self._locks[key] = (lock, wanted + 1)
        try:
            async with lock:
                yield
        finally:
            lock, wanted = self._locks.pop(key)
            if wanted > 1:
                self._locks[key] = (lock, wanted - 1)
