"""Random walks: whatever happens to sessions under a governor, nothing is lost silently, doubled, swapped or leaked."""

import random
from collections import defaultdict
from typing import TypeGuard

import pytest
import trio
from trio.testing import MockClock

from botkit.errors import SendFailed, SessionEnded
from botkit.events import ChannelMessage, Event, InstantMessage
from botkit.signaling import LoginSession
from botkit.signaling.effects import Lane
from botkit.signaling.governor_settings import GovernorSettings
from botkit.testing.weather import Weather
from tests.signaling.test_governor import Stage, open_stage

STEPS = 60
QUIET, BUSY = 6, 40
"""Fewer than so many messages at a time, of each step and of each who disturbs."""
WALKS = [(seed, QUIET) for seed in range(4)]
LONG_WALKS = [pytest.param(seed, crowd, marks=pytest.mark.slow) for crowd in (QUIET, BUSY) for seed in range(4, 10)]


class Walk:
    """Three sessions that send, others that disturb, and what became of each message."""

    def __init__(self, stage: Stage, chance: random.Random, crowd: int) -> None:
        self.stage, self.chance, self.crowd = stage, chance, crowd
        self.numbers: dict[tuple[str, str, Lane], int] = defaultdict(int)
        self.told_sent: set[str] = set()
        self.told_failed: set[str] = set()
        self.unsure: set[str] = set()

    async def send(self, session: LoginSession, target: str, lane: Lane, patience: float) -> None:
        """Send one message, numbered by sender, target and lane, and note what it came to."""
        key = (session.account, target, lane)
        self.numbers[key] += 1
        text = f"{session.account} {target} {lane.name} {self.numbers[key]}"
        with trio.move_on_after(patience) as scope:
            try:
                if target == "lobby":
                    if session.channel is None or session.channel.name != "lobby":
                        return
                    await session.channel.send(text, lane=lane)
                else:
                    await session.send_instant(target, text, lane=lane)
                self.told_sent.add(text)
            except SendFailed as error:
                (self.unsure if error.code == 401 else self.told_failed).add(text)
            except SessionEnded:
                self.unsure.add(text)
        if scope.cancelled_caught:
            self.unsure.add(text)

    async def disturb(self, sessions: list[LoginSession], people: list[LoginSession]) -> None:
        """One thing that may happen."""
        match self.chance.randrange(7):
            case 0:
                self.stage.world.road(self.chance.choice(sessions).account).cut()
            case 1:
                delay, jitter = self.chance.random() * 0.05, self.chance.random() * 0.05
                self.stage.world.road(self.chance.choice(sessions).account).weather = Weather(
                    delay=delay, jitter=jitter
                )
            case 2:
                limit = self.chance.choice(["1", "5", "50", "500"])
                if people[0].channel is not None:
                    await people[0].channel.set_attribute("_sendmsg_limit", limit)
            case 3:
                if people[0].channel is not None:
                    await people[0].channel.delete_attribute("_sendmsg_limit")
            case 4:
                for person in people:
                    async with trio.open_nursery() as nursery:
                        for _ in range(self.chance.randrange(self.crowd)):
                            nursery.start_soon(self.shout, person)
            case _:
                pass
        await trio.sleep(self.chance.random())

    async def shout(self, person: LoginSession) -> None:
        try:
            if person.channel is not None:
                await person.channel.send("noise")
        except SendFailed:
            pass  # people have no governor


def is_numbered(event: Event) -> TypeGuard[ChannelMessage | InstantMessage]:
    return isinstance(event, ChannelMessage | InstantMessage) and " " in event.text


@pytest.mark.parametrize(("seed", "crowd"), [*WALKS, *LONG_WALKS])
async def test_walk(seed: int, crowd: int, autojump_clock: MockClock) -> None:
    chance = random.Random(seed)
    async with open_stage(GovernorSettings(queue=10_000)) as stage:
        hearer = await stage.world.user("hearer", channel="lobby")
        people = [(await stage.world.user(name, channel="lobby")).session for name in ("ann", "bob")]
        walk = Walk(stage, chance, crowd)
        async with stage.sessions("a", "b", "c") as sessions, trio.open_nursery() as nursery:
            for _ in range(STEPS):
                for _ in range(chance.randrange(crowd)):
                    target, lane = chance.choice(["lobby", "hearer"]), chance.choice(list(Lane))
                    patience = chance.choice([0.5, 100.0, 100.0, 100.0])
                    nursery.start_soon(walk.send, chance.choice(sessions), target, lane, patience)
                await walk.disturb(sessions, people)
        await trio.sleep(15)
        heard = [event.text for event in await hearer.heard(Event) if is_numbered(event)]
        now = trio.current_time()
        assert stage.governor.waiting == 0
        assert all(window.idle(now) for window in stage.governor._users.values())
        assert all(limits.idle(now) for limits in stage.governor._channels.values())
    assert len(heard) == len(set(heard)), "sent twice"
    assert walk.told_sent <= set(heard), "lost although it was told to be sent"
    assert not walk.told_failed & set(heard), "sent although it was told to have failed"
    assert set(heard) <= walk.told_sent | walk.unsure
    assert len(walk.told_sent) > STEPS * crowd // 8
    last: dict[str, int] = defaultdict(int)
    for text in heard:
        key, _, number = text.rpartition(" ")
        assert int(number) > last[key], f"{text} was overtaken"
        last[key] = int(number)
