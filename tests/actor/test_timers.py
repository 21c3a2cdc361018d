"""Ticks on a fixed grid."""

import pytest
import trio

from botkit.actor.timers import tick_every


async def test_beats_lie_on_a_grid(autojump_clock: trio.testing.MockClock) -> None:
    beats: list[float] = []

    async def beat() -> None:
        beats.append(trio.current_time())
        await trio.sleep(4)

    with trio.move_on_after(35):
        await tick_every(10, beat)
    assert beats == [10, 20, 30]


async def test_beats_that_pass_meanwhile_are_left_out(autojump_clock: trio.testing.MockClock) -> None:
    beats: list[float] = []

    async def beat() -> None:
        beats.append(trio.current_time())
        await trio.sleep(25)

    left_out: list[int] = []
    with trio.move_on_after(99):
        await tick_every(10, beat, on_left_out=left_out.append)
    assert beats == [10, 40, 70]
    assert left_out == [2, 2, 2]


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_beat_without_a_period(seconds: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        await tick_every(seconds, trio.lowlevel.checkpoint)
