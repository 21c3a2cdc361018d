"""What a session needs of a connection: whole messages in, whole messages out."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias


class Transport(Protocol):
    """One open connection that carries whole messages."""

    async def send(self, data: bytes) -> None:
        """Send one text frame; ``data`` is its UTF-8.

        Waits while the connection is full. A cancel while it waits leaves the message unsent or, if a part
        of it was on its way, the connection unusable: only one task of a session sends, and it ends with
        the connection. Raises ``TransportClosed``.
        """
        ...

    async def receive(self) -> bytes | str:
        """The next message. A cancel loses no message. Raises ``TransportClosed`` once the peer is gone."""
        ...

    async def aclose(self) -> None:
        """Close, politely and within a bounded time; a second time does nothing. A cancel closes at once."""
        ...


Connector: TypeAlias = Callable[[], AbstractAsyncContextManager[Transport]]
"""Opens a connection and closes it in the end. Entering raises ``ConnectFailed`` when none comes about."""
