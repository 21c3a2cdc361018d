"""The dispatcher's bounds, on a real session."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit import Bot, ChannelMessage, EventsLost, InstantMessage, RunnerLimits
from tests.app.dispatching import dispatching, said, told


async def test_a_stuck_channel_costs_its_own_events_and_that_is_told(autojump_clock: MockClock) -> None:
    handled: list[str] = []
    lost: list[EventsLost] = []
    bot = Bot("b")

    @bot.on_channel_message()
    async def slow(message: ChannelMessage) -> None:
        handled.append(message.text)
        await trio.sleep(1 if message.text != "stuck" else 100)

    @bot.on_message()
    async def quick(message: InstantMessage) -> None:
        handled.append(message.text)

    @bot.on_events_lost()
    async def note(event: EventsLost) -> None:
        lost.append(event)
        await trio.sleep(1)

    with capture_logs() as logs:
        async with dispatching(bot, RunnerLimits(waiting_per_key=2)) as at:
            dispatcher, session, meters = at.dispatcher, at.session, at.meters
            await dispatcher.dispatch(said("stuck"), session)
            await wait_all_tasks_blocked()
            for text in ("1", "2", "3", "4"):
                await dispatcher.dispatch(said(text), session)
            await wait_all_tasks_blocked()
            assert [event.count for event in lost] == [2]
            await dispatcher.dispatch(said("elsewhere", "other"), session)
            await dispatcher.dispatch(said("5"), session)
            await trio.sleep(5)
            assert handled == ["stuck", "elsewhere"]
            assert [event.count for event in lost] == [2, 1]
            assert meters.dropped.values == {"b": 3}
            await dispatcher.wait_all_done()
            assert handled == ["stuck", "elsewhere", "1", "2"]
    assert [line["count"] for line in logs if line["event"] == "events dropped"] == [2, 1]


async def test_dispatch_waits_while_too_much_waits(autojump_clock: MockClock) -> None:
    bot = Bot("b")

    @bot.on_channel_message()
    async def slow(message: ChannelMessage) -> None:
        await trio.sleep(10)

    async with dispatching(bot, RunnerLimits(running=1, waiting=3)) as at:
        dispatcher, session = at.dispatcher, at.session
        begin = trio.current_time()
        for number in range(4):
            await dispatcher.dispatch(said("x", f"channel {number}"), session)
            await wait_all_tasks_blocked()
        assert trio.current_time() == begin
        await dispatcher.dispatch(said("x", "one more"), session)
        assert trio.current_time() == begin + 10
        assert dispatcher.statistics().submits_blocked == 1


@pytest.mark.row("B09")
@pytest.mark.parametrize("bound", [101, 10])
async def test_a_sender_in_order_while_others_run_within_the_bound(autojump_clock: MockClock, bound: int) -> None:
    """The limits of the bot itself: a sender's messages in order, and a hundred others beside them."""
    running = most = 0
    order: list[str] = []
    bot = Bot("b", limits=RunnerLimits(running=bound))

    @bot.on_message()
    async def handle(message: InstantMessage) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(1 if message.account == "ann" else 10)
        running -= 1
        if message.account == "ann":
            order.append(message.text)

    async with dispatching(bot) as at:
        begin = trio.current_time()
        for number in range(10):
            await at.dispatcher.dispatch(told(str(number)), at.session)
        for number in range(100):
            await at.dispatcher.dispatch(told("x", f"other {number}"), at.session)
        await at.dispatcher.wait_all_done()
        if bound == 101:
            assert trio.current_time() == begin + 10
    assert order == [str(number) for number in range(10)]
    assert most == bound


@pytest.mark.row("B09")
async def test_limits_of_the_placement_come_before_those_of_the_bot(autojump_clock: MockClock) -> None:
    bot = Bot("b", limits=RunnerLimits(running=5))

    @bot.on_message()
    async def handle(message: InstantMessage) -> None:
        await trio.sleep(1)

    async with dispatching(bot, RunnerLimits(running=2)) as at:
        begin = trio.current_time()
        await at.tell(*(told(account=str(number)) for number in range(4)))
        assert trio.current_time() == begin + 2
