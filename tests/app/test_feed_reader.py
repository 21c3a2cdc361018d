"""A feed by its cursor: what was missed is told in order and once, and what is lost is told to be."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import EventsLost
from botkit.app import feed_reader
from botkit.errors import ErrorCode, SignalingError
from botkit.events import FeedEvent
from botkit.gateway import dispatch
from botkit.gateway.hub import Hub
from botkit.gateway.session import Session
from botkit.wire.admin import LedgerPage, ReadLedger
from botkit.wire.replies import Joined
from botkit.wire.request import Request
from botkit.wire.requests import JoinChannel
from tests.app.feeding import Feeding, Notebook, Verdict, judge, open_feeding
from tests.app.world import until

LONGER_THAN_HELD = 65.0
"""Seconds: a gateway holds the session of a lost connection for 30, and forgets what is too old after 60."""


class Slow(Notebook):
    """A follower for whom a catch-up has to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def wait_for_room(self, count: int) -> None:
        """Takes its time."""
        await trio.sleep(self._seconds if count else 0)


async def settle(feeding: Feeding, notebook: Notebook) -> None:
    """Wait until the last thing that happened is told."""
    await feeding.visit("last")
    last = feeding.happened[-1]

    def told() -> bool:
        return any(isinstance(event, FeedEvent) and (event.epoch, event.seq) == last for event in notebook.told[-1:])

    await until(told, 300)


async def visits(feeding: Feeding, count: int) -> None:
    for number in range(count):
        await feeding.visit(f"user{number}")


@pytest.mark.parametrize("seconds", [0, 10, LONGER_THAN_HELD], ids=["at once", "resumed", "anew"])
async def test_what_happens_while_a_connection_is_lost_is_told_afterwards(
    seconds: float, autojump_clock: MockClock
) -> None:
    async with open_feeding() as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            await feeding.visit("before")
            feeding.road.block()
            feeding.road.cut()
            await visits(feeding, 20)
            await trio.sleep(seconds)
            feeding.road.open()
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=44, lost=0, losses=0)


async def test_a_long_absence_is_read_page_by_page(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_reader, "PAGE", 7)
    async with open_feeding() as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            feeding.road.block()
            feeding.road.cut()
            await trio.sleep(LONGER_THAN_HELD)
            await visits(feeding, 20)
            feeding.road.open()
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=42, lost=0, losses=0)


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
async def test_after_a_restart_of_the_gateway_the_epoch_goes_on(crash: bool, autojump_clock: MockClock) -> None:
    async with open_feeding() as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            await feeding.visit("before")
            if crash:
                feeding.roads.cut_all()
            await feeding.host.stop()
            await trio.sleep(5)
            feeding.road.block()
            await feeding.host.start()
            await visits(feeding, 5)
            feeding.road.open()
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=14, lost=0, losses=0)


async def test_another_epoch_is_a_loss_and_then_told_from_its_beginning(autojump_clock: MockClock) -> None:
    async with open_feeding() as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            await feeding.visit("before")
            epoch, seq = feeding.happened[-1]
            await trio.sleep(1)
            feeding.road.block()
            await feeding.visit("unseen")
            await feeding.host.stop()
            feeding.host.forget()
            await feeding.host.start()
            await visits(feeding, 5)
            feeding.road.open()
            await settle(feeding, notebook)
        verdict = judge(notebook.told, feeding.happened)
        assert (verdict.losses, verdict.lost > 0, verdict.told >= 14) == (1, True, True)
        cause = "__agora_user_online: a new epoch began"
        (loss,) = [event for event in notebook.told if isinstance(event, EventsLost)]
        assert (loss.cause, loss.epoch, loss.before, loss.count) == (cause, epoch, None, None)
        assert loss.after is not None
        assert loss.after >= seq


async def test_what_the_gateway_no_longer_has_is_a_loss_with_its_numbers(autojump_clock: MockClock) -> None:
    async with open_feeding(ledger_events=6) as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            await feeding.visit("before")
            feeding.road.block()
            feeding.road.cut()
            await visits(feeding, 20)
            await trio.sleep(LONGER_THAN_HELD)
            feeding.road.open()
            await settle(feeding, notebook)
        verdict = judge(notebook.told, feeding.happened)
        assert verdict.losses == 1
        assert 0 < verdict.lost < 40
        (loss,) = [event for event in notebook.told if isinstance(event, EventsLost)]
        assert loss.cause == "__agora_user_online: the ledger no longer has all"
        assert loss.after is not None
        assert loss.before is not None


async def test_what_it_forgot_of_other_streams_is_no_loss(autojump_clock: MockClock) -> None:
    async with open_feeding(ledger_events=3) as feeding, feeding.people.open_session("ann") as ann:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            feeding.road.block()
            for channel in ("a", "b", "c", "d"):
                await ann.join(channel)
            feeding.road.cut()
            await trio.sleep(LONGER_THAN_HELD)
            feeding.road.open()
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened[1:]) == Verdict(told=2, lost=0, losses=0)


async def test_what_a_full_buffer_drops_during_a_catch_up_is_read_from_the_ledger(autojump_clock: MockClock) -> None:
    async with open_feeding() as feeding:
        notebook = Slow(5)
        async with feeding.feed_to(notebook, event_buffer=4):
            feeding.road.cut()
            await trio.sleep(2)
            await visits(feeding, 30)
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=62, lost=0, losses=0)


async def test_what_is_numbered_but_not_yet_committed_is_waited_for(autojump_clock: MockClock) -> None:
    async with open_feeding(commit_seconds=0.6) as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            feeding.road.block()
            feeding.road.cut()
            await trio.sleep(LONGER_THAN_HELD)
            async with feeding.people.open_session("ann"):
                feeding.road.open()
                await feeding.visit("bob")
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=6, lost=0, losses=0)


async def test_a_session_that_is_opened_anew_goes_on_at_the_cursor(autojump_clock: MockClock) -> None:
    async with open_feeding() as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook, reconnect_attempts=1):
            await feeding.visit("before")
            feeding.road.block()
            feeding.road.cut()
            await visits(feeding, 5)
            await trio.sleep(LONGER_THAN_HELD)
            feeding.road.open()
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=14, lost=0, losses=0)
        assert feeding.meters.feed_restarts.value


async def test_a_feed_that_is_not_let_in_again_for_a_while_goes_on_at_the_cursor(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_hub: Hub, _session: Session, _request: JoinChannel) -> Joined:
        raise SignalingError(ErrorCode.JOINCHANNEL_E_OTHER, "not now")

    async with open_feeding() as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            await feeding.visit("before")
            with monkeypatch.context() as patch:
                handlers: dict[type[Request], dispatch.Handler] = {**dispatch.HANDLERS, JoinChannel: refuse}
                patch.setattr(dispatch, "HANDLERS", handlers)
                feeding.road.block()
                feeding.road.cut()
                await trio.sleep(LONGER_THAN_HELD)
                feeding.road.open()
                await visits(feeding, 5)
                await trio.sleep(20)
            await trio.sleep(60)
            assert len(notebook.told) == 12
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=14, lost=0, losses=0)


async def test_without_a_ledger_it_is_live_and_losses_are_told(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_hub: Hub, _session: Session, _request: ReadLedger) -> LedgerPage:
        raise SignalingError(ErrorCode.GENERAL_E_FAILED, "unknown function")

    monkeypatch.setitem(dispatch.SLOW_HANDLERS, ReadLedger.function, refuse)
    with capture_logs() as logs:
        async with open_feeding() as feeding:
            notebook = Notebook()
            async with feeding.feed_to(notebook):
                await feeding.visit("before")
                for _ in range(3):
                    feeding.road.block()
                    feeding.road.cut()
                    await trio.sleep(LONGER_THAN_HELD)
                    await visits(feeding, 3)
                    feeding.road.open()
                    await trio.sleep(30)
                await settle(feeding, notebook)
            assert judge(notebook.told, feeding.happened) == Verdict(told=4, lost=18, losses=1)
    assert [line["hint"] for line in logs if line["event"].startswith("no ledger")] == [
        "has botkit-feed-online-bot the gateway's server role?"
    ]


async def test_a_ledger_that_fails_for_a_moment_is_asked_again(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, failures = dispatch.SLOW_HANDLERS[ReadLedger.function], [1, 2, 3]

    async def fail_sometimes(hub: Hub, session: Session, request: ReadLedger) -> object:
        if failures:
            failures.pop()
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, "the store is busy")
        return await read(hub, session, request)

    async with open_feeding() as feeding:
        notebook = Notebook()
        async with feeding.feed_to(notebook):
            feeding.road.block()
            feeding.road.cut()
            await trio.sleep(LONGER_THAN_HELD)
            await visits(feeding, 3)
            monkeypatch.setitem(dispatch.SLOW_HANDLERS, ReadLedger.function, fail_sometimes)
            feeding.road.open()
            await settle(feeding, notebook)
        assert judge(notebook.told, feeding.happened) == Verdict(told=8, lost=0, losses=0)
        assert not failures


async def test_a_feed_whose_account_is_taken_says_what_to_do(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with open_feeding() as feeding:
            notebook = Notebook()
            async with feeding.feed_to(notebook), feeding.people.open_session(feeding.feed.account):
                await trio.sleep(5)
            assert [type(event) for event in notebook.told] == [EventsLost]
    (complaint,) = [line for line in logs if line["event"].startswith("feed given up")]
    assert "does the app's first bot run in another process, too?" in complaint["error"]
