"""Calendar time by trio's clock, so that virtual time moves both."""

import time

import trio


class WallClock:
    """Milliseconds since 1970, advancing with trio's clock from the moment of creation."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time() - trio.current_time()

    def ms(self) -> int:
        """Now, in whole milliseconds since 1970."""
        return int((trio.current_time() + self._offset) * 1000)

    def seconds(self) -> float:
        """Now, in seconds since 1970."""
        return trio.current_time() + self._offset
