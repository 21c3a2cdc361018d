"""Random walks: people come and go, connections break, the gateway restarts; in the end the pool is where they are."""

import random
from collections.abc import Awaitable, Callable

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import App, Bot, BotPlacement, ChannelMessage, Context
from botkit import filters as f
from botkit.errors import SignalingError
from botkit.gateway.settings import GatewaySettings
from botkit.testing import User, World, open_world

PEOPLE, ROOMS, MOST, STEPS, LINGER = 8, 6, 4, 40, 20.0
SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 24))]


def make_bot() -> Bot:
    bot = Bot("bot")

    @bot.on_channel_message(text="who?")
    async def tell(message: ChannelMessage, ctx: Context) -> None:
        await ctx.channel.send(f"{ctx.session.account} in {ctx.channel.name}")

    return bot


class Walk:
    """What may happen, at random."""

    def __init__(self, world: World, people: list[User], chance: random.Random) -> None:
        self._world, self._people, self._chance = world, people, chance
        self.moves: list[Callable[[], Awaitable[None]]] = [
            *[self.move] * 8,
            self.leave,
            self.leave,
            self.cut,
            self.away,
            self.restart,
            self.forget,
            self.kick,
            self.wait,
            self.wait,
        ]

    async def step(self) -> None:
        """One move. What the service refuses meanwhile is nobody's fault."""
        try:
            await self._chance.choice(self.moves)()
        except SignalingError:
            pass

    async def move(self) -> None:
        room = self._chance.choice([*(f"room-{number}" for number in range(ROOMS)), "hall"])
        await self._chance.choice(self._people).join(room)

    async def leave(self) -> None:
        await self._chance.choice(self._people).leave()

    async def cut(self) -> None:
        account = self._chance.choice(["botkit-feed-channels-bot", "bot", *(f"bot~{number}" for number in range(2, 6))])
        self._world.road(account).cut()

    async def away(self) -> None:
        road = self._world.road("botkit-feed-channels-bot")
        road.block()
        try:
            for _ in range(5):
                await self.move()
            await trio.sleep(self._chance.choice([1, 40, 130]))
        finally:
            road.open()

    async def restart(self) -> None:
        await self._world.restart_gateway(
            down_seconds=self._chance.choice([0, 5, 40]), crash=self._chance.random() < 0.5
        )

    async def forget(self) -> None:
        await self._world.host.stop()
        self._world.host.forget()
        await self._world.host.start()

    async def kick(self) -> None:
        await self._world.kick(f"bot~{self._chance.randrange(2, 6)}", f"room-{self._chance.randrange(ROOMS)}")

    async def wait(self) -> None:
        await trio.sleep(self._chance.choice([0.1, 3, 25]))


def pool_rooms(app: App) -> list[str]:
    """Where the pool is, each account once."""
    sessions = [one for one in app.statistics()[0].sessions if one.channel is not None]
    assert len({one.account for one in sessions}) == len(sessions) <= MOST
    return sorted(one.channel for one in sessions if one.channel and one.in_channel and one.status == "logged_in")


@pytest.mark.parametrize("seed", SEEDS)
async def test_in_the_end_the_pool_is_where_people_are(seed: int, autojump_clock: MockClock) -> None:
    chance = random.Random(seed)
    settings = GatewaySettings(apps=(), ledger_events=chance.choice([0, 1_000_000]), logins_per_account=10_000)
    placement = BotPlacement(
        bot=make_bot(), account="bot", channels=("room-*",), max_channels=MOST, linger_seconds=LINGER
    )
    with capture_logs():
        async with open_world(gateway=settings, seed=seed) as world, world.running(placement) as app:
            people = [await world.user(f"user{number}") for number in range(PEOPLE)]
            walk = Walk(world, people, chance)
            for _ in range(STEPS):
                await walk.step()
                pool_rooms(app)
            await trio.sleep(300)
            channels = [user.session.channel for user in people]
            rooms = {channel.name for channel in channels if channel is not None and channel.name != "hall"}
            found = pool_rooms(app)
            assert len(found) == min(len(rooms), MOST)
            assert set(found) <= rooms
            assert world.metric("botkit_pool_accounts_lost_total") == 0
            for user in people:
                if user.session.channel is not None and user.session.channel.name in found:
                    await user.say("who?")
                    await user.expect(ChannelMessage, f.text.endswith(f" in {user.session.channel.name}"))
