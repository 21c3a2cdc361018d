"""One direction of a connection: messages that arrive as the weather will have it."""

import heapq
import itertools
import math
import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from botkit.testing.weather import CALM, draw_fates
from botkit.wire.frames import split_frames

Message: TypeAlias = bytes | str
Deliver: TypeAlias = Callable[[Message], Awaitable[None]]

MAX_ON_THE_WAY = 10_000
"""Messages that a lane holds; the next one waits for room, as with a full socket."""


class Lane:
    """Carries messages to ``deliver``; ``run`` is the task that brings the late ones.

    In calm weather, with nothing on the way, ``carry`` delivers at once.
    """

    def __init__(self, deliver: Deliver, chance: random.Random) -> None:
        self.weather = CALM
        self._deliver, self._chance = deliver, chance
        self._blocked = False
        self._on_the_way: list[tuple[float, int, Message]] = []
        self._numbers = itertools.count()
        self._latest_due = -math.inf
        self._lost: str = ""
        self._drop_next = self._duplicate_next = 0
        self._delivering = False
        self._changed, self._room = trio.lowlevel.ParkingLot(), trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        return len(self._on_the_way)

    def block(self) -> None:
        """Hold everything until ``open``."""
        self._blocked = True

    def open(self) -> None:
        """Let go what was held, in order."""
        self._blocked = False
        self._changed.unpark_all()

    def clear(self) -> None:
        """Lose all that is on the way."""
        self._on_the_way.clear()
        self._room.unpark_all()

    def drop_next(self, count: int) -> None:
        """Lose the next ``count`` messages."""
        self._drop_next += count

    def lose(self, part: str) -> None:
        """From now on, lose every message that has ``part`` in it; an empty one loses none."""
        self._lost = part

    def duplicate_next(self, count: int) -> None:
        """Deliver each of the next ``count`` messages twice."""
        self._duplicate_next += count

    async def carry(self, message: Message) -> None:
        """Take one message. Waits for room, and in calm weather until it is delivered.

        Frames that travel together (``multi``) meet the faults one by one.
        """
        if self._calm() and not (self._drop_next or self._duplicate_next or self._lost):
            await self._deliver(message)
            return
        for frame in split_frames(message):
            await self._carry(frame)

    async def _carry(self, message: Message) -> None:
        if self._drop_next or self._is_lost(message):
            self._drop_next = max(0, self._drop_next - 1)
            await trio.lowlevel.checkpoint()
            return
        copies = 1
        if self._duplicate_next:
            self._duplicate_next -= 1
            copies = 2
        for _ in range(copies):
            if self._calm():
                await self._deliver(message)
            else:
                await self._put_on_the_way(message)

    async def run(self) -> None:
        """Deliver what is late, when it is due, until cancelled."""
        while True:
            due = self._on_the_way[0][0] if self._on_the_way and not self._blocked else math.inf
            if due > trio.current_time():
                with trio.move_on_at(due):
                    await self._changed.park()
                continue
            _, _, message = heapq.heappop(self._on_the_way)
            self._room.unpark()
            self._delivering = True
            try:
                await self._deliver(message)
            finally:
                self._delivering = False

    def _is_lost(self, message: Message) -> bool:
        return bool(self._lost) and self._lost in (message if isinstance(message, str) else message.decode())

    def _calm(self) -> bool:
        return self.weather == CALM and not (self._blocked or self._on_the_way or self._delivering)

    async def _put_on_the_way(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        for fate in draw_fates(self.weather, self._chance):
            while len(self._on_the_way) >= MAX_ON_THE_WAY:
                await self._room.park()
            due = trio.current_time() + fate.after
            if not fate.overtaken:
                due = self._latest_due = max(due, self._latest_due)
            heapq.heappush(self._on_the_way, (due, next(self._numbers), message))
            self._changed.unpark_all()
