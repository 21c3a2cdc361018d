"""The fault palette: each fault bites, and the bot answers again afterwards."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock

from botkit import Bot, ChannelMessage, Context, EventsLost
from botkit import filters as f
from botkit.errors import ErrorCode, LoginFailed, SendFailed
from botkit.events import ChannelLeft, Event, LoggedOut, Reconnected, Reconnecting
from botkit.testing import CALM, User, Weather, World, open_world

CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"


@dataclass
class Scene:
    """A bot that answers and notes what happens to its session, alice who talks to it, and the world."""

    world: World
    alice: User
    told: list[Event] = field(default_factory=list)

    def told_of(self, event_type: type[Event]) -> int:
        """How often the bot was told."""
        return sum(isinstance(event, event_type) for event in self.told)


def noting_bot(told: list[Event]) -> Bot:
    bot = Bot("concierge")

    @bot.on_channel_message(f.text.startswith("!hello"))
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(message.text.replace("!hello", f"hello, {message.account}"))

    @bot.on(Event)
    async def note(event: Event) -> None:
        told.append(event)

    return bot


async def drop(at: Scene) -> None:
    at.world.road("alice").drop_next(1)
    begin = trio.current_time()
    with pytest.raises(SendFailed) as failed:
        await at.alice.say("!hello, lost on the way")
    assert failed.value.code is ErrorCode.SENDMESSAGE_E_TIMEOUT
    assert trio.current_time() - begin == pytest.approx(5, abs=0.1)
    await at.alice.expect_nothing(ChannelMessage)


async def drop_answers(at: Scene) -> None:
    at.world.road("alice").drop_next(from_gateway=2)  # the answer and the message itself
    with pytest.raises(SendFailed):
        await at.alice.say("!hello, carried out all the same")
    await at.alice.expect_text("hello, alice, carried out all the same")


async def deaf(at: Scene) -> None:
    at.world.road("alice").lose(from_gateway='["notify"')
    await at.alice.say("!hello, I cannot hear you")
    await at.alice.expect_nothing(ChannelMessage, seconds=60)
    at.world.road("alice").lose()


async def delay(at: Scene) -> None:
    road = at.world.road("alice")
    road.weather = Weather(delay=0.4, jitter=0.2)
    begin = trio.current_time()
    for number in range(5):
        await at.alice.say(f"!hello {number}")
    assert 4 <= trio.current_time() - begin <= 6.1  # five requests, there and back
    answers = await at.alice.heard(ChannelMessage, seconds=3)
    assert [one.text for one in answers if one.account == "concierge"] == [f"hello, alice {n}" for n in range(5)]
    road.weather = CALM


async def duplicate(at: Scene) -> None:
    at.world.road("alice").duplicate_next(from_gateway=10)
    await at.alice.say("!hello")
    answers = await at.alice.heard(ChannelMessage)
    assert [one.text for one in answers] == ["!hello", "hello, alice"]  # each told once


async def reorder(at: Scene) -> None:
    road = at.world.road("concierge")
    road.weather = Weather(reorder=0.5)
    for number in range(20):
        await at.alice.say(f"!hello {number}")
    road.weather = CALM
    answers = await at.alice.heard(ChannelMessage, seconds=3)
    numbers = [int(one.text.split()[-1]) for one in answers if one.account == "concierge"]
    # A channel's message numbers rise; what others have overtaken comes too late, as the vendor's clients have it.
    assert numbers == sorted(set(numbers))
    assert 0 < len(numbers) < 20


async def connection_lost(at: Scene) -> None:
    at.world.road("concierge").cut()
    await at.alice.say("!hello, while you were away")
    await at.alice.expect_text("hello, alice, while you were away", within=30)
    assert (at.told_of(Reconnecting), at.told_of(Reconnected)) == (1, 1)
    assert at.told_of(EventsLost) == 0


async def half_open(at: Scene) -> None:
    at.world.road("concierge").block()
    await at.alice.say("!hello, are you deaf?")
    await at.alice.expect_nothing(ChannelMessage, f.account.is_("concierge"), seconds=40)
    assert at.told_of(Reconnecting) >= 1  # it has found out by itself
    at.world.road("concierge").open()
    await trio.sleep(60)


async def kicked(at: Scene) -> None:
    await at.world.kick("alice", "lobby")
    await at.alice.expect(ChannelLeft, code=ErrorCode.LEAVECHANNEL_E_KICKED)
    await at.alice.join("lobby")


async def displaced(at: Scene) -> None:
    bob = await at.world.user("bob", channel="lobby")
    await at.world.displace("bob")
    await bob.expect(LoggedOut, code=ErrorCode.LOGOUT_E_KICKED)


async def token_expired(at: Scene) -> None:
    at.world.token_seconds = 60
    async with at.world.visitor("carol") as carol:
        at.world.token_seconds = -1
        await carol.expect(LoggedOut, code=ErrorCode.LOGOUT_E_TOKENEXPIRED, within=70)
        with pytest.raises(LoginFailed) as failed:
            await at.world.user("dave")
        assert failed.value.code is ErrorCode.LOGIN_E_TOKENEXPIRED
    at.world.token_seconds = 86_400


async def gateway_restarted(at: Scene) -> None:
    await at.world.restart_gateway(down_seconds=3)
    await at.alice.expect(Reconnected, within=60)
    await trio.sleep(60)
    assert at.told_of(Reconnected) == 1


async def gateway_crashed(at: Scene) -> None:
    await at.world.restart_gateway(down_seconds=20, crash=True)
    await at.alice.expect(Reconnected, within=60)
    await trio.sleep(60)
    assert at.told_of(Reconnected) == 1


async def clock_jumped(at: Scene) -> None:
    at.world.jump(600)  # like a machine that was asleep: everybody's timers are overdue at once
    await trio.sleep(60)


Fault = Callable[[Scene], Awaitable[None]]
FAULTS: list[Fault] = [
    drop,
    drop_answers,
    deaf,
    delay,
    duplicate,
    reorder,
    connection_lost,
    half_open,
    kicked,
    displaced,
    token_expired,
    gateway_restarted,
    gateway_crashed,
    clock_jumped,
]


@pytest.mark.row("B19")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_fault_bites_and_passes(fault: Fault, autojump_clock: MockClock) -> None:
    told: list[Event] = []
    async with open_world(noting_bot(told), certificate=CERTIFICATE) as world:
        at = Scene(world, await world.user("alice", channel="lobby"), told)
        await fault(at)
        await at.alice.say("!hello again", channel="lobby")
        await at.alice.expect_text("hello, alice again", within=30)


async def test_the_same_seed_makes_the_same_weather(autojump_clock: MockClock) -> None:
    async def storm(seed: int) -> list[str]:
        async with open_world(seed=seed) as world:
            alice, bob = await world.user("alice", channel="lobby"), await world.user("bob", channel="lobby")
            world.road("bob").weather = Weather(drop=0.3, duplicate=0.2, reorder=0.3, jitter=0.01)
            for number in range(50):
                await alice.say(str(number))
            return [message.text for message in await bob.heard(ChannelMessage)]

    first = await storm(1)
    assert first == await storm(1)
    assert first != await storm(2)
    assert 20 < len(first) < 50


@pytest.mark.parametrize("wrong", [{"drop": 1.1}, {"reorder": -0.1}, {"delay": -1.0}, {"jitter": float("inf")}])
def test_impossible_weather_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: .* expected"):
        Weather(**wrong)


async def test_what_waited_on_a_half_open_road_passes_when_it_opens_in_time(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        alice, bob = await world.user("alice", channel="lobby"), await world.user("bob", channel="lobby")
        world.road("bob").block()
        for number in range(3):
            await alice.say(str(number))
        await bob.expect_nothing(ChannelMessage, seconds=3)
        world.road("bob").open()
        assert [message.text for message in await bob.heard(ChannelMessage)] == ["0", "1", "2"]
        await bob.expect_nothing(Reconnecting)
