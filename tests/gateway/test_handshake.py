"""The start of a connection, byte by byte."""

from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.testing import open_test_gateway
from botkit.transport.links import MemoryLink

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: memory\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING = b'["ping",7]'
MASKED_PING = bytes([0x81, 0x80 | len(PING)]) + bytes(4) + PING


async def test_a_client_that_does_not_wait_for_the_handshake_gets_its_answers_behind_it(
    autojump_clock: MockClock,
) -> None:
    async with open_test_gateway() as gateway:
        link = MemoryLink()
        gateway.accept(link)
        await link.client_stream.send_all(HANDSHAKE + MASKED_PING)
        await wait_all_tasks_blocked()
        received = bytes(await link.client_stream.receive_some())
        assert received.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert received.endswith(b'\r\n\r\n\x81\x0a["pong",7]')
