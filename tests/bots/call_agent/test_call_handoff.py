"""Callers handed to humans, on a real gateway: nobody is dropped, and humans see who it is."""

from functools import partial

import msgspec
import pytest
import trio
from trio.testing import MockClock

from botkit import CallEnded, CallInvited, CallMessageReceived, DigitsPressed, InstantMessage
from botkit.testing import User
from tests.bots.call_agent.offices import Office, get_through, hear, make_flow, office

AGAIN = [{"do": "menu", "prompt": "back: {outcome}", "choices": {"9": [{"do": "end"}]}}]


def transfer(mode: str = "blind") -> object:
    """A flow that transfers to anna, and goes on when that fails, and when she has hung up."""
    step = {"do": "transfer", "to": "anna", "mode": mode, "ring_seconds": 10, "otherwise": "again"}
    end = {"do": "end", "text": "It was {human}."}
    return make_flow([step, end], again=AGAIN)


def line(**queue: object) -> object:
    """A flow that has callers wait for anna and bert."""
    flow = make_flow([{"do": "queue", "to": "team", "otherwise": "again"}, {"do": "end"}], again=AGAIN)
    settings = msgspec.structs.replace(flow.queues["team"], **queue)
    return msgspec.structs.replace(flow, queues={"team": settings})


@pytest.mark.row("F10")
@pytest.mark.parametrize("mode", ["blind", "announced"])
@pytest.mark.parametrize("outcome", ["offline", "refused", "timeout"])
async def test_who_is_not_taken_is_back_in_the_flow(autojump_clock: MockClock, mode: str, outcome: str) -> None:
    async with office(flow=transfer(mode)) as at:
        ann = await at.world.user("ann")
        anna = None if outcome == "offline" else await at.world.user("anna")
        await get_through(ann)
        if anna is not None and outcome == "refused":
            await anna.refuse()
        assert await hear(ann, 2) == ["One moment, I am connecting you.", f"back: {outcome}"]
        if anna is not None and outcome == "timeout":
            await anna.expect(CallEnded)
        await ann.expect_nothing(CallEnded)
        await ann.press("9")
        await ann.wait_hung_up()
        (record,) = await at.records()
        assert (record.outcome, record.human) == ("completed", "")
        assert at.world.metric("botkit_call_agent_handoffs_total", outcome=outcome) == 1


@pytest.mark.row("F10")
@pytest.mark.row("F09")
async def test_a_blind_transfer_bridges_until_the_human_hangs_up(autojump_clock: MockClock) -> None:
    async with office(flow=transfer()) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann, extra='{"page": "shop"}')
        invited = await anna.expect(CallInvited)
        assert (invited.peer, invited.channel) == ("support", "support-1")
        told = msgspec.json.decode(invited.extra)
        assert (told["caller"], told["mode"], told["context"]) == ("ann", "blind", '{"page": "shop"}')
        leg = anna.session.call(invited.call)
        assert leg is not None
        await leg.accept()
        message = await ann.expect(CallMessageReceived)
        assert msgspec.json.decode(message.extra) == {"msgtype": "transferred", "to": "anna"}
        await ann.press("12")
        await anna.expect(DigitsPressed, digits="1")
        await anna.expect(DigitsPressed, digits="2")
        await leg.press("3")
        await ann.expect(DigitsPressed, digits="3")
        await leg.send_message('{"offer": 5}')
        await ann.expect(CallMessageReceived, extra='{"offer": 5}')
        await leg.end()
        await ann.wait_hung_up()
        assert (await hear(ann, 2))[-1] == "It was anna."
        (record,) = await at.records()
        assert (record.outcome, record.human, record.digits) == ("completed", "anna", "••")


@pytest.mark.row("F10")
async def test_an_announced_human_hears_who_it_is_and_takes_the_caller(autojump_clock: MockClock) -> None:
    async with office(flow=transfer("announced")) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        leg = await anna.answer()
        briefing = await anna.expect(InstantMessage)
        assert briefing.text == "ann is on the line. Press 1 to take the call, 2 to decline."
        await ann.expect_nothing(CallMessageReceived, seconds=1)
        await leg.press("1")
        await ann.expect(CallMessageReceived)
        await ann.hang_up()
        await anna.expect(CallEnded)
        (record,) = await at.records()
        assert (record.outcome, record.human) == ("transferred", "anna")


@pytest.mark.row("F10")
@pytest.mark.parametrize(("presses", "outcome"), [("2", "refused"), ("", "timeout")])
async def test_a_human_who_does_not_confirm_has_declined(autojump_clock: MockClock, presses: str, outcome: str) -> None:
    async with office(flow=transfer("announced")) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        leg = await anna.answer()
        if presses:
            await leg.press(presses)
        await ann.expect_text(f"back: {outcome}", within=60)
        await anna.expect(CallEnded)


async def test_a_caller_who_hangs_up_takes_the_invitation_of_the_human_back(autojump_clock: MockClock) -> None:
    async with office(flow=transfer()) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        await anna.expect(CallInvited)
        await ann.hang_up()
        await anna.expect(CallEnded)
        (record,) = await at.records()
        assert record.outcome == "abandoned"


async def test_a_human_who_has_somebody_is_not_rung(autojump_clock: MockClock) -> None:
    async with office(flow=transfer(), max_calls=5) as at:
        ann, bob, anna = [await at.world.user(name) for name in ("ann", "bob", "anna")]
        await get_through(ann)
        await anna.answer()
        await get_through(bob, "support-2")
        await bob.expect_text("back: refused")
        await anna.expect_nothing(CallInvited)


@pytest.mark.row("F08")
@pytest.mark.row("F09")
async def test_callers_wait_in_order_and_humans_learn_how_long(autojump_clock: MockClock) -> None:
    async with office(flow=line(humans=("anna",)), max_calls=5) as at:
        anna = await at.world.user("anna")
        ann, bob = await at.world.user("ann"), await at.world.user("bob")
        await get_through(ann)
        first = await anna.answer()
        await get_through(bob, "support-2")
        await bob.expect_text("Please hold the line. You are number 1.")
        await trio.sleep(42)
        await bob.expect_text("Please hold the line. You are number 1.")
        await first.end()
        invited = await anna.expect(CallInvited)
        told = msgspec.json.decode(invited.extra)
        assert told["caller"] == "bob"
        assert told["waited_seconds"] == pytest.approx(43, abs=2)
        await bob.hang_up()
        records = await at.records()
        assert [(record.outcome, record.human) for record in records] == [("completed", "anna"), ("abandoned", "")]
        assert records[1].waited == pytest.approx(43, abs=2)


@pytest.mark.row("F08")
async def test_who_hangs_up_in_the_queue_is_out_of_it_and_counted(autojump_clock: MockClock) -> None:
    async with office(flow=line(humans=("nobody",)), max_calls=5) as at:
        ann, bob = await at.world.user("ann"), await at.world.user("bob")
        await get_through(ann)
        await ann.expect_text("Please hold the line. You are number 1.")
        await get_through(bob, "support-2")
        await bob.expect_text("Please hold the line. You are number 2.")
        assert at.world.metric("botkit_call_agent_waiting") == 2
        await ann.hang_up()
        await bob.expect_text("Please hold the line. You are number 1.", within=40)
        assert at.world.metric("botkit_call_agent_waiting") == 1
        assert at.world.metric("botkit_call_agent_queue_left_total", how="abandoned") == 1
        assert (await at.records())[0].outcome == "abandoned"


@pytest.mark.row("F08")
async def test_a_human_whose_caller_has_hung_up_gets_the_next_at_once(autojump_clock: MockClock) -> None:
    async with office(flow=line(humans=("anna",)), max_calls=5) as at:
        ann, bob, anna = [await at.world.user(name) for name in ("ann", "bob", "anna")]
        await get_through(ann)
        await anna.expect(CallInvited)
        await get_through(bob, "support-2")
        await ann.hang_up()
        invited = await anna.expect(CallInvited, within=1)
        assert msgspec.json.decode(invited.extra)["caller"] == "bob"


@pytest.mark.row("F08")
async def test_a_wait_that_is_too_long_and_a_queue_that_is_full_lead_on(autojump_clock: MockClock) -> None:
    async with office(flow=line(humans=("nobody",), max_waiting=1, max_wait_seconds=50), max_calls=5) as at:
        ann, bob = await at.world.user("ann"), await at.world.user("bob")
        await get_through(ann)
        await get_through(bob, "support-2")
        await bob.expect_text("back: full")
        await ann.expect_text("back: timeout", within=60)
        for how in ("overflowed", "timed_out"):
            assert at.world.metric("botkit_call_agent_queue_left_total", how=how) == 1


@pytest.mark.row("F08")
async def test_a_human_who_does_not_answer_is_passed_over(autojump_clock: MockClock) -> None:
    async with office(flow=line(ring_seconds=10), max_calls=5) as at:
        ann, anna, bert = [await at.world.user(name) for name in ("ann", "anna", "bert")]
        await get_through(ann)
        await anna.expect(CallInvited)
        await bert.answer(within=30)
        await ann.expect(CallMessageReceived)
        await ann.hang_up()
        (record,) = await at.records()
        assert (record.human, record.outcome) == ("bert", "transferred")


@pytest.mark.row("F08")
async def test_twenty_callers_and_two_humans_all_get_through(autojump_clock: MockClock) -> None:
    async with office(flow=line(), max_calls=20) as at:
        humans = [await at.world.user(name) for name in ("anna", "bert")]
        callers = [await at.world.user(f"caller-{number}") for number in range(20)]
        async with trio.open_nursery() as nursery:
            for human in humans:
                nursery.start_soon(work, human)
            async with trio.open_nursery() as calls:
                for number, caller in enumerate(callers):
                    calls.start_soon(partial(call_and_wait, at, caller, f"support-{number}"))
            nursery.cancel_scope.cancel()
        records = await at.records()
        assert [record.outcome for record in records] == ["completed"] * 20
        assert {record.human for record in records} == {"anna", "bert"}


async def work(human: User) -> None:
    """Take one caller after the other, 10 s each."""
    while True:
        leg = await human.answer(within=1_000)
        await trio.sleep(10)
        await leg.end()


async def call_and_wait(at: Office, caller: User, channel: str) -> None:
    """Call, and stay until the call is over."""
    await get_through(caller, channel)
    await caller.wait_hung_up(within=1_000)


@pytest.mark.row("F08")
async def test_the_longest_wait_holds_while_one_human_after_the_other_declines(autojump_clock: MockClock) -> None:
    async with office(flow=line(max_wait_seconds=50, ring_seconds=10, pause_seconds=1)) as at:
        ann = await at.world.user("ann")
        for name in ("anna", "bert"):
            await at.world.user(name)  # there, and never answers
        await get_through(ann)
        await ann.expect_text("back: timeout", within=50 + 10 + 5)
        assert at.world.metric("botkit_call_agent_queue_left_total", how="timed_out") == 1


@pytest.mark.row("F10")
async def test_a_human_who_answers_late_has_all_the_time_to_hear_who_it_is(autojump_clock: MockClock) -> None:
    async with office(flow=transfer("announced")) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        await trio.sleep(9)
        leg = await anna.answer()
        await anna.expect(InstantMessage)
        await trio.sleep(9)
        await leg.press("1")
        await ann.expect(CallMessageReceived)
        await leg.end()
        await ann.expect_text("It was anna.")


@pytest.mark.row("F10")
async def test_what_was_pressed_while_it_rang_is_neither_for_the_human_nor_for_the_next_question(
    autojump_clock: MockClock,
) -> None:
    async with office(flow=transfer()) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        await trio.sleep(1)
        await ann.press("99")
        await anna.refuse()
        await ann.expect_text("back: refused")
        await ann.expect_nothing(CallEnded)
        await ann.press("9")
        await ann.wait_hung_up()
        await get_through(ann, "support-2")
        await trio.sleep(1)
        await ann.press("4711")
        await trio.sleep(1)
        await anna.answer()
        await ann.expect(CallMessageReceived)
        await anna.expect_nothing(DigitsPressed)
        await ann.press("5")
        assert (await anna.expect(DigitsPressed)).digits == "5"


@pytest.mark.row("F08")
async def test_what_was_pressed_in_the_queue_is_no_answer_to_the_next_question(autojump_clock: MockClock) -> None:
    async with office(flow=line(humans=("nobody",), max_wait_seconds=50)) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await trio.sleep(1)
        await ann.press("9")
        await ann.expect_text("back: timeout", within=60)
        await ann.expect_nothing(CallEnded)


@pytest.mark.row("F10")
async def test_a_digit_that_gets_lost_does_not_end_the_bridge(autojump_clock: MockClock) -> None:
    async with office(flow=transfer()) as at:
        ann, anna = await at.world.user("ann"), await at.world.user("anna")
        await get_through(ann)
        await anna.answer()
        await ann.expect(CallMessageReceived)
        at.world.road("support").lose(to_gateway="msgdata")
        await ann.press("1")
        await trio.sleep(30)
        at.world.road("support").lose()
        await ann.press("234")
        assert [(await anna.expect(DigitsPressed)).digits for _ in range(3)] == ["2", "3", "4"]
        await anna.press("5")
        assert (await ann.expect(DigitsPressed)).digits == "5"


@pytest.mark.row("F10")
@pytest.mark.parametrize("agent", ["", "no account", "x" * 129, "ann", "support"])
async def test_a_transfer_to_who_can_be_nobody_leads_on(autojump_clock: MockClock, agent: str) -> None:
    step = {"do": "transfer", "to": "{extra.agent}", "otherwise": "again"}
    async with office(flow=make_flow([step, {"do": "end"}], again=AGAIN)) as at:
        ann = await at.world.user("ann")
        await get_through(ann, extra=msgspec.json.encode({"agent": agent}).decode())
        outcome = "refused" if agent == "ann" else "failed"  # she is in a call with the agent in that channel
        assert await hear(ann, 2) == ["One moment, I am connecting you.", f"back: {outcome}"]
        await ann.press("9")
        await ann.wait_hung_up()
        assert [record.outcome for record in await at.records()] == ["completed"]
