"""Waiting until something has started."""

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
