from pathlib import Path

import trio

from botkit import open_database
from bots.moderation.audit import AuditLog, Message, open_audit
from bots.moderation.judge import Verdict
from bots.moderation.settings import RuleAction

HOUR = 3_600_000


def message(ms: int = 0, account: str = "ann", channel: str = "lobby") -> Message:
    """A message with a listed word in it."""
    return Message(channel, account, "some spam", ms)


def verdict(action: RuleAction = "strike") -> Verdict:
    """What the word rule says to it."""
    return Verdict(rule="words", evidence="spam", detail="not said here", action=action)


async def strikes(audit: AuditLog, *messages: Message, action: RuleAction = "strike") -> list[int]:
    """The strikes counted with each message."""
    return [(await audit.open_case(one, verdict(action))).strikes for one in messages]


async def test_a_row_tells_everything(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    async with open_audit(url, "moderator", forget_hours=24) as audit:
        case = await audit.open_case(message(5), verdict())
        await audit.close_case(case, "warn", "failed", "peer is unknown")
    async with open_database(url) as database:
        rows = await database.fetch("SELECT * FROM verdicts")
    assert rows == [
        (
            case.id,
            5,
            "moderator",
            "lobby",
            "ann",
            "some spam",
            "words",
            "spam",
            "not said here",
            1,
            "warn",
            "failed",
            "peer is unknown",
        )
    ]


async def test_strikes_are_of_the_account_in_all_channels() -> None:
    async with open_audit("sqlite://", "moderator", forget_hours=24) as audit:
        counted = await strikes(audit, message(1), message(2, channel="room"), message(3, account="bob"), message(4))
    assert counted == [1, 2, 1, 3]


async def test_a_strike_is_forgotten_after_exactly_its_time() -> None:
    async with open_audit("sqlite://", "moderator", forget_hours=1) as audit:
        assert await strikes(audit, message(0), message(HOUR - 1), message(HOUR)) == [1, 2, 2]


async def test_recorded_verdicts_are_no_strikes() -> None:
    async with open_audit("sqlite://", "moderator", forget_hours=24) as audit:
        assert await strikes(audit, message(1), message(2), action="record") == [0, 0]
        assert await strikes(audit, message(3)) == [1]
        assert await strikes(audit, message(4), action="record") == [1]


async def test_strikes_survive_a_restart_and_what_was_pending_has_failed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    async with open_audit(url, "moderator", forget_hours=24) as audit:
        await audit.open_case(message(1), verdict())
    async with open_audit(url, "other", forget_hours=24) as audit:
        await audit.open_case(message(2), verdict())
    async with open_audit(url, "moderator", forget_hours=24) as audit:
        assert await audit.fail_interrupted() == 1
        assert await audit.fail_interrupted() == 0
        assert await strikes(audit, message(3)) == [3]
    async with open_database(url) as database:
        rows = await database.fetch("SELECT moderator, outcome, reason FROM verdicts ORDER BY ms")
    assert rows == [
        ("moderator", "failed", "the bot stopped before the outcome was known"),
        ("other", "pending", ""),
        ("moderator", "pending", ""),
    ]


async def test_two_bots_that_strike_at_once_lose_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/audit.db"
    counted: list[int] = []

    async def strike(audit: AuditLog, channel: str) -> None:
        for _ in range(10):
            counted.extend(await strikes(audit, message(1, channel=channel)))

    async with (
        open_audit(url, "moderator", forget_hours=24) as lobby,
        open_audit(url, "other", forget_hours=24) as room,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(strike, lobby, "lobby")
        nursery.start_soon(strike, room, "room")
    assert sorted(counted) == list(range(1, 21))
