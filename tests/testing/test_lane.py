"""A lane takes messages apart where each frame may meet a fault, and only there."""

import random

import pytest

from botkit.testing.lane import Lane, Message
from botkit.wire.frames import join_frames

ONE, TWO, THREE = (b'["pong",%d]' % number for number in (1, 2, 3))


class Road:
    """What arrives at the end of a lane."""

    def __init__(self) -> None:
        self.arrived: list[Message] = []
        self.lane = Lane(self._deliver, random.Random(0))

    async def _deliver(self, message: Message) -> None:
        self.arrived.append(message)


async def test_in_calm_weather_what_was_sent_together_arrives_together() -> None:
    road = Road()
    await road.lane.carry(join_frames([ONE, TWO, THREE]))
    assert road.arrived == [join_frames([ONE, TWO, THREE])]


@pytest.mark.parametrize("as_text", [False, True])
async def test_faults_meet_one_frame_at_a_time(as_text: bool) -> None:
    road = Road()
    message = join_frames([ONE, TWO, THREE])
    road.lane.drop_next(1)
    await road.lane.carry(message.decode() if as_text else message)
    assert road.arrived == [TWO, THREE]
    road.lane.duplicate_next(2)
    await road.lane.carry(message)
    assert road.arrived[2:] == [ONE, ONE, TWO, TWO, THREE]
    road.lane.lose('["pong",2]')
    await road.lane.carry(message)
    assert road.arrived[7:] == [ONE, THREE]
