"""Both sides of the wire: botkit's client and botkit's gateway, over a WebSocket, and every frame between the two.

Each line of ``golden/both_ends/*.txt`` names an account and what happens at its client::

    ann ! join ["room"]      its application calls a verb of its session, some with options: ["eve"] {"seconds":5}
    ann > FRAME              the client has sent this text frame
    ann < FRAME              the gateway has sent it this text frame
    ann + EVENT              the application is told this
    ann = OUTCOME            a verb is done
    ann dropped              its connection is lost                        30 s pass

Frames that go in one message (``multi``) stand one by one. Each direction has its order; a client does not wait for an
answer before it asks for something else. What goes over the wire or comes to an application without being expected is
an error, at the latest at the transcript's end.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from botkit.gateway.settings import Address, GatewaySettings
from botkit.testing import TEST_APP, open_test_gateway
from botkit.transport.base import Connector, Transport
from botkit.transport.websocket import websocket_connector
from botkit.wire.frames import split_frames
from tests.wire.applications import Application
from tests.wire.transcripts import Line, Names, lines_of, transcripts

PATIENCE = 60.0


class Tape:
    """What went over the connections of a client in one direction."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[str](1000)

    def note(self, data: bytes | str) -> None:
        """A message goes by."""
        for frame in split_frames(data):
            self._send.send_nowait(frame if isinstance(frame, str) else frame.decode())

    async def next(self) -> str:
        """The next frame."""
        return await self._receive.receive()

    def rest(self) -> list[str]:
        """What nobody asked for."""
        return [self._receive.receive_nowait() for _ in range(self._receive.statistics().current_buffer_used)]


class Tap:
    """A connection of a client, both of whose directions are noted."""

    def __init__(self, transport: Transport, sent: Tape, received: Tape) -> None:
        self._transport, self._sent, self._received = transport, sent, received

    async def send(self, data: bytes) -> None:
        """See ``Transport``."""
        self._sent.note(data)
        await self._transport.send(data)

    async def receive(self) -> bytes | str:
        """See ``Transport``."""
        data = await self._transport.receive()
        self._received.note(data)
        return data

    async def aclose(self) -> None:
        """See ``Transport``."""
        await self._transport.aclose()


class Player:
    """One account: a client with its application, and what goes over its connections."""

    def __init__(self, connector: Connector, names: Names, nursery: trio.Nursery) -> None:
        self._connector, self._names = connector, names
        self._sent, self._received = Tape(), Tape()
        self._connection: Tap | None = None
        self._application = Application(TEST_APP, self._connect, nursery)

    async def play(self, line: Line, what: str) -> None:
        """Do what a line says, or see that it happens."""
        kind, _, rest = what.partition(" ")
        with trio.move_on_after(PATIENCE):
            match kind:
                case "!":
                    verb, _, text = rest.partition(" ")
                    arguments, end = json.JSONDecoder().raw_decode(text or "[]")
                    self._application.call(verb, arguments, json.loads(text[end:] or "{}"))
                case ">":
                    self._see(line, rest, await self._sent.next())
                case "<":
                    self._see(line, rest, await self._received.next())
                case "+":
                    assert self._application.session is not None, line.place
                    self._see(line, rest, repr(await self._application.session.receive_event()))
                case "=":
                    self._see(line, rest, await self._application.outcomes.receive())
                case "dropped":
                    assert self._connection is not None
                    await self._connection.aclose()
                case _:
                    pytest.fail(f"{line.place}: {line.text} is no line of a transcript")
            return
        pytest.fail(f"{line.place}: did not happen: {line.text}")

    def see_silence(self) -> None:
        """Nothing was left that the transcript does not have."""
        assert not self._sent.rest()
        assert not self._received.rest()
        assert not self._application.outcomes.statistics().current_buffer_used
        if self._application.session is not None:
            assert not self._application.session.statistics().events_waiting

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[Transport]:
        async with self._connector() as transport:
            self._connection = Tap(transport, self._sent, self._received)
            yield self._connection

    def _see(self, line: Line, expected: str, found: str) -> None:
        assert self._names.match(expected, found), f"{line.place}\nexpected {expected}\nfound    {found}"


async def play(path: Path, connector: Connector) -> None:
    """Play a transcript."""
    names = Names()
    players: dict[str, Player] = {}
    async with trio.open_nursery() as nursery:
        for line in lines_of(path):
            if line.text.endswith(" s pass"):
                await trio.sleep(float(line.text.partition(" ")[0]))
                continue
            account, _, what = line.text.partition(" ")
            if account not in players:
                players[account] = Player(connector, names, nursery)
            await players[account].play(line, what)
        for player in players.values():
            player.see_silence()
        nursery.cancel_scope.cancel()


@pytest.mark.row("W06")
@pytest.mark.parametrize("path", transcripts("both_ends"), ids=lambda path: path.stem)
async def test_both_ends(path: Path, autojump_clock: MockClock) -> None:
    async with open_test_gateway() as gateway:
        await play(path, gateway.connector)


@pytest.mark.row("W06")
@pytest.mark.parametrize(
    "path", [path for path in transcripts("both_ends") if " s pass" not in path.read_text()], ids=lambda path: path.stem
)
async def test_over_sockets(path: Path) -> None:
    async with open_test_gateway(GatewaySettings(apps=(), listen=Address("127.0.0.1", 0))) as gateway:
        await play(path, websocket_connector(gateway.ws_url))
