"""A bot that acts at random on a gateway, is killed at random, and takes all of it back: what must be as before."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import TypeAlias

import trio

from botkit import Database, LoginSession, Meters, SqlValue, open_database
from botkit.app.context import BotInfo
from botkit.testing import World, open_world
from botkit.types import Account, ChannelName
from bots.moderation.acting.sessions import SENDMSG_LIMIT
from bots.moderation.cases.facts import Draft
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.cases.selection import Selection
from bots.moderation.rules import Joined, Message
from bots.moderation.rules.actions import parse_action
from bots.moderation.rules.settings import FloodRule, JoinWaveRule, RepeatRule
from bots.moderation.service import Service, open_service
from bots.moderation.settings import ModerationSettings

ACCOUNTS = ("ann", "bob", "cy")
CHANNELS = ("lobby", "hall")
MODERATORS = ("mod-eve", "mod-fred")
RULES = ("one", "two", "three")
ACTIONS = (
    *("strike", "warn", "notice", "slow 2", "slow 5 1h", "mute", "mute 10m", "mute 2h everywhere"),
    *("kick", "ban", "ban 1h", "hold", "alert"),
)
HOUR_MS = 3_600_000

State: TypeAlias = dict[str, object]
_numbers = count()


class UndoWorld:
    """A gateway, two sessions of the bot, and an administrator who was at work before it."""

    def __init__(self, world: World, database: Database, url: str, admin: LoginSession, seed: int) -> None:
        self.world, self.database, self.admin = world, database, admin
        self.random = random.Random(seed)
        self.settings = ModerationSettings(
            rules=(
                FloodRule(id="flood", messages=1, seconds=3_600),
                RepeatRule(id="repeat", times=1, seconds=3_600),
                JoinWaveRule(id="raid", joins=2, seconds=3_600, quiet_seconds=3_600),
            ),
            database=url,
            alerts=("mod-eve",),
        )

    async def prepare(self) -> None:
        """Sanctions and limits that are not the bot's."""
        for account in ACCOUNTS:
            for channel in ("", *CHANNELS):
                if self.random.random() < 0.3:
                    seconds = self.random.choice([0, 3_600, 86_400])
                    await self.admin.mute(account, channel=channel, seconds=seconds, reason="an administrator's")
        for channel in CHANNELS:
            await self.admin.join(channel)
            if self.random.random() < 0.5:
                limit = str(self.random.choice([1, 3, 100]))
                await self.admin.invoke("channel_set_attr", {"channel": channel, "name": SENDMSG_LIMIT, "value": limit})
        if self.random.random() < 0.3:
            await self.admin.ban("cy", seconds=self.random.choice([0, 7_200]), reason="an administrator's")

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Service]:
        """One life of the bot: two sessions, and all that it keeps in memory. It ends at once, wherever it is."""
        info = BotInfo(name="moderation", account=Account("judge"), channels=tuple(map(ChannelName, CHANNELS)))
        async with (
            self.world.signal.open_session("judge") as first,
            self.world.signal.open_session("judge~2") as second,
        ):
            await first.join("lobby")
            await second.join("hall")
            async with open_service(self.settings, info, Meters()) as service:
                service.crew.add(first)
                service.crew.add(second)
                yield service

    async def act(self, service: Service) -> None:
        """Something at random: a verdict's case, a moderator's, a raid, what a rule remembers, or an undo."""
        kind = self.random.random()
        if kind < 0.5:
            await self._case(service)
        elif kind < 0.7:
            await self._by_hand(service)
        elif kind < 0.8:
            self._raid(service)
        elif kind < 0.9:
            await self._message(service)
        else:
            await service.undoer.undo(self.selection(), "mod-eve")

    def selection(self) -> Selection:
        """Some cases: one, a rule's, a moderator's, an account's, those of a window of time."""
        match self.random.randrange(5):
            case 0:
                return Selection(case=self.random.randrange(1, 60))
            case 1:
                return Selection(rule=self.random.choice(RULES))
            case 2:
                return Selection(by=self.random.choice([*MODERATORS, "judge"]))
            case 3:
                return Selection(account=self.random.choice(ACCOUNTS))
            case _:
                return Selection(since_ms=1, until_ms=int(trio.current_time()) + 1)

    async def state(self, service: Service) -> State:
        """All that must be as it was: what is in force, what is counted, what is remembered."""
        sanctions = await self.admin.list_sanctions()
        now = service.clock.ms()
        lane = service.moderator.acting
        attributes: dict[str, str | None] = {}
        for channel in CHANNELS:
            place = service.crew.session_in(channel).channel
            attributes[channel] = None if place is None else place.attributes.get(SENDMSG_LIMIT)
        return {
            "sanctions": {(one.kind, one.account, one.channel): _lasts(one.until_ms, now) for one in sanctions},
            "limits": attributes,
            "strikes": {account: await service.ledger.strikes("live", account, now) for account in ACCOUNTS},
            "reviews": await self._rows("SELECT * FROM acts WHERE verb = 'hold' AND counts = 1"),
            "cells": await self._rows("SELECT * FROM cells"),
            "raids": dict(lane.raids.open),
            "remembered": dict(lane.state.quiet),
        }

    async def cases(self) -> int:
        """How many cases were opened."""
        return len(await self._rows("SELECT id FROM cases"))

    async def _rows(self, query: str) -> list[tuple[SqlValue, ...]]:
        return await self.database.fetch(query)

    async def _case(self, service: Service) -> None:
        account, channel = self.random.choice(ACCOUNTS), self.random.choice(CHANNELS)
        draft = Draft(
            lane="live",
            ms=service.clock.ms(),
            moderator="judge",
            by="judge",
            channel=channel,
            account=account,
            rule=self.random.choice(RULES),
            kind="words",
            detail="a test",
            held=True,
        )
        actions = [parse_action(text) for text in self.random.sample(ACTIONS, self.random.randrange(1, 5))]
        await service.moderator.acting.enforcer.enforce(draft, actions)

    async def _by_hand(self, service: Service) -> None:
        action = parse_action(self.random.choice(["mute 5m", "ban 30m", "kick", "slow 1 10m", "mute everywhere"]))
        by, account = self.random.choice(MODERATORS), self.random.choice(ACCOUNTS)
        await service.act_by_hand(by, action, account, self.random.choice(CHANNELS), "by hand")

    def _raid(self, service: Service) -> None:
        channel, now = self.random.choice(CHANNELS), service.clock.ms()
        for account in self.random.sample(ACCOUNTS, 3):
            service.moderator.on_joined(Joined(channel=channel, account=account, ms=now))

    async def _message(self, service: Service) -> None:
        channel, account = self.random.choice(CHANNELS), self.random.choice(ACCOUNTS)
        await service.moderator.on_message(Message(channel=channel, account=account, text="x", ms=service.clock.ms()))


def _lasts(until_ms: int, now: int) -> int:
    """How long a sanction still lasts, in minutes; -1: until it is lifted. What is set anew may lose a moment."""
    return round((until_ms - now) / 60_000) if until_ms else -1


@asynccontextmanager
async def undo_world(seed: int) -> AsyncIterator[UndoWorld]:
    """A world with a past of its own."""
    url = f"sqlite://undo_{next(_numbers)}"
    async with (
        open_database(url, SCHEMA) as database,
        open_world(server_accounts=("judge", "judge~*", "admin")) as world,
        world.signal.open_session("admin") as admin,
    ):
        made = UndoWorld(world, database, url, admin, seed)
        await made.prepare()
        yield made


async def settle(service: Service) -> None:
    """Wait until all that was asked for is done."""
    for _ in range(100):
        await trio.sleep(0.5)
        await service.undoer.catch_up()
        if not service.workers.waiting:
            rows = await service.ledger.database.fetch("SELECT count(*) FROM cells WHERE dirty = 1")
            pending = await service.ledger.database.fetch("SELECT count(*) FROM acts WHERE outcome = 'pending'")
            if rows == pending == [(0,)]:
                return
    raise AssertionError("it does not come to rest")


async def walk_in_one_life(seed: int, *, steps: int) -> int:
    """Random acts, then all undone: everything is as before, what the bot has in memory, too. The number of cases."""
    async with undo_world(seed) as at, at.life() as service:
        before = await at.state(service)
        for _ in range(steps):
            await at.act(service)
            await trio.sleep(0.01)
        await settle(service)
        changed = await at.state(service)
        await service.undoer.undo(Selection(since_ms=1), "mod-eve")
        await settle(service)
        assert await at.state(service) == before, f"seed {seed}"
        assert changed != before
        again = await service.undoer.undo(Selection(since_ms=1), "mod-eve")
        assert (again.cases, await at.state(service)) == ((), before)
        return await at.cases()


async def walk_through_kills(seed: int, *, steps: int) -> int:
    """The same with a bot whose lives end in the middle of anything, of the undo, too. The number of cases."""
    async with undo_world(seed) as at:
        async with at.life() as service:
            before = await at.state(service)
        left = steps
        while left > 0:
            async with at.life() as service:
                with trio.move_on_after(at.random.uniform(0.001, 0.4)):
                    while left > 0:
                        left -= 1
                        await at.act(service)
                        await trio.sleep(0.01)
        async with at.life() as service:
            with trio.move_on_after(at.random.uniform(0.001, 0.05)):
                await service.undoer.undo(Selection(since_ms=1), "mod-eve")
        async with at.life() as service:
            await settle(service)
            await service.undoer.undo(Selection(since_ms=1), "mod-eve")
            await settle(service)
            assert await at.state(service) == before, f"seed {seed}"
            return await at.cases()
