"""Events on their way to the application, which may be slow: bounded, and never in the reader's way."""

from collections import deque

import trio

from botkit.errors import SessionEnded
from botkit.events import Event, EventsLost
from botkit.signaling.statistics import Counters

EVENTS_PER_TURN = 16
"""Who finds events lets other tasks run after so many: to do that after each was half of what an event cost."""


class EventBuffer:
    """A queue of at most ``capacity`` events between a session's reader and the application.

    When it is full the newest events are dropped and counted, and an ``EventsLost`` stands where they are missing.
    """

    def __init__(self, capacity: int, counters: Counters) -> None:
        self._capacity = capacity
        self._counters = counters
        self._events: deque[Event] = deque()
        self._missing = 0
        self._found = 0  # by who did not have to wait for them
        self._ended: SessionEnded | None = None
        self._receivers = trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Add an event, or drop it when there is no room."""
        if len(self._events) >= self._capacity:
            self._missing += 1
            self._counters.events_dropped += 1
            return
        self._tell_missing()
        self._events.append(event)
        if self._receivers:
            self._receivers.unpark_all()

    def end(self, last: Event, ended: SessionEnded) -> None:
        """Add the last event, room or not; after it ``receive`` raises ``ended``."""
        self._tell_missing()
        self._events.append(last)
        self._ended = ended
        self._receivers.unpark_all()

    async def receive(self) -> Event:
        """The next event; waits for one. A cancel loses none. Raises ``SessionEnded`` after the last.

        Other tasks get a turn where it waits, and each 16th time.
        """
        self._found += 1
        if self._found % EVENTS_PER_TURN == 0:
            await trio.lowlevel.checkpoint()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            if self._events:
                return self._events.popleft()
            if self._missing:
                return self._take_missing()
            if self._ended is not None:
                raise SessionEnded(self._ended.code, self._ended.reason)
            self._found = 0
            await self._receivers.park()

    def _tell_missing(self) -> None:
        if self._missing:
            self._events.append(self._take_missing())

    def _take_missing(self) -> EventsLost:
        lost = EventsLost(cause="the application was too slow: event buffer full", count=self._missing)
        self._missing = 0
        return lost


class EventIterator:
    """``async for`` over a buffer, until the session is over."""

    def __init__(self, buffer: EventBuffer) -> None:
        self._buffer = buffer

    def __aiter__(self) -> "EventIterator":
        return self

    async def __anext__(self) -> Event:
        try:
            return await self._buffer.receive()
        except SessionEnded:
            raise StopAsyncIteration from None
