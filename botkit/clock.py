"""Calendar time by trio's clock, so that virtual time moves both."""

import time

import trio

_offset: trio.lowlevel.RunVar[float] = trio.lowlevel.RunVar("botkit_calendar_offset")


class WallClock:
    """Time since 1970 that advances with trio's clock; all gateways and bots of one trio run agree on it."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        try:
            self._offset = _offset.get()
        except LookupError:
            self._offset = time.time() - trio.current_time()
            _offset.set(self._offset)

    def ms(self) -> int:
        """Now, in whole milliseconds since 1970."""
        return int(self.seconds() * 1000)

    def seconds(self) -> float:
        """Now, in seconds since 1970."""
        return trio.current_time() + self._offset
