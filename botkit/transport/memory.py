"""A pair of transports joined in memory: what one sends, the other receives. For tests and in-process peers."""

import trio

from botkit.errors import TransportClosed
from botkit.transport.base import Transport

_NORMAL_CLOSURE = 1000


class MemoryTransport:
    """One end of a pair. Bounded: a sender waits once the other end has ``capacity`` messages to read."""

    def __init__(self, outgoing: trio.MemorySendChannel[bytes], incoming: trio.MemoryReceiveChannel[bytes]) -> None:
        self._outgoing = outgoing
        self._incoming = incoming

    async def send(self, data: bytes) -> None:
        """See ``Transport.send``; here a cancel leaves the message unsent and the pair usable."""
        try:
            await self._outgoing.send(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise TransportClosed from None

    async def receive(self) -> bytes | str:
        """See ``Transport.receive``; what was sent before the other end closed still comes."""
        try:
            return await self._incoming.receive()
        except trio.EndOfChannel:
            raise TransportClosed(_NORMAL_CLOSURE) from None
        except trio.ClosedResourceError:
            raise TransportClosed from None

    async def aclose(self) -> None:
        """See ``Transport.aclose``."""
        self._outgoing.close()
        self._incoming.close()
        await trio.lowlevel.checkpoint()


def memory_transport_pair(capacity: int = 64) -> tuple[Transport, Transport]:
    """Two ends of one connection; each holds at most ``capacity`` messages that the other has not read."""
    there_send, there_receive = trio.open_memory_channel[bytes](capacity)
    back_send, back_receive = trio.open_memory_channel[bytes](capacity)
    return MemoryTransport(there_send, back_receive), MemoryTransport(back_send, there_receive)
