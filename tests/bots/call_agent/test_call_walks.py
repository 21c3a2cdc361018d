"""Random days of a call agent: callers, humans and connections do what they like, and every call comes to its end."""

import random
from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock

from botkit import CallInvited, SignalingError
from botkit.testing import User
from bots.call_agent.phases import Phase
from tests.bots.call_agent.offices import Office, make_flow, office

FLOW = make_flow(
    [
        {
            "do": "menu",
            "prompt": "1 team, 2 boss, 3 pin, 9 end",
            "timeout_seconds": 5,
            "choices": {"1": "team", "2": "boss", "3": "pin", "9": [{"do": "end"}]},
        }
    ],
    team=[{"do": "queue", "to": "team", "otherwise": "main"}, {"do": "end"}],
    boss=[{"do": "transfer", "to": "boss", "mode": "announced", "ring_seconds": 5, "otherwise": "main"}, {"do": "end"}],
    pin=[
        {"do": "gather", "prompt": "PIN", "into": "pin", "min_digits": 4, "max_digits": 4, "secret": True},
        {"do": "go", "to": "main"},
    ],
)
CALLERS = tuple(f"caller-{number}" for number in range(6))
PEOPLE = ("anna", "bert", "boss")
LONGEST = 90.0


async def live_as_a_caller(at: Office, user: User, chance: random.Random) -> None:
    """Call, press, wait, hang up, or lose the connection, over and over."""
    while True:
        await trio.sleep(chance.uniform(0, 20))
        try:
            call = await user.call("support", channel=f"support-{user.account}")
            for _ in range(chance.randrange(8)):
                await trio.sleep(chance.choice([0, 0, 0.1, 1, 6, 20]))
                match chance.randrange(12):
                    case 0:
                        at.world.road(user.account).cut()
                    case 1:
                        await call.end()
                    case _:
                        await call.press(chance.choice("1239123445"))
            if chance.random() < 0.7:
                await call.end()
        except SignalingError:
            continue  # refused, over, or disconnected: that is life


async def live_as_a_human(user: User, chance: random.Random) -> None:
    """Take what comes, or not."""
    while True:
        invited = await user.expect(CallInvited, within=100_000)
        call = user.session.call(invited.call)
        await trio.sleep(chance.choice([0, 0, 1, 4, 40]))
        try:
            if call is None or chance.random() < 0.2:
                continue
            if chance.random() < 0.2:
                await call.refuse()
                continue
            await call.accept()
            await trio.sleep(chance.choice([0, 0.5, 3]))
            await call.press(chance.choice("112"))
            await trio.sleep(chance.choice([0, 2, 20]))
            await call.end()
        except SignalingError:
            continue


async def disturb(at: Office, chance: random.Random) -> None:
    """Cut the agent's own connection, now and then for longer than it can be resumed."""
    while True:
        await trio.sleep(chance.uniform(20, 120))
        road = at.world.road("support")
        if chance.random() < 0.5:
            road.cut()
        else:
            road.block()
            await trio.sleep(chance.choice([2, 15, 70]))
            road.open()


async def spend_a_day(seed: int, seconds: float) -> Sequence[str]:
    """The outcomes of all calls of a day; at its end none is open, anywhere."""
    chance = random.Random(seed)
    keys = {"flow": FLOW, "max_calls": 4, "max_call_seconds": LONGEST, "idle_seconds": 40}
    async with office(**keys) as at:  # type: ignore[arg-type]
        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for name in CALLERS:
                    nursery.start_soon(live_as_a_caller, at, await at.world.user(name), chance)
                for name in PEOPLE:
                    nursery.start_soon(live_as_a_human, await at.world.user(name), chance)
                nursery.start_soon(disturb, at, chance)
        at.world.road("support").open()
        await trio.sleep(LONGEST + 60)
        records = await at.records()
        assert [record for record in records if record.end_ms is None or not record.outcome] == []
        for record in records:
            assert record.end_ms is not None
            if record.outcome != "refused":
                phases = [entry.text for entry in record.timeline if entry.what == "phase"]
                assert phases[-1] == Phase.OVER.value
            if record.answered_ms is not None:
                assert record.end_ms - record.answered_ms <= (LONGEST + 10) * 1000
        assert at.world.metric("botkit_call_agent_going_on") == 0
        assert at.world.metric("botkit_call_agent_waiting") == 0
        (app,) = at.world.host.gateway.hubs.values()
        assert not app.calls._calls
        return [record.outcome for record in records]


@pytest.mark.row("F02")
@pytest.mark.row("F04")
async def test_every_call_of_some_random_minutes_comes_to_its_end(autojump_clock: MockClock) -> None:
    assert len(await spend_a_day(1, 100)) > 5


@pytest.mark.slow
@pytest.mark.row("F02")
@pytest.mark.row("F04")
async def test_every_call_of_random_hours_comes_to_its_end(autojump_clock: MockClock) -> None:
    seen = set[str]()
    for seed in range(100, 103):
        seen |= set(await spend_a_day(seed, 900))
    assert seen >= {"completed", "hung_up", "refused", "no_input"}
