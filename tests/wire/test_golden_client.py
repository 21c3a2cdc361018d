"""The client's side of the wire: what botkit sends, byte for byte, and what it makes of what a gateway sends.

The lines of ``golden/client/*.txt``, seen from the client::

    ! join ["room"]      the application calls a verb of its session (channel.send, call1.accept, …)
    > FRAME              the client sends this text frame        connected      it opens a connection
    < FRAME              it gets this text frame                 dropped        it loses its connection
    + EVENT              the application is told this            disconnected   it closes its connection
    = OUTCOME            the oldest verb under way is done       10 s pass

What comes without being expected is an error, at the latest at the transcript's end.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import TransportClosed
from botkit.transport.base import Transport
from botkit.transport.memory import memory_transport_pair
from tests.wire.applications import Application
from tests.wire.transcripts import Line, Names, lines_of, transcripts

PATIENCE = 5.0


class Player:
    """One client with its application, and the gateway's end of its connections."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._application = Application("app", self.connect, nursery)
        self._names = Names()
        self._accepted: deque[Transport] = deque()
        self._far: Transport | None = None

    async def play(self, line: Line) -> None:
        """Do what a line says, or see that it happens."""
        what, _, rest = line.text.partition(" ")
        match what:
            case "!":
                verb, _, arguments = rest.partition(" ")
                self._application.call(verb, msgspec.json.decode(self._names.filled(arguments or "[]")))
            case "<":
                await self._gateway.send(self._names.filled(rest).encode())
            case ">":
                self._see(line, rest, await self._next_sent(line))
            case "+":
                assert self._application.session is not None, line.place
                with trio.move_on_after(PATIENCE):
                    self._see(line, rest, repr(await self._application.session.receive_event()))
                    return
                pytest.fail(f"{line.place}: no event")
            case "=":
                await wait_all_tasks_blocked()
                assert self._done, f"{line.place}: not done"
                self._see(line, rest, self._application.outcomes.receive_nowait())
            case "connected":
                await wait_all_tasks_blocked()
                self._far = self._accepted.popleft()
            case "dropped":
                await self._gateway.aclose()
            case "disconnected":
                with pytest.raises(TransportClosed):
                    pytest.fail(f"{line.place}: {await self._next_sent(line)}")
            case seconds if rest == "s pass":
                await trio.sleep(float(seconds))
            case _:
                pytest.fail(f"{line.place}: {line.text} is no line of a transcript")
        await wait_all_tasks_blocked()

    async def see_silence(self) -> None:
        """Nothing is left that the transcript does not have."""
        await wait_all_tasks_blocked()
        assert not self._done
        assert not self._accepted
        with trio.move_on_after(1):
            try:
                pytest.fail(f"the client sent what the transcript does not have: {await self._gateway.receive()!r}")
            except TransportClosed:
                pass  # it ended its session
        if self._application.session is not None:
            assert self._application.session.statistics().events_waiting == 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Transport]:
        """What the client opens its connections with."""
        near, far = memory_transport_pair()
        self._accepted.append(far)
        try:
            yield near
        finally:
            await near.aclose()

    @property
    def _done(self) -> int:
        return self._application.outcomes.statistics().current_buffer_used

    @property
    def _gateway(self) -> Transport:
        assert self._far is not None
        return self._far

    async def _next_sent(self, line: Line) -> str:
        with trio.move_on_after(PATIENCE):
            frame = await self._gateway.receive()
            return frame if isinstance(frame, str) else frame.decode()
        raise AssertionError(f"{line.place}: the client sent nothing, expected {line.text}")

    def _see(self, line: Line, expected: str, found: str) -> None:
        assert self._names.match(expected, found), f"{line.place}\nexpected {expected}\nfound    {found}"


@pytest.mark.row("W06")
@pytest.mark.parametrize("path", transcripts("client"), ids=lambda path: path.stem)
async def test_the_clients_side(path: Path, autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        player = Player(nursery)
        for line in lines_of(path):
            await player.play(line)
        await player.see_silence()
        nursery.cancel_scope.cancel()
