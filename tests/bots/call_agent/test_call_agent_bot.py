from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import msgspec
import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from botkit import App, BotPlacement, CallEnded, Database, InstantMessage, SqlValue, open_database
from botkit.errors import InviteRefused
from botkit.testing import User, World, open_world
from bots.call_agent import bot
from bots.call_agent.records import SCHEMA, CallRecords
from bots.call_agent.settings import AcceptRule, CallAgentSettings, Choice, Menu

DATABASE = "sqlite://calls"
MENU = Menu(
    prompt="1 hours, 2 more, 9 end",
    choices={
        1: Choice(say="Nine to five."),
        2: Choice(menu=Menu(prompt="3 end", choices={3: Choice(say="As you wish.", end=True)})),
        9: Choice(end=True),
    },
    timeout_seconds=5,
    retries=1,
)
SETTINGS = CallAgentSettings(
    accept=(AcceptRule(channel="support-*"),),
    max_calls=1,
    greeting="Welcome.",
    menu=MENU,
    farewell="Bye.",
    max_call_seconds=60,
    database=DATABASE,
)
PLACEMENT = BotPlacement(bot=bot, account="support", settings=SETTINGS)


@dataclass
class Office:
    """The call agent at work, and its records."""

    world: World
    database: Database
    app: App

    async def records(self) -> list[tuple[SqlValue, ...]]:
        """Caller, whether it was answered and has ended, digits, outcome and reason of all calls."""
        await trio.sleep(0.5)
        return await self.database.fetch(
            "SELECT caller, answered_ms IS NOT NULL, end_ms IS NOT NULL, digits, outcome, reason FROM calls "
            "ORDER BY start_ms, rowid"
        )


@asynccontextmanager
async def office(server_accounts: Sequence[str] = ()) -> AsyncIterator[Office]:
    """A world with the call agent ``support``."""
    async with (
        open_database(DATABASE, SCHEMA) as database,
        open_world(server_accounts=server_accounts) as world,
        world.running(PLACEMENT) as app,
    ):
        yield Office(world, database, app)


async def get_through(user: User, channel: str = "support-1") -> None:
    """Call the agent, who answers."""
    await user.call("support", channel=channel)
    await user.wait_answered()


async def hear(user: User, count: int) -> list[str]:
    """The next texts that the agent says."""
    return [(await user.expect(InstantMessage)).text for _ in range(count)]


@pytest.mark.row("F18")
async def test_a_call_through_two_menus(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        assert await hear(ann, 2) == ["Welcome.", MENU.prompt]
        await ann.press("1")
        assert await hear(ann, 2) == ["Nine to five.", MENU.prompt]
        await ann.press("23")
        assert await hear(ann, 3) == ["3 end", "As you wish.", "Bye."]
        await ann.expect(CallEnded, by_peer=True)
        assert await at.records() == [("ann", 1, 1, "123", "completed", "")]


async def test_silence_ends_the_call_in_time(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.wait_hung_up(within=12)
        assert (await hear(ann, 5))[2:] == ["I did not get that.", MENU.prompt, "I did not get that."]
        assert await at.records() == [("ann", 1, 1, "", "no_input", "")]


async def test_a_caller_who_hangs_up_ends_the_talk(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.press("1")
        await trio.sleep(1)
        await ann.hang_up()
        assert await at.records() == [("ann", 1, 1, "1", "hung_up", "")]
        await get_through(ann, "support-2")


@pytest.mark.row("F01")
async def test_a_refusal_says_why(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann, bob = await at.world.user("ann"), await at.world.user("bob")
        await get_through(ann)
        for channel, reason in (("support-2", "full"), ("sales", "no_rule")):
            await bob.call("support", channel=channel)
            with pytest.raises(InviteRefused) as refused:
                await bob.wait_answered()
            assert msgspec.json.decode(refused.value.extra) == {"reason": reason}
        records = await at.records()
    assert records[1:] == [("bob", 0, 1, "", "refused", "full"), ("bob", 0, 1, "", "refused", "no_rule")]


@pytest.mark.row("F11")
async def test_a_hundred_invitations_in_one_tick_and_one_place(autojump_clock: MockClock) -> None:
    accepted, refused = [], []

    async def ring(user: User) -> None:
        try:
            await get_through(user, f"support-{user.account}")
        except InviteRefused as error:
            refused.append(error.extra)
        else:
            accepted.append(user)

    async with office() as at:
        users = [await at.world.user(f"caller{number}") for number in range(100)]
        async with trio.open_nursery() as calls:
            for user in users:
                calls.start_soon(ring, user)
        assert len(accepted) == 1
        assert [msgspec.json.decode(extra) for extra in refused] == [{"reason": "full"}] * 99
        await accepted[0].hang_up()
        records = await at.records()
        assert sorted(str(row[4]) for row in records) == ["hung_up"] + ["refused"] * 99


async def test_stopping_the_bot_ends_its_calls_and_records_it(autojump_clock: MockClock) -> None:
    async with open_database(DATABASE, SCHEMA) as database, open_world() as world:
        ann = await world.user("ann")
        async with world.running(PLACEMENT):
            await get_through(ann)
            await ann.press("1")
            await trio.sleep(1)
        await ann.expect(CallEnded)
        records = await database.fetch("SELECT digits, outcome, reason FROM calls")
    assert records == [("1", "stopped", "the bot was stopped")]


async def test_an_invitation_that_is_withdrawn_gives_its_place_back(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        for number in range(5):
            await ann.call("support", channel=f"support-{number}")
            await ann.hang_up()
            await trio.sleep(0.1)
        records = await at.records()
        assert [row[4] for row in records] == ["withdrawn"] * 5
        await get_through(ann, "support-9")


async def test_who_hangs_up_and_calls_again_at_once_is_let_in(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_record = CallRecords.close_record

    async def close_slowly(
        self: CallRecords, record: str, ms: int, *, outcome: str, digits: str = "", reason: str = ""
    ) -> None:
        await trio.sleep(1)
        await close_record(self, record, ms, outcome=outcome, digits=digits, reason=reason)

    monkeypatch.setattr(CallRecords, "close_record", close_slowly)
    async with office() as at:
        ann = await at.world.user("ann")
        for _ in range(3):
            with trio.fail_after(0.5):
                await get_through(ann)
            await ann.hang_up()
        await trio.sleep(1)
        assert [row[4] for row in await at.records()] == ["hung_up"] * 3


async def test_an_agent_that_may_not_speak_ends_the_call_as_failed(autojump_clock: MockClock) -> None:
    async with office(server_accounts=("moderator",)) as at:
        moderator, ann = await at.world.user("moderator"), await at.world.user("ann")
        await get_through(ann)
        assert await hear(ann, 2) == ["Welcome.", MENU.prompt]
        await moderator.session.mute("support", reason="too chatty")
        await ann.press("1")
        await ann.expect(CallEnded, by_peer=True)
        ((*facts, reason),) = await at.records()
        assert facts == ["ann", 1, 1, "1", "failed"]
        assert "muted" in str(reason)
        assert "too chatty" in str(reason)
        await moderator.session.unmute("support")
        await get_through(ann)


async def test_a_hundred_calls_at_once_are_all_talked_to_within_the_limits(autojump_clock: MockClock) -> None:
    """200 messages within the 60 a second that one account may send: they take their turns, and none is refused."""
    many = replace(PLACEMENT, settings=replace(SETTINGS, max_calls=100, menu=None))
    async with (
        open_database(DATABASE, SCHEMA) as database,
        open_world() as world,
        world.running(many) as app,
    ):
        here = Office(world, database, app)
        callers = [await world.user(f"caller-{number}") for number in range(100)]
        async with trio.open_nursery() as nursery:
            for number, caller in enumerate(callers):
                nursery.start_soon(partial(caller.call, "support", channel=f"support-{number}"))
        for caller in callers:
            assert await hear(caller, 2) == ["Welcome.", "Bye."]
        assert world.host.gateway.counters.refusals.value == 0
        assert {record[4] for record in await here.records()} == {"completed"}
