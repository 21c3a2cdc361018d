"""The start of a connection, byte by byte."""

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.gateway.server import Gateway
from botkit.testing import open_test_gateway
from botkit.transport.links import MemoryLink

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: memory\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING = b'["ping",7]'
MASKED_PING = bytes([0x81, 0x80 | len(PING)]) + bytes(4) + PING
BINARY = bytes([0x82, 0x80]) + bytes(4)
RESERVED = bytes([0x83, 0x80]) + bytes(4)
CLOSE = bytes([0x88, 0x82]) + bytes(4) + b"\x03\xe8"


async def receive_all(gateway: Gateway, *pieces: bytes) -> bytes:
    """All that is said to a client that sends some pieces, until it is let go."""
    link = MemoryLink()
    gateway.accept(link)
    for piece in pieces:
        await link.client_stream.send_all(piece)
        await wait_all_tasks_blocked()
    received = b""
    while data := bytes(await link.client_stream.receive_some()):
        received += data
    await link.client_stream.aclose()
    await wait_all_tasks_blocked()
    return received


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


@pytest.mark.parametrize("behind", [b"", b"abc", HANDSHAKE, MASKED_PING, RESERVED, CLOSE])
@pytest.mark.parametrize("parts", [1, 2, 200])
async def test_what_comes_with_a_handshake_that_is_refused_is_passed_over(
    behind: bytes, parts: int, autojump_clock: MockClock
) -> None:
    refused = HANDSHAKE.replace(b"Connection: Upgrade\r\n", b"") + behind
    step = -(-len(refused) // parts)
    async with open_test_gateway() as gateway:
        received = await receive_all(gateway, *(refused[at : at + step] for at in range(0, len(refused), step)))
        assert received.startswith(b"HTTP/1.1 426 ")
        assert gateway.counters.handshakes_failed.value == 1
        assert gateway.counters.connection_errors.value == 0


@pytest.mark.parametrize(
    ("behind", "code"), [(BINARY, 1003), (RESERVED, 1002), (CLOSE, 1000), (b"\xff" * 20, 1002), (MASKED_PING[:2], None)]
)
async def test_what_comes_with_a_handshake_is_judged_like_what_comes_later(
    behind: bytes, code: int | None, autojump_clock: MockClock
) -> None:
    async with open_test_gateway() as gateway:
        received = await receive_all(gateway, HANDSHAKE + behind)
        head, _, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        later = await receive_all(gateway, HANDSHAKE, behind)
        assert rest == later.partition(b"\r\n\r\n")[2]
        assert code is None or rest[2:4] == code.to_bytes(2, "big")
        assert gateway.counters.handshakes_failed.value == 0
        assert gateway.counters.connection_errors.value == 0
