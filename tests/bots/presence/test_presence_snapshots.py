from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import cast

import pytest
import structlog
import trio
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from botkit import Database, ErrorCode, LoginSession, SignalingError, open_database
from botkit.app.accounts import OwnAccounts
from botkit.wire.admin import OnlineAccount, SnapshotPage
from bots.presence.ledger import Ledger
from bots.presence.lines import LineWriter
from bots.presence.snapshots import MAX_RETRY_SECONDS, MAX_WAIT_SECONDS, QUIET_SECONDS, RETRY_SECONDS, Snapshots
from bots.presence.spans import Moment
from bots.presence.table import SCHEMA, SpanTable

REFUSED = SignalingError(ErrorCode.GENERAL_E_FAILED, "for server accounts only")
NO_CONNECTION = SignalingError(ErrorCode.GENERAL_E_FAILED, "no connection for 5 s; nothing was sent")


class Gateway:
    """A session whose gateway answers with ``sessions`` at event ``seq``, or fails."""

    def __init__(self) -> None:
        self.sessions: tuple[OnlineAccount, ...] = ()
        self.seq = 0
        self.failure: SignalingError | None = None
        self.asked_at: list[float] = []
        self.account = "presence"

    async def read_online(self, after: str = "") -> SnapshotPage:
        """One page, after a second."""
        assert after == ""
        self.asked_at.append(trio.current_time())
        await trio.sleep(1)
        if self.failure is not None:
            raise self.failure
        return SnapshotPage(sessions=self.sessions, more=False, ms=self.seq * 1000, epoch="e", seq=self.seq, seqs={})


class Stage:
    """Snapshots of a gateway, and what they say in the log."""

    def __init__(self, database: Database, is_ignored: Callable[[str], bool]) -> None:
        self.ledger = Ledger(SpanTable(database), LineWriter(None))
        self.gateway = Gateway()
        self.snapshots = Snapshots(self.ledger, is_ignored)
        self._capture = LogCapture()
        self._log: FilteringBoundLogger = structlog.wrap_logger(
            None, processors=[self._capture], wrapper_class=structlog.make_filtering_bound_logger(0)
        )

    async def beat(self, seconds: float = 0.5) -> None:
        """Time passes, and the bot looks if a snapshot is wanted."""
        await trio.sleep(seconds)
        await self.snapshots.take_if_wanted(cast("LoginSession", self.gateway), self._log)

    async def tell(self, seq: int, account: str) -> None:
        """The feed tells of a login."""
        moment = Moment(account=account, uid=7, ms=seq * 1000, epoch="e", seq=seq)
        self.snapshots.hear(moment)
        await self.ledger.begin(moment)

    def said(self) -> list[tuple[str, str]]:
        """Level and event of each line of the log."""
        return [(str(entry["log_level"]), str(entry["event"])) for entry in self._capture.entries]


@asynccontextmanager
async def open_stage(is_ignored: Callable[[str], bool] = lambda _: False) -> AsyncIterator[Stage]:
    """A stage with its table in memory."""
    async with open_database("sqlite://", SCHEMA) as database:
        yield Stage(database, is_ignored)


def online(account: str, channel: str = "") -> OnlineAccount:
    """Somebody in a snapshot."""
    return OnlineAccount(account=account, uid=7, channel=channel)


async def test_one_is_taken_at_first_and_then_when_it_is_wanted(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.gateway.sessions = (online("ann", "lobby"),)
        for _ in range(3):
            await stage.beat()
        assert len(stage.gateway.asked_at) == 1
        assert list(stage.ledger.projection.members("lobby")) == ["ann"]
        stage.gateway.sessions, stage.gateway.seq = (online("ann"),), 1
        stage.snapshots.want()
        for _ in range(3):
            await stage.beat()
        assert len(stage.gateway.asked_at) == 2
        assert list(stage.ledger.projection.members("lobby")) == []
        assert stage.said() == [("info", "snapshot")] * 2


async def test_what_is_lost_meanwhile_needs_another_one(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, trio.open_nursery() as nursery:
        nursery.start_soon(stage.beat)
        await trio.sleep(1)
        stage.snapshots.want()
        await trio.sleep(5)
        await stage.beat()
        assert len(stage.gateway.asked_at) == 2


async def test_feeds_observers_and_who_is_ignored_are_left_out(autojump_clock: MockClock) -> None:
    service = OwnAccounts()
    async with open_stage(lambda account: account == "bot" or account in service) as stage:
        stage.gateway.sessions = (
            online("botkit-feed-online", "__agora_user_online"),
            online("botkit-feed-channels", "__agora_channel_event"),
            online("watcher", "__agora_user_online"),
            online("bot", "lobby"),
        )
        await stage.beat()
        assert list(stage.ledger.projection.online()) == ["watcher"]
        for channel in ("lobby", "__agora_user_online"):
            assert list(stage.ledger.projection.members(channel)) == []


async def test_it_is_asked_again_ever_more_rarely_and_said_once(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        for failure in (REFUSED, NO_CONNECTION, REFUSED, REFUSED):
            stage.gateway.failure = failure
            asked = len(stage.gateway.asked_at)
            while len(stage.gateway.asked_at) == asked:
                await stage.beat()
        assert stage.said() == [("warning", "no snapshot: who was there before is not known")] * 2
        waits = [after - before for before, after in pairwise(stage.gateway.asked_at)]
        assert waits == [pytest.approx(1 + RETRY_SECONDS * factor, abs=0.6) for factor in (1, 2, 4)]
        for _ in range(10):
            await stage.beat(MAX_RETRY_SECONDS)
        assert len(stage.gateway.asked_at) == 4 + 10
        stage.gateway.failure = None
        stage.snapshots.want()
        await stage.beat()
        assert stage.said()[2:] == [("info", "snapshot")]


async def test_events_that_it_includes_are_waited_for(autojump_clock: MockClock) -> None:
    async with open_stage() as stage, trio.open_nursery() as nursery:
        stage.gateway.sessions = tuple(online(f"user{seq}") for seq in range(1, 11))
        stage.gateway.seq = 10
        nursery.start_soon(stage.beat)
        await trio.sleep(1.6)  # the answer is there
        for seq in range(1, 11):
            await stage.tell(seq, f"user{seq}")
            await trio.sleep(QUIET_SECONDS * 0.9)
        assert stage.said() == []
        await trio.sleep(QUIET_SECONDS)
        assert stage.said() == [("info", "snapshot")]
        # All of them were told in time, so none has a span that is uncertain.
        assert len(stage.ledger.projection.lose()) == 10


@pytest.mark.parametrize("included", [True, False])
async def test_it_does_not_wait_for_ever(included: bool, autojump_clock: MockClock) -> None:
    async with open_stage() as stage, trio.open_nursery() as nursery:
        stage.gateway.seq = 1_000_000 if included else 0
        nursery.start_soon(stage.beat)
        await trio.sleep(1.6)
        began, seq = trio.current_time(), 0
        while not stage.said():
            seq += 1
            await stage.tell(seq, f"user{seq}")
            await trio.sleep(0.1)
        assert trio.current_time() - began == pytest.approx(MAX_WAIT_SECONDS if included else QUIET_SECONDS, abs=0.2)
