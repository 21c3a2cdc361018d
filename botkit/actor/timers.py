"""Periodic work on trio's clock."""

from collections.abc import Awaitable, Callable

import trio


async def tick_every(
    seconds: float, function: Callable[[], Awaitable[None]], *, on_left_out: Callable[[int], None] | None = None
) -> None:
    """Call ``function`` each ``seconds`` (more than 0), first after that time; runs until it is cancelled.

    The beats lie on a fixed grid: a call that takes long delays none of the later ones. Beats that pass while
    a call runs are left out, so that calls never overlap and never pile up; ``on_left_out`` is told how many.
    """
    if seconds <= 0:
        raise ValueError(f"tick_every: more than 0 seconds expected, got {seconds}")
    start, beat = trio.current_time(), 1
    while True:
        await trio.sleep_until(start + beat * seconds)
        await function()
        left_out = max(0, int((trio.current_time() - start) / seconds) - beat)
        if left_out and on_left_out is not None:
            on_left_out(left_out)
        beat += left_out + 1
