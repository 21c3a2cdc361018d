"""The gateway's side of the wire: what the vendor's clients send, and byte for byte what they must be answered.

Each line of ``golden/gateway/*.txt`` names a peer and what it does or sees::

    ann connects            ann > FRAME   it sends a text frame        ann closes    it hangs up
    ann is closed CODE      ann < FRAME   it gets this text frame      30 s pass
    certificate TEXT        ann * FRAME   it gets this as a deflated binary message

A frame that comes without being expected is an error, at the latest at the transcript's end.
"""

import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from botkit.errors import TransportClosed
from botkit.gateway.server import Gateway
from botkit.testing import open_test_gateway
from botkit.transport.base import Transport
from tests.wire.transcripts import Line, Names, lines_of, transcripts

PATIENCE = 5.0
CERTIFICATE = "certificate "


class Players:
    """The peers of one transcript."""

    def __init__(self, gateway: Gateway, connections: AsyncExitStack) -> None:
        self._gateway, self._connections = gateway, connections
        self._peers: dict[str, Transport] = {}
        self._names = Names()

    async def play(self, line: Line) -> None:
        """Do what a line says, or see that it happens."""
        words = line.text.split(" ")
        match words:
            case [seconds, "s", "pass"]:
                await trio.sleep(float(seconds))
            case [name, "connects"]:
                self._peers[name] = await self._connections.enter_async_context(self._gateway.connector())
            case [name, "closes"]:
                await self._peers.pop(name).aclose()
            case [name, "is", "closed", code]:
                await self._see_end(line, self._peers.pop(name), int(code))
            case [name, ">", *_]:
                frame = self._names.filled(line.text.partition(" > ")[2])
                await self._peers[name].send(frame.encode())
            case [name, ("<" | "*") as how, *_]:
                found = await self._next(line, self._peers[name])
                if how == "*":
                    assert isinstance(found, bytes), f"{line.place}: no binary message: {found}"
                    found = zlib.decompress(found).decode()
                expected = line.text.partition(f" {how} ")[2]
                assert isinstance(found, str), line.place
                assert self._names.match(expected, found), f"{line.place}\nexpected {expected}\nfound    {found}"
            case _:
                pytest.fail(f"{line.place}: {line.text} is no line of a transcript")

    async def see_silence(self) -> None:
        """Nothing more may come to anybody."""
        for name, peer in self._peers.items():
            with trio.move_on_after(1):
                pytest.fail(f"{name} got what the transcript does not have: {await peer.receive()!r}")

    async def _next(self, line: Line, peer: Transport) -> bytes | str:
        with trio.move_on_after(PATIENCE):
            return await peer.receive()
        raise AssertionError(f"{line.place}: nothing came, expected {line.text}")

    async def _see_end(self, line: Line, peer: Transport, code: int) -> None:
        with trio.fail_after(PATIENCE), pytest.raises(TransportClosed) as closed:
            pytest.fail(f"{line.place}: {await peer.receive()!r} instead of the end")
        assert closed.value.code == code, line.place


@asynccontextmanager
async def gateway_for(lines: list[Line]) -> AsyncIterator[Gateway]:
    """The gateway that a transcript wants; its first line may say that the app has a certificate."""
    certificate = ""
    if lines[0].text.startswith(CERTIFICATE):
        certificate = lines.pop(0).text.removeprefix(CERTIFICATE)
    async with open_test_gateway(certificate=certificate) as gateway:
        yield gateway


@pytest.mark.row("W06")
@pytest.mark.parametrize("path", transcripts("gateway"), ids=lambda path: path.stem)
async def test_the_gateways_side(path: Path, autojump_clock: MockClock) -> None:
    lines = list(lines_of(path))
    async with gateway_for(lines) as gateway, AsyncExitStack() as connections:
        players = Players(gateway, connections)
        for line in lines:
            await players.play(line)
        await players.see_silence()
