from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from trio.testing import MockClock

from botkit import App, BotPlacement, CallEnded, Database, InstantMessage, LoginSession, SqlValue
from botkit.errors import InviteRefused
from bots.call_agent import bot
from bots.call_agent.records import SCHEMA, CallRecords
from bots.call_agent.settings import AcceptRule, CallAgentSettings, Choice, Menu
from tests.app.world import World, next_event, open_world
from tests.bots.stage import kept_database

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
)


class Office:
    """The call agent at work, and its records."""

    def __init__(self, world: World, database: Database, app: App) -> None:
        self.world, self.database, self.app = world, database, app

    async def records(self) -> list[tuple[SqlValue, ...]]:
        """Caller, whether it was answered and has ended, digits, outcome and reason of all calls."""
        await trio.sleep(0.5)
        return await self.database.fetch(
            "SELECT caller, answered_ms IS NOT NULL, end_ms IS NOT NULL, digits, outcome, reason FROM calls "
            "ORDER BY start_ms, rowid"
        )


@asynccontextmanager
async def office(monkeypatch: pytest.MonkeyPatch, settings: CallAgentSettings = SETTINGS) -> AsyncIterator[Office]:
    """A world with the call agent ``support``."""
    placement = BotPlacement(bot=bot, account="support", settings=settings)
    async with (
        kept_database(monkeypatch, "bots.call_agent.records", SCHEMA) as database,
        open_world() as world,
        world.running(placement) as app,
    ):
        yield Office(world, database, app)


async def hear(session: LoginSession, count: int) -> list[str]:
    """The next texts that the agent says."""
    return [(await next_event(session, InstantMessage)).text for _ in range(count)]


@pytest.mark.row("F18")
async def test_a_call_through_two_menus(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(monkeypatch) as at, at.world.signal.open_session("ann") as ann:
        call = await ann.invite("support-1", "support")
        await call.wait_answer()
        assert await hear(ann, 2) == ["Welcome.", MENU.prompt]
        await call.press("1")
        assert await hear(ann, 2) == ["Nine to five.", MENU.prompt]
        await call.press("23")
        assert await hear(ann, 3) == ["3 end", "As you wish.", "Bye."]
        ended = await next_event(ann, CallEnded)
        assert ended.by_peer
        assert await at.records() == [("ann", 1, 1, "123", "completed", "")]


async def test_silence_ends_the_call_in_time(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(monkeypatch) as at, at.world.signal.open_session("ann") as ann:
        call = await ann.invite("support-1", "support")
        with trio.fail_after(12):
            await call.wait_ended()
        assert (await hear(ann, 5))[2:] == ["I did not get that.", MENU.prompt, "I did not get that."]
        assert await at.records() == [("ann", 1, 1, "", "no_input", "")]


async def test_a_caller_who_hangs_up_ends_the_talk(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(monkeypatch) as at, at.world.signal.open_session("ann") as ann:
        call = await ann.invite("support-1", "support")
        await call.wait_answer()
        await call.press("1")
        await trio.sleep(1)
        await call.end()
        assert await at.records() == [("ann", 1, 1, "1", "hung_up", "")]
        again = await ann.invite("support-2", "support")
        await again.wait_answer()
        await again.end()


@pytest.mark.row("F01")
async def test_a_refusal_says_why(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        office(monkeypatch) as at,
        at.world.signal.open_session("ann") as ann,
        at.world.signal.open_session("bob") as bob,
    ):
        await (await ann.invite("support-1", "support")).wait_answer()
        for channel, reason in (("support-2", "full"), ("sales", "no_rule")):
            with pytest.raises(InviteRefused) as refused:
                await (await bob.invite(channel, "support")).wait_answer()
            assert msgspec.json.decode(refused.value.extra) == {"reason": reason}
        records = await at.records()
    assert records[1:] == [("bob", 0, 1, "", "refused", "full"), ("bob", 0, 1, "", "refused", "no_rule")]


@pytest.mark.row("F11")
async def test_a_hundred_invitations_in_one_tick_and_one_place(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted, refused = [], []

    async def ring(session: LoginSession) -> None:
        call = await session.invite(f"support-{session.account}", "support")
        try:
            await call.wait_answer()
        except InviteRefused as error:
            refused.append(error.extra)
        else:
            accepted.append(call)

    async with office(monkeypatch) as at, trio.open_nursery() as nursery:
        sessions: list[LoginSession] = []

        async def attend(number: int, *, task_status: trio.TaskStatus[None]) -> None:
            async with at.world.signal.open_session(f"caller{number}") as session:
                sessions.append(session)
                task_status.started()
                await trio.sleep_forever()

        for number in range(100):
            await nursery.start(attend, number)
        async with trio.open_nursery() as calls:
            for session in sessions:
                calls.start_soon(ring, session)
        assert len(accepted) == 1
        assert [msgspec.json.decode(extra) for extra in refused] == [{"reason": "full"}] * 99
        await accepted[0].end()
        records = await at.records()
        assert sorted(str(row[4]) for row in records) == ["hung_up"] + ["refused"] * 99
        nursery.cancel_scope.cancel()


async def test_stopping_the_bot_ends_its_calls_and_records_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    placement = BotPlacement(bot=bot, account="support", settings=SETTINGS)
    async with (
        kept_database(monkeypatch, "bots.call_agent.records", SCHEMA) as database,
        open_world() as world,
        world.signal.open_session("ann") as ann,
    ):
        async with world.running(placement):
            call = await ann.invite("support-1", "support")
            await call.wait_answer()
            await call.press("1")
            await trio.sleep(1)
        await next_event(ann, CallEnded)
        records = await database.fetch("SELECT digits, outcome, reason FROM calls")
    assert records == [("1", "stopped", "the bot was stopped")]


async def test_an_invitation_that_is_withdrawn_gives_its_place_back(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with office(monkeypatch) as at, at.world.signal.open_session("ann") as ann:
        for number in range(5):
            call = await ann.invite(f"support-{number}", "support")
            await call.end()
            await trio.sleep(0.1)
        records = await at.records()
        assert [row[4] for row in records] == ["withdrawn"] * 5
        last = await ann.invite("support-9", "support")
        await last.wait_answer()
        await last.end()


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
    async with office(monkeypatch) as at, at.world.signal.open_session("ann") as ann:
        for _ in range(3):
            call = await ann.invite("support-1", "support")
            with trio.fail_after(0.5):
                await call.wait_answer()
            await call.end()
        await trio.sleep(1)
        assert [row[4] for row in await at.records()] == ["hung_up"] * 3


async def test_an_agent_that_may_not_speak_ends_the_call_as_failed(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    placement = BotPlacement(bot=bot, account="support", settings=SETTINGS)
    async with (
        kept_database(monkeypatch, "bots.call_agent.records", SCHEMA) as database,
        open_world(server_accounts=("moderator",)) as world,
        world.running(placement) as app,
        world.signal.open_session("moderator") as moderator,
        world.signal.open_session("ann") as ann,
    ):
        at = Office(world, database, app)
        call = await ann.invite("support-1", "support")
        await call.wait_answer()
        assert await hear(ann, 2) == ["Welcome.", MENU.prompt]
        await moderator.mute("support", reason="too chatty")
        await call.press("1")
        assert (await next_event(ann, CallEnded)).by_peer
        ((*facts, reason),) = await at.records()
        assert facts == ["ann", 1, 1, "1", "failed"]
        assert "muted" in str(reason)
        assert "too chatty" in str(reason)
        await moderator.unmute("support")
        again = await ann.invite("support-1", "support")
        await again.wait_answer()
        await again.end()
