"""Waiting until something has started, and until it has stopped."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio


class Starting:
    """A ``trio.TaskStatus`` that may be told more than once, and that others wait for."""

    def __init__(self) -> None:
        self._event = trio.Event()

    @property
    def done(self) -> bool:
        """True once it was told."""
        return self._event.is_set()

    def started(self, _value: None = None) -> None:
        """Say that the task has started, or will not start any more."""
        self._event.set()

    async def wait(self) -> None:
        """Wait until it is told."""
        await self._event.wait()


class Stopping:
    """Lets others end a task in order, and wait until it has ended."""

    def __init__(self) -> None:
        self._scope, self._ended = trio.CancelScope(), trio.Event()

    @contextmanager
    def around(self) -> Iterator[None]:
        """The task's work, once."""
        try:
            with self._scope:
                yield
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Cancel the work and wait until it has ended. A cancel ends the waiting alone."""
        self._scope.cancel()
        await self._ended.wait()
