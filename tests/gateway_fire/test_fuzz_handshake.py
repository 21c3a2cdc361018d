"""Bytes that are no handshake, no frames, or neither: a connection may end of them, and nothing else may happen."""

import gc
import random
from collections.abc import Callable, Coroutine

import hypothesis.strategies as st
import pytest
import trio
from hypothesis import given, settings
from trio.testing import MockClock, wait_all_tasks_blocked
from websockets.frames import Frame, Opcode

from botkit.gateway.connection import Connection
from botkit.gateway.server import Gateway
from botkit.testing import WirePeer, open_test_gateway
from tests.gateway_fire.raw_peer import RawLink

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: memory\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
MESSAGES = [b'["ping",1]', b'["call2",["user_getmsg",1,{"line":""}]]', b"", b"x" * 126, b"x" * 65536, b"\x03\xe8bye"]
PIECES, PIECES_BY_CONNECTION, RUNS = 500, 6, 20


def make_handshake(dice: random.Random) -> bytes:
    """Half of them are right, the others are damaged in one place."""
    if dice.random() < 0.5:
        return HANDSHAKE
    start, end = sorted(dice.choices(range(len(HANDSHAKE) + 1), k=2))
    noise = dice.choice([b"", b"\r\n", b"\r\n\r\n", b":", b"\x00", dice.randbytes(5), HANDSHAKE[start:end] * 2])
    return HANDSHAKE[:start] + noise + HANDSHAKE[dice.choice([start, end]) :]


def make_piece(dice: random.Random) -> bytes:
    """A frame of any kind, whole, in parts or with wrong bits in its head; or noise."""
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(1, 200))
    data = bytearray(Frame(Opcode.TEXT, dice.choice(MESSAGES)).serialize(mask=dice.random() < 0.95))
    data[0] = dice.choice(list(Opcode)) | (0x80 if dice.random() < 0.8 else 0)
    if dice.random() < 0.2:
        data[dice.randrange(2)] = dice.randrange(256)
    return bytes(data[: dice.randrange(1, len(data))] if dice.random() < 0.1 else data)


async def use_connection(gateway: Gateway, opening: bytes, pieces: list[bytes]) -> int:
    """Send pieces over one connection, until the gateway lets go of it; returns how many were sent."""
    link, sent = RawLink(), 0
    gateway.accept(link)
    for data in (opening, *pieces):
        if link.closed:
            break
        link.deliver(data)
        await wait_all_tasks_blocked()
        sent += 1
    link.deliver(b"")
    await wait_all_tasks_blocked()
    return sent


def at_a_gateway(send: Callable[[Gateway], Coroutine[object, object, int]]) -> int:
    """Run ``send`` at a gateway with a witness, whom it must not touch."""

    async def main() -> int:
        async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "witness") as witness:
            await wait_all_tasks_blocked()
            tasks = trio.lowlevel.current_statistics().tasks_living
            sent = await send(gateway)
            await trio.sleep(5)
            assert (await witness.request("user_query_user_status", account="witness"))["status"] == 1
            assert b"botkit_gateway_open_connections 1.0\n" in gateway.meters.render()
            assert trio.lowlevel.current_statistics().tasks_living == tasks
            assert gateway.counters.handler_errors.value == gateway.counters.connection_errors.value == 0
            gc.collect()
            assert sum(isinstance(each, Connection) for each in gc.get_objects()) == 1
            return sent

    return trio.run(main, clock=MockClock(autojump_threshold=0))


@settings(max_examples=10)
@given(st.booleans(), st.lists(st.binary(min_size=1, max_size=200), max_size=5), st.integers(0, 300), st.binary())
def test_any_bytes_on_a_connection(shake: bool, pieces: list[bytes], cut: int, noise: bytes) -> None:
    opening = HANDSHAKE if shake else HANDSHAKE[:cut] + noise + HANDSHAKE[cut:]
    assert at_a_gateway(lambda gateway: use_connection(gateway, opening, pieces)) >= 1


@pytest.mark.slow
@pytest.mark.row("G14")
def test_ten_thousand_pieces() -> None:
    total = 0

    async def send(gateway: Gateway, dice: random.Random) -> int:
        sent = 0
        while sent < PIECES:
            pieces = [make_piece(dice) for _ in range(PIECES_BY_CONNECTION)]
            sent += await use_connection(gateway, make_handshake(dice), pieces)
        return sent

    @settings(max_examples=RUNS)
    @given(st.integers(0, 2**63))
    def run(seed: int) -> None:
        nonlocal total
        total += at_a_gateway(lambda gateway: send(gateway, random.Random(seed)))

    run()
    assert total >= 10_000
