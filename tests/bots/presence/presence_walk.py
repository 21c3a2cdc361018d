"""A random life of a whole world by its seed: real gateway, real bot, real clients, and all that goes wrong.

As a program it walks many, and stops at the first that the daemon is silently wrong in::

    python -m tests.bots.presence.presence_walk 0 1000
"""

import random
import sys
from contextlib import AsyncExitStack

import trio
from trio.testing import MockClock

from botkit import open_database
from botkit.errors import SignalingError
from botkit.gateway.ledger import Ledger
from botkit.gateway.settings import GatewaySettings
from botkit.testing import CALM, User, Weather
from botkit.wire.ledger import LedgerEvent
from bots.presence.records import decode_record
from bots.presence.settings import DatabaseSettings
from tests.bots.presence.presence_stage import WATCHERS, Stage, open_stage

ACCOUNTS = ("ann", "bob", "cat", "dan")
CHANNELS = ("lobby", "room")
STEPS = 12
SETTLE_SECONDS = 150.0
"""A lost session is ended after 60 s, and a client waits up to 30 s for its next attempt."""


WINDOWS = (0, 2)


def sink_database(window: int) -> str:
    """Where the sink with this window writes."""
    return f"sqlite://presence_walk_{window}"


SINKS = tuple(DatabaseSettings(name=f"w{window}", database=sink_database(window), window=window) for window in WINDOWS)


class Truths:
    """Who was where, at all times, by what the gateway's own ledger was given."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self.changes: list[tuple[int, dict[str, str]]] = [(0, {})]

    def note(self, event: LedgerEvent) -> None:
        """An event was numbered."""
        if event.account in WATCHERS:
            return
        match event.event:
            case "user_online" | "channel_leave":
                self.there[event.account] = ""
            case "channel_join":
                self.there[event.account] = event.channel
            case "user_offline":
                self.there.pop(event.account, None)
        self.changes.append((event.ms, dict(self.there)))

    def forget(self, ms: int) -> None:
        """The gateway has lost its past, and all sessions with it."""
        self.there = {}
        self.changes.append((ms, {}))

    def at(self, ms: int) -> dict[str, str]:
        """When all was done that happened at ``ms``."""
        there: dict[str, str] = {}
        for when, state in self.changes:
            if when > ms:
                break
            there = state
        return there


class Walk:
    """One life."""

    def __init__(self, stage: Stage, seed: int, truths: Truths) -> None:
        self.stage, self.chance, self.truths = stage, random.Random(seed), truths
        self._people: dict[str, User] = {}
        self._nursery: trio.Nursery
        self._daemon = trio.CancelScope()
        self._daemon_ended = trio.Event()

    async def run(self) -> None:
        """Walk, let all settle, and compare."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self._run_daemon)
            for _ in range(STEPS):
                await self._step()
                await trio.sleep(self.chance.choice((0.0, 0.1, 1.0, 10.0, 40.0)))
            for account in ("presence", *ACCOUNTS):
                self.stage.world.road(account).weather = CALM
                self.stage.world.road(account).open()
            await trio.sleep(SETTLE_SECONDS)
            truth = self.stage.truth()
            believed = await self.stage.believed()
            assert believed == truth, (believed, truth)
            await self._check_history()
            for window in WINDOWS:
                told = await self._told(window)
                assert told == truth, (window, told, truth)
            self._nursery.cancel_scope.cancel()

    async def _run_daemon(self, *, task_status: trio.TaskStatus[None]) -> None:
        self._daemon_ended = trio.Event()
        with trio.CancelScope() as self._daemon:
            async with self.stage.daemon(sinks=SINKS):
                task_status.started()
                await trio.sleep_forever()
        self._daemon_ended.set()

    async def _step(self) -> None:
        steps = (
            (30, self._person),
            (6, self._cut),
            (6, self._block),
            (4, self._weather),
            (5, self._kill_daemon),
            (3, self._restart),
            (2, self._forget),
        )
        (step,) = self.chance.choices([step for _, step in steps], [weight for weight, _ in steps])
        await step()

    async def _person(self) -> None:
        account = self.chance.choice(ACCOUNTS)
        try:
            with trio.move_on_after(20):
                await self._let_act(account)
        except SignalingError:
            self._people.pop(account, None)  # on a bad road all may fail: who is there is what the gateway says

    async def _let_act(self, account: str) -> None:
        if account not in self._people:
            self._people[account] = await self.stage.world.user(account)
            return
        match self.chance.choice(("join", "join", "leave", "log out")):
            case "join":
                await self._people[account].join(self.chance.choice(CHANNELS))
            case "leave":
                await self._people[account].leave()
            case _:
                await self._people.pop(account).session.logout()

    async def _cut(self) -> None:
        self.stage.world.road(self.chance.choice(("presence", *ACCOUNTS))).cut()

    async def _block(self) -> None:
        road = self.stage.world.road(self.chance.choice(("presence", *ACCOUNTS)))
        if road.blocked:
            road.open()
        else:
            road.block()

    async def _weather(self) -> None:
        weather = self.chance.choice((CALM, Weather(delay=0.3, jitter=0.5), Weather(drop=0.05, duplicate=0.05)))
        self.stage.world.road(self.chance.choice(("presence", *ACCOUNTS))).weather = weather

    async def _kill_daemon(self) -> None:
        self._daemon.cancel()
        await self._daemon_ended.wait()
        await trio.sleep(self.chance.choice((0.0, 5.0, 60.0)))
        await self._nursery.start(self._run_daemon)

    async def _restart(self) -> None:
        await self.stage.world.restart_gateway(
            down_seconds=self.chance.choice((0, 3)), crash=self.chance.random() < 0.5
        )

    async def _forget(self) -> None:
        self.stage.world.host.forget()
        gateway = self.stage.world.host.gateway
        await self.stage.world.host.stop()
        self.truths.forget(gateway.clock.ms())
        await self.stage.world.host.start()

    async def _told(self, window: int) -> dict[str, str]:
        """Who is where by what a sink was told from the first record on. In a gap ends may be of what nobody saw."""
        there: dict[str, str] = {}
        in_gap = False
        async with open_database(sink_database(window)) as database:
            rows = await database.fetch("SELECT json FROM told ORDER BY cursor_ms, cursor_n, cursor_k")
        for record in [decode_record(str(text)) for (text,) in rows]:
            account, before = record.account, there.get(record.account)
            match record.event:
                case "gap" | "snapshot":
                    in_gap = record.event == "gap"
                case "online":
                    assert before is None, record
                    there[account] = ""
                case "joined":
                    assert before == "", record
                    there[account] = record.channel
                case "left":
                    assert before == record.channel or in_gap, record
                    there |= {account: ""} if before is not None else {}
                case "offline":
                    assert before == "" or in_gap, record
                    there.pop(account, None)
        return there

    async def _check_history(self) -> None:
        knowledge = await self.stage.queries.knowledge()
        for ms in sorted({when + after for when, _ in self.truths.changes for after in (0, 1)}):
            truth = self.truths.at(ms)
            picture = await self.stage.queries.at(ms)
            online = {one.account for one in picture.people if one.status == "online"}
            members = {one.account: one.channel for one in picture.people if one.channel_status == "online"}
            assert online <= truth.keys(), (ms, online, truth)
            assert all(truth[account] == channel for account, channel in members.items()), (ms, members, truth)
            if not knowledge.why_unknown(ms):
                assert online == truth.keys(), (ms, online, truth)
                assert members == {account: channel for account, channel in truth.items() if channel}


async def walk(seed: int) -> int:
    """One life by its seed. Raises ``AssertionError`` where the daemon is silently wrong.

    How often the truth changed.
    """
    chance = random.Random(f"{seed}/gateway")
    keeps = chance.choice((1, 5, 1_000_000))
    truths = Truths()
    append = Ledger.append

    def noting(self: Ledger, *arguments: object, **keywords: object) -> LedgerEvent:
        event = append(self, *arguments, **keywords)  # type: ignore[arg-type]
        truths.note(event)
        return event

    Ledger.append = noting  # type: ignore[method-assign]
    try:
        settings = GatewaySettings(apps=(), ledger_events=keeps)
        async with AsyncExitStack() as stack:
            for window in WINDOWS:  # in memory: there as long as somebody has it open
                await stack.enter_async_context(open_database(sink_database(window)))
            stage = await stack.enter_async_context(open_stage(runs=False, gateway=settings, seed=seed))
            await Walk(stage, seed, truths).run()
            return len(truths.changes) - 1
    finally:
        Ledger.append = append  # type: ignore[method-assign]


def main(first: int, last: int) -> None:
    """Walk the seeds from ``first`` up to ``last``."""
    for seed in range(first, last):
        try:
            trio.run(walk, seed, clock=MockClock(autojump_threshold=0))
        except BaseException:
            print(f"seed {seed}")
            raise
    print(f"{last - first} lives, never silently wrong")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
