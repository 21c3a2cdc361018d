"""Campaigns: who is called when, without a clock; and a whole one on a gateway, in virtual time."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from botkit import BotPlacement, CallEnded, ConfigError, InstantMessage, open_database
from botkit.testing import User, open_world
from bots.call_agent import Line, bot, call_agent
from bots.call_agent.campaigns import Campaign, CampaignSettings, Dial
from bots.call_agent.dialler import SCHEMA as DIALS
from bots.call_agent.dialler import DialStore
from bots.call_agent.records import SCHEMA
from tests.bots.call_agent.offices import DATABASE, get_through, make_flow, office, settings

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC).timestamp()  # a Monday


def make_settings(*accounts: str, **keys: object) -> CampaignSettings:
    """Settings of a campaign that calls these accounts."""
    values = {"name": "spring", "accounts": accounts, "per_minute": 60, "at_once": 2, **keys}
    return msgspec.convert(values, CampaignSettings)


def campaign(*accounts: str, now: float = NOON, **keys: object) -> Campaign:
    """A campaign that begins."""
    return Campaign(make_settings(*accounts, **keys), {}, now)


def next_call(plan: Campaign, now: float, until: float = 10_000) -> tuple[str, float] | None:
    """Who is called next, and how many seconds from now."""
    for second in range(int(until)):
        account = plan.take(now + second)
        if account is not None:
            return account, float(second)
    return None


@pytest.mark.row("F17")
def test_pacing_and_how_many_at_once() -> None:
    plan = campaign("a", "b", "c", "d", per_minute=6)
    assert plan.take(NOON) == "a"
    assert plan.take(NOON + 9.9) is None
    assert plan.take(NOON + 10) == "b"
    assert plan.take(NOON + 20) is None  # two go on
    plan.ended("a", "answered", NOON + 25)
    assert plan.take(NOON + 25) == "c"
    assert plan.going_on == 2


@pytest.mark.row("F17")
def test_retries_differ_by_reason() -> None:
    retries = {"offline": {"times": 2, "after_seconds": 100}, "no_answer": {"times": 1, "after_seconds": 500}}
    plan = campaign("a", retries=retries)
    now = NOON
    waits = []
    for outcome in ("offline", "no_answer", "offline", "offline"):
        found = next_call(plan, now)
        assert found is not None
        waits.append(found[1])
        now += found[1]
        plan.ended("a", outcome, now)
    assert waits == [0, 100, 500, 100]
    assert next_call(plan, now) is None
    assert plan.over
    assert plan.dials["a"].attempts == 4


@pytest.mark.row("F17")
@pytest.mark.parametrize(("outcome", "again"), [("answered", False), ("refused", False), ("offline", True)])
def test_who_has_answered_is_not_called_again(outcome: str, again: bool) -> None:
    plan = campaign("a")
    assert plan.take(NOON) == "a"
    plan.ended("a", outcome, NOON)  # type: ignore[arg-type]
    assert plan.over is not again


@pytest.mark.row("F17")
def test_do_not_call_is_kept_to(tmp_path: Path) -> None:
    (tmp_path / "never.txt").write_text("# they asked for it\nb\n\n c \n")
    plan = campaign("a", "b", "c", do_not_call=str(tmp_path / "never.txt"))
    assert plan.take(NOON) == "a"
    plan.ended("a", "answered", NOON)
    assert next_call(plan, NOON) is None
    assert plan.over


@pytest.mark.row("F17")
def test_nobody_is_called_outside_of_the_window() -> None:
    plan = campaign("a", hours="09:00-17:00", timezone="Europe/Berlin", days=["mon", "tue"])
    evening, night = NOON + 4 * 3600, NOON + 12 * 3600
    assert plan.take(evening) is None  # 17:00 in Berlin
    assert plan.take(night) is None
    assert plan.take(NOON + 20 * 3600 - 1) is None
    assert plan.take(NOON + 20 * 3600) == "a"  # 9:00 on Tuesday
    plan = campaign("a", hours="09:00-17:00", days=["tue"])
    assert plan.take(NOON) is None


def test_it_goes_on_where_an_earlier_run_left_it() -> None:
    before = {"a": Dial(account="a", due=None, attempts=1, last="answered"), "b": Dial(account="b", due=NOON + 50)}
    plan = Campaign(make_settings("a", "b", "c"), before, NOON)
    assert plan.take(NOON) == "c"
    plan.ended("c", "answered", NOON)
    assert next_call(plan, NOON) == ("b", 50)


def test_who_got_no_place_is_called_later() -> None:
    plan = campaign("a")
    assert plan.take(NOON) == "a"
    plan.give_back("a")
    assert plan.take(NOON + 1) == "a"
    assert plan.dials["a"].attempts == 0


@pytest.mark.row("F17")
@given(
    st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["answered", "offline", "no_answer", "refused", "failed"])))
)
def test_limits_hold_whatever_comes_of_calls(events: list[tuple[int, str]]) -> None:
    plan = campaign("a", "b", "c", "d", per_minute=2, do_not_call=["d"])
    now, starts, going_on = NOON, list[float](), list[str]()
    for pause, outcome in events:
        now += pause
        while (account := plan.take(now)) is not None:
            assert account != "d"
            assert account not in going_on
            going_on.append(account)
            starts.append(now)
        assert len(going_on) <= 2
        if going_on:
            plan.ended(going_on.pop(0), outcome, now)  # type: ignore[arg-type]
    assert all(later - before >= 30 for before, later in pairwise(starts))
    assert all(dial.attempts <= 11 for dial in plan.dials.values())


NO_RETRIES = {name: {"times": 0} for name in ("offline", "no_answer", "failed")}
FLOW = make_flow(
    [{"do": "menu", "prompt": "1 to confirm", "choices": {"1": [{"do": "end", "text": "Thanks.", "result": "yes"}]}}]
)
RETRIES = {"offline": {"times": 1, "after_seconds": 60}, "no_answer": {"times": 1, "after_seconds": 120}}


async def confirm(user: User) -> None:
    """Take the call, and press 1."""
    call = await user.answer(within=100)
    await user.expect(InstantMessage, text="1 to confirm")
    await call.press("1")


@pytest.mark.row("F17")
async def test_a_campaign_on_a_gateway(autojump_clock: MockClock) -> None:
    plan = {
        "name": "spring",
        "accounts": ["ann", "away", "deaf", "no", "never"],
        "do_not_call": ["never"],
        "per_minute": 60,
        "at_once": 1,
        "ring_seconds": 10,
        "retries": RETRIES,
    }
    async with open_database(DATABASE, DIALS) as database, open_world() as world, trio.open_nursery() as nursery:
        ann, _, no = [await world.user(name) for name in ("ann", "deaf", "no")]
        never = await world.user("never")
        nursery.start_soon(confirm, ann)
        nursery.start_soon(lambda: no.refuse(within=200))
        placement = BotPlacement(bot=bot, account="support", settings=settings(flow=FLOW, campaign=plan))
        async with open_database(DATABASE, SCHEMA), world.running(placement):
            await trio.sleep(400)
        rows = await database.fetch(
            "SELECT peer, outcome, direction, result FROM call_records ORDER BY start_ms, rowid"
        )
        dials = {
            account: (dial.attempts, dial.last, dial.due)
            for account, dial in (await DialStore(database, "spring").load()).items()
        }
        assert await never.heard(InstantMessage, seconds=0) == []
        async with world.running(placement):  # after a restart nobody is called again
            await trio.sleep(400)
        assert len(await database.fetch("SELECT 1 FROM call_records")) == len(rows)
    assert sorted(rows) == [
        ("ann", "completed", "out", "yes"),
        ("away", "offline", "out", ""),
        ("away", "offline", "out", ""),
        ("deaf", "no_answer", "out", ""),
        ("deaf", "no_answer", "out", ""),
        ("no", "refused", "out", ""),
    ]
    assert dials == {
        "ann": (1, "answered", None),
        "away": (2, "offline", None),
        "deaf": (2, "no_answer", None),
        "no": (1, "refused", None),
    }


async def test_a_campaign_takes_no_more_places_than_there_are(autojump_clock: MockClock) -> None:
    names = [f"user-{number}" for number in range(8)]
    plan = {"name": "spring", "accounts": names, "per_minute": 600, "at_once": 8}
    async with office(flow=FLOW, campaign=plan, max_calls=2) as at:
        users = [await at.world.user(name) for name in names]
        async with trio.open_nursery() as nursery:
            most = list[float]()
            nursery.start_soon(watch, at.world.metric, most)
            async with trio.open_nursery() as answering:
                for user in users:
                    answering.start_soon(confirm, user)
            nursery.cancel_scope.cancel()
        assert max(most) <= 2
        assert {ending[2] for ending in await at.endings()} == {"completed"}


async def watch(metric: object, most: list[float]) -> None:
    """Look ten times a second how many calls go on."""
    while True:
        most.append(metric("botkit_call_agent_going_on"))  # type: ignore[operator]
        await trio.sleep(0.1)


@pytest.mark.row("F17")
async def test_a_fast_campaign_keeps_its_pace(autojump_clock: MockClock) -> None:
    names = [f"user-{number}" for number in range(31)]
    plan = {"name": "spring", "accounts": names, "per_minute": 600, "at_once": 100, "retries": NO_RETRIES}
    async with office(flow=FLOW, campaign=plan, max_calls=100) as at:
        await trio.sleep(6)
        starts = [record.start_ms for record in await at.records()]
        assert len(starts) == 31  # all of them are offline
        assert starts[-1] - starts[0] == pytest.approx(3_000, abs=20)
        assert min(later - before for before, later in pairwise(starts)) >= 95


@pytest.mark.row("F17")
async def test_who_was_talked_to_when_the_process_was_killed_is_not_called_again(autojump_clock: MockClock) -> None:
    plan = {"name": "spring", "accounts": ["ann", "bob"], "per_minute": 60, "at_once": 2}
    async with open_database(DATABASE, DIALS) as database, open_world() as world:
        ann, _ = [await world.user(name) for name in ("ann", "bob")]
        placement = BotPlacement(bot=bot, account="support", settings=settings(flow=FLOW, campaign=plan, max_calls=2))
        async with open_database(DATABASE, SCHEMA), world.running(placement):
            await ann.answer()
            await trio.sleep(3)
            dials = await DialStore(database, "spring").load()  # what a process would find that starts now
    assert (dials["ann"].due, dials["ann"].last) == (None, "answered")
    assert dials["bob"].due is not None


@pytest.mark.row("F17")
async def test_a_handler_that_fails_costs_its_own_call_only(autojump_clock: MockClock) -> None:
    async def fail(line: Line) -> None:
        if line.caller == "ann":
            raise LookupError("no such customer")
        await line.gather("1 to confirm")

    plan = {"name": "spring", "accounts": ["ann", "bob"], "per_minute": 60, "at_once": 2}
    async with office(call_agent("clerk", fail), campaign=plan, max_calls=3, expect_failures=True) as at:
        eve = await at.world.user("eve")
        ann, bob = await at.world.user("ann"), await at.world.user("bob")
        await get_through(eve)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ann.answer)
            nursery.start_soon(confirm, bob)
        await ann.wait_hung_up()
        await eve.expect_nothing(CallEnded)
        await eve.press("1")
        await eve.wait_hung_up()
        assert sorted(await at.endings()) == [
            ("ann", "", "failed"),
            ("bob", "1", "completed"),
            ("eve", "1", "completed"),
        ]


@pytest.mark.parametrize("key", ["accounts", "do_not_call"])
@pytest.mark.parametrize("name", ["", "no account", "x" * 129])
def test_who_can_be_nobody_is_refused_when_it_is_loaded(tmp_path: Path, key: str, name: str) -> None:
    lists = {"accounts": ["ann"], key: ["ann", name]}
    with pytest.raises(ConfigError, match=rf"{key}\[1\].*is no account"):
        make_settings(**lists)
    if not name:
        return  # an empty line names nobody
    (tmp_path / "people.txt").write_text(f"ann\n# all of them\n\n{name}\n")
    with pytest.raises(ConfigError, match=r"people.txt:4.*is no account"):
        make_settings(**{**lists, key: str(tmp_path / "people.txt")})


@pytest.mark.row("F18")
async def test_a_record_tells_ringing_from_talking(autojump_clock: MockClock) -> None:
    plan = {"name": "spring", "accounts": ["ann"], "per_minute": 60}
    async with office(flow=FLOW, campaign=plan) as at:
        ann = await at.world.user("ann")
        await trio.sleep(4)
        await confirm(ann)
        await ann.wait_hung_up()
        (record,) = await at.records()
        assert record.answered_ms is not None
        assert record.end_ms is not None
        rang, talked = record.answered_ms - record.start_ms, record.end_ms - record.answered_ms
        assert rang == pytest.approx(4_000, abs=1_100)  # the dialler looks once a second
        assert talked < 1_000
