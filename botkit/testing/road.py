"""The way between one account and the gateway, with all that can go wrong on it."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import trio

from botkit.errors import TransportClosed
from botkit.testing.lane import Lane, Message
from botkit.testing.weather import CALM, Weather
from botkit.transport.background import open_background
from botkit.transport.base import Connector, Transport

_ABNORMAL_CLOSURE = 1006
_UNREAD = 64
"""Messages that wait for a client to read them, before the gateway's socket fills."""


class Road:
    """All connections of one account, now and later; the faults of the test kit are its methods.

    ``weather`` and ``block`` hold for those that are open and for those to come; ``drop_next`` and the like are for
    the one that is open.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self._weather = CALM
        self._passable = trio.Event()
        self._passable.set()
        self._lost = ("", "")
        self._connections: list[RoadConnection] = []

    @property
    def weather(self) -> Weather:
        """What happens to messages on this road, in each direction; set it at any time."""
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        self._weather = weather
        for lane in self._lanes():
            lane.weather = weather

    def cut(self) -> None:
        """Break the connection; both ends see it break (a reset). Does nothing when there is none."""
        for connection in list(self._connections):
            connection.break_off()

    def block(self) -> None:
        """Go half-open: nothing passes either way, not even a close, and nobody is told.

        What is sent waits, as TCP would have it, and passes at ``open`` if both ends are still there then.
        """
        self._passable = trio.Event()
        for lane in self._lanes():
            lane.block()

    def open(self) -> None:
        """Let everything pass again."""
        self._passable.set()
        for lane in self._lanes():
            lane.open()

    def drop_next(self, to_gateway: int = 0, *, from_gateway: int = 0) -> None:
        """Lose the next so many frames of each direction."""
        for connection in self._connections:
            connection.up.drop_next(to_gateway)
            connection.down.drop_next(from_gateway)

    def lose(self, to_gateway: str = "", *, from_gateway: str = "") -> None:
        """From now on, lose every frame that has this text in it, now and on later connections; empty: none.

        ``lose(from_gateway='["notify"')`` makes a session deaf that is otherwise well.
        """
        self._lost = (to_gateway, from_gateway)
        for connection in self._connections:
            connection.up.lose(to_gateway)
            connection.down.lose(from_gateway)

    def duplicate_next(self, to_gateway: int = 0, *, from_gateway: int = 0) -> None:
        """Deliver each of the next so many frames of each direction twice."""
        for connection in self._connections:
            connection.up.duplicate_next(to_gateway)
            connection.down.duplicate_next(from_gateway)

    def _lanes(self) -> list[Lane]:
        return [lane for connection in self._connections for lane in (connection.up, connection.down)]

    def add(self, connection: "RoadConnection") -> None:
        """A connection turned out to be this account's."""
        self._connections.append(connection)
        for lane, lost in zip((connection.up, connection.down), self._lost, strict=True):
            lane.lose(lost)
            lane.weather = self._weather
            if self.blocked:
                lane.block()

    def remove(self, connection: "RoadConnection") -> None:
        """It has ended."""
        if connection in self._connections:
            self._connections.remove(connection)

    @property
    def blocked(self) -> bool:
        """Whether it is half-open now."""
        return not self._passable.is_set()

    async def wait_passable(self) -> None:
        """Wait until it is not half-open."""
        await self._passable.wait()


class Roads:
    """The roads of all accounts of one gateway, and the connector that leads over them."""

    def __init__(self, connector: Connector, nursery: trio.Nursery, seed: int) -> None:
        self._connector, self._nursery, self._seed = connector, nursery, seed
        self._roads: dict[str, Road] = {}
        self._opened = 0

    def of(self, account: str) -> Road:
        """The road of an account, connected or not."""
        return self._roads.setdefault(account, Road(account))

    def cut_all(self) -> None:
        """Break every connection."""
        for road in self._roads.values():
            road.cut()

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        """Connect over the road of whoever logs in."""
        self._opened += 1
        connection = RoadConnection(self, random.Random(f"{self._seed}/{self._opened}"))
        # In a task of its own: on a half-open road the gateway's end stays open after the client's end has closed.
        await self._nursery.start(connection.run, self._connector)
        try:
            yield connection
        finally:
            await connection.aclose()


class RoadConnection:
    """One connection as its client sees it (a ``Transport``). Its first frame tells whose it is."""

    def __init__(self, roads: Roads, chance: random.Random) -> None:
        self.up, self.down = Lane(self._send_up, chance), Lane(self._send_down, chance)
        self._roads = roads
        self._road: Road | None = None
        self._transport: Transport | None = None
        self._incoming, self._received = trio.open_memory_channel[Message](_UNREAD)
        self._scope = trio.CancelScope()
        self._end = TransportClosed(_ABNORMAL_CLOSURE)
        self._closed = False
        self._given_up, self._ended = trio.Event(), trio.Event()

    async def run(self, connector: Connector, *, task_status: trio.TaskStatus[None]) -> None:
        """Hold the connection until either end closes it, or it is broken off. Raises ``ConnectFailed``."""
        with self._scope:
            async with connector() as transport, open_background() as nursery:
                self._transport = transport
                nursery.start_soon(self.up.run)
                nursery.start_soon(self.down.run)
                nursery.start_soon(self._close_when_given_up, transport)
                task_status.started()
                await self._read_all(transport)
        self._closed = True
        self._ended.set()
        self._incoming.close()
        if self._road is not None:
            self._road.remove(self)

    def break_off(self) -> None:
        """Lose the connection."""
        self._scope.cancel()

    async def send(self, data: bytes) -> None:
        """See ``Transport.send``."""
        if self._closed:
            raise self._end
        if self._road is None:
            self._find_road(data)
        await self.up.carry(data)

    async def receive(self) -> bytes | str:
        """See ``Transport.receive``."""
        try:
            return await self._received.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise self._end from None

    async def aclose(self) -> None:
        """See ``Transport.aclose``; what is still on the way is lost. On a half-open road only this end closes."""
        self._received.close()
        self._given_up.set()
        if self._transport is not None and not (self._road is not None and self._road.blocked):
            await self._ended.wait()
        await trio.lowlevel.checkpoint()

    async def _close_when_given_up(self, transport: Transport) -> None:
        await self._given_up.wait()
        self.up.clear()
        if self._road is not None:
            await self._road.wait_passable()
        await transport.aclose()

    async def _read_all(self, transport: Transport) -> None:
        try:
            while True:
                await self.down.carry(await transport.receive())
        except TransportClosed as end:
            if self._road is not None:
                await self._road.wait_passable()  # on a half-open road the client does not hear of the end, either
            self._end = end

    async def _send_up(self, message: Message) -> None:
        assert self._transport is not None
        with suppress(TransportClosed):  # which the reader hears as well, and tells
            await self._transport.send(message.encode() if isinstance(message, str) else message)

    async def _send_down(self, message: Message) -> None:
        with suppress(trio.BrokenResourceError):  # the client has closed its end
            await self._incoming.send(message)

    def _find_road(self, data: bytes) -> None:
        _, argument = msgspec.json.decode(data, type=tuple[str, dict[str, object]])
        self._road = self._roads.of(str(argument.get("account", "")))
        self._road.add(self)
