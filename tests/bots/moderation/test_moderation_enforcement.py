from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from botkit import Database, Lane, SignalingError, SqlValue, open_database
from botkit.errors import ErrorCode, RequestFailed, SendFailed
from bots.moderation.audit import SCHEMA, AuditLog, Message
from bots.moderation.enforcement import Enforcer, RecentMutes
from bots.moderation.judge import Verdict
from bots.moderation.settings import RuleAction, StrikeSettings

SETTINGS = StrikeSettings(
    mute_after=2, mute_minutes=5, warning="{detail}: {strikes}/{mute_after}", mute_notice="muted {minutes} min"
)


class RecordingPowers:
    """Powers that write down what is asked of them, and refuse it while they have a reason to."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.telling_fails: SignalingError | None = None
        self.muting_fails: SignalingError | None = None
        self.dry_run = False

    async def send_instant(self, account: str, text: str, *, lane: Lane) -> None:
        """Notes it."""
        if self.telling_fails:
            raise self.telling_fails
        assert lane is Lane.MODERATION
        self.done.append(("tell", account, text))

    async def mute(self, account: str, *, channel: str, seconds: float, reason: str) -> None:
        """Notes it."""
        if self.muting_fails:
            raise self.muting_fails
        self.done.append(("mute", account, channel, seconds, reason))


def verdict(action: RuleAction = "strike") -> Verdict:
    """What the word rule says."""
    return Verdict(rule="words", evidence="spam", detail="bad word", action=action)


def message(ms: int, account: str = "ann") -> Message:
    """A message of ``account``."""
    return Message("lobby", account, "spam", ms)


@asynccontextmanager
async def enforcer(settings: StrikeSettings = SETTINGS) -> AsyncIterator[tuple[Enforcer, Database]]:
    """An enforcer with an audit table in memory."""
    async with open_database("sqlite://", SCHEMA) as database:
        yield Enforcer(settings, AuditLog(database, "moderator", 3_600_000)), database


async def cases(database: Database) -> list[tuple[SqlValue, ...]]:
    """What the audit table says, in order."""
    return await database.fetch("SELECT account, strikes, action, outcome, reason FROM verdicts ORDER BY ms")


@pytest.mark.row("D04")
async def test_first_a_warning_then_a_mute() -> None:
    powers = RecordingPowers()
    async with enforcer() as (enforce, database):
        assert await enforce.enforce(message(1), verdict(), powers, 1) == ("warn", "")
        assert await enforce.enforce(message(2), verdict(), powers, 2) == ("mute", "")
        table = await cases(database)
    assert powers.done == [
        ("tell", "ann", "bad word: 1/2"),
        ("mute", "ann", "lobby", 300, "bad word"),
        ("tell", "ann", "muted 5 min"),
    ]
    assert table == [("ann", 1, "warn", "done", ""), ("ann", 2, "mute", "done", "")]


async def test_a_mute_everywhere_names_no_channel() -> None:
    powers = RecordingPowers()
    async with enforcer(StrikeSettings(mute_after=1, mute_scope="everywhere")) as (enforce, _):
        await enforce.enforce(message(1), verdict(), powers, 1)
    assert powers.done[0][:3] == ("mute", "ann", "")


async def test_a_recording_rule_does_nothing_else() -> None:
    powers = RecordingPowers()
    async with enforcer() as (enforce, database):
        assert await enforce.enforce(message(1), verdict("record"), powers, 1) == ("record", "")
        table = await cases(database)
    assert powers.done == []
    assert table == [("ann", 0, "record", "done", "")]


@pytest.mark.row("D15")
async def test_one_failing_action_is_recorded_and_stops_nothing() -> None:
    powers = RecordingPowers()
    async with enforcer(StrikeSettings(mute_after=99)) as (enforce, database):
        for number in range(10):
            failure = SendFailed(ErrorCode.SENDMESSAGE_E_OTHER, "inbox full") if number == 3 else None
            powers.telling_fails = failure
            await enforce.enforce(message(number, f"user{number}"), verdict(), powers, number)
        table = await cases(database)
    assert len(powers.done) == 9
    assert [row[3] for row in table] == ["done"] * 3 + ["failed"] + ["done"] * 6
    assert table[3] == ("user3", 1, "warn", "failed", "400 SENDMESSAGE_E_OTHER: inbox full")


async def test_a_mute_that_fails_is_recorded_and_tried_again_with_the_next_strike() -> None:
    powers = RecordingPowers()
    powers.muting_fails = RequestFailed(ErrorCode.GENERAL_E_FAILED, "no server account")
    async with enforcer(StrikeSettings(mute_after=1)) as (enforce, database):
        sanction, problem = await enforce.enforce(message(1), verdict(), powers, 1)
        assert sanction == "mute"
        assert "no server account" in problem
        powers.muting_fails = None
        assert await enforce.enforce(message(2), verdict(), powers, 2) == ("mute", "")
        table = await cases(database)
    assert [row[2:4] for row in table] == [("mute", "failed"), ("mute", "done")]
    assert [done[0] for done in powers.done] == ["mute", "tell"]


async def test_a_mute_that_is_in_force_but_not_told_is_done() -> None:
    powers = RecordingPowers()
    powers.telling_fails = SendFailed(ErrorCode.SENDMESSAGE_E_TIMEOUT)
    async with enforcer(StrikeSettings(mute_after=1)) as (enforce, database):
        await enforce.enforce(message(1), verdict(), powers, 1)
        ((*_, outcome, reason),) = await cases(database)
    assert outcome == "done"
    assert str(reason).startswith("but not told: 401")


async def test_what_was_sent_before_the_mute_is_no_further_strike() -> None:
    powers = RecordingPowers()
    async with enforcer(StrikeSettings(mute_after=1)) as (enforce, database):
        await enforce.enforce(message(1), verdict(), powers, 1)
        for number in range(2, 5):
            assert await enforce.enforce(message(number), verdict(), powers, 1.5) == ("record", "")
        await enforce.enforce(message(9, "bob"), verdict(), powers, 1.6)
        await enforce.enforce(message(10), verdict(), powers, 6)
        table = await cases(database)
    assert [done[:2] for done in powers.done if done[0] == "mute"] == [
        ("mute", "ann"),
        ("mute", "bob"),
        ("mute", "ann"),
    ]
    assert table[1] == ("ann", 1, "record", "done", "sent before the mute took effect")
    assert table[-1] == ("ann", 2, "mute", "done", "")


async def test_in_a_dry_run_the_outcome_says_so_and_who_would_be_muted_talks_on() -> None:
    powers = RecordingPowers()
    powers.dry_run = True
    async with enforcer(StrikeSettings(mute_after=1, mute_minutes=5)) as (enforce, database):
        assert await enforce.enforce(message(1), verdict(), powers, 1) == ("mute", "")
        assert await enforce.enforce(message(2), verdict(), powers, 300.9) == ("record", "")
        assert await enforce.enforce(message(3), verdict(), powers, 301) == ("mute", "")
        table = await cases(database)
    assert table == [
        ("ann", 1, "mute", "dry", ""),
        ("ann", 1, "record", "dry", ""),
        ("ann", 2, "mute", "dry", ""),
    ]


async def test_strikes_of_a_dry_run_never_count_in_earnest() -> None:
    powers, settings = RecordingPowers(), StrikeSettings(mute_after=3)
    async with open_database("sqlite://", SCHEMA) as database:
        audit = AuditLog(database, "moderator", 3_600_000)
        sanctions = []
        for ms, dry_run in enumerate([False, True, True, False, False]):
            powers.dry_run = dry_run
            # Each time another process: the file alone knows what was.
            sanctions.append((await Enforcer(settings, audit).enforce(message(ms), verdict(), powers, ms))[0])
        table = await cases(database)
    assert sanctions == ["warn", "warn", "mute", "warn", "mute"]
    assert [(row[1], row[3]) for row in table] == [(1, "done"), (2, "dry"), (3, "dry"), (2, "done"), (3, "done")]


def test_only_so_many_recent_mutes_are_remembered() -> None:
    mutes = RecentMutes(grace=5, max_accounts=2)
    for now, account in enumerate(["ann", "bob", "eve"]):
        mutes.note(account, "lobby", now)
    assert [mutes.cover(account, "lobby", 3) for account in ("ann", "bob", "eve")] == [False, True, True]
    assert mutes.cover("bob", "lobby", 5.9)
    assert not mutes.cover("bob", "lobby", 6)
    assert not mutes.cover("bob", "room", 3)
