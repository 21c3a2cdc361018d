"""One task that reads many sockets.

A task for each socket costs 2.5 KiB of memory while it waits, and 10 µs of trio's time whenever something comes. Here a
single task waits for an epoll object that knows all the sockets, and is told together which of them have something.
Elsewhere than on Linux there is no such thing, and each socket has its task.
"""

import os
import select
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

import trio

POLLING_WORKS = hasattr(select, "epoll")
"""Whether this system has what a ``Poller`` needs."""


class Polled(Protocol):
    """What a poller watches: something with a socket. It says ``remove`` before it closes that."""

    def fileno(self) -> int:
        """The number of its socket."""
        ...


class Poller:
    """Tells which of the links that it watches can be read. Use it as a context; for one waiting task."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._alarm = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._alarm, select.EPOLLIN)
        self._links: dict[int, Polled] = {}
        self._removed: list[Polled] = []

    def __enter__(self) -> "Poller":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._epoll.close()
        os.close(self._alarm)

    def add(self, link: Polled) -> None:
        """Watch a link. Raises ``OSError`` when the system has no more room for that."""
        number = link.fileno()
        self._epoll.register(number, select.EPOLLIN)
        self._links[number] = link

    def remove(self, link: Polled) -> None:
        """Watch a link no more, and tell so: ``wait`` returns it once again. Nothing, if the poller is closed."""
        if self._epoll.closed:
            return
        number = link.fileno()
        del self._links[number]
        self._epoll.unregister(number)
        if not self._removed:
            os.eventfd_write(self._alarm, 1)
        self._removed.append(link)

    async def wait(self) -> Sequence[Polled]:
        """All links that can be read, are at their end, or were removed, once there are any. A cancel loses nothing."""
        await trio.lowlevel.wait_readable(self._epoll.fileno())
        numbers = [number for number, _ in self._epoll.poll(0, len(self._links) + 1)]
        ready = [self._links[number] for number in numbers if number != self._alarm]
        if self._removed:
            os.eventfd_read(self._alarm)
            ready += self._removed
            self._removed = []
        return ready
