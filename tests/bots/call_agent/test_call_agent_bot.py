from functools import partial

import msgspec
import pytest
import trio
from trio.testing import MockClock

from botkit import BotPlacement, CallEnded, InstantMessage, open_database
from botkit.errors import InviteRefused
from botkit.testing import User, open_world
from bots.call_agent import Line, bot, call_agent
from bots.call_agent.records import SCHEMA, CallRecord, CallRecords
from tests.bots.call_agent.offices import DATABASE, MENU, get_through, hear, make_flow, office, settings


@pytest.mark.row("F06")
async def test_a_call_through_two_menus(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        assert await hear(ann, 2) == ["Welcome.", MENU]
        await ann.press("1")
        assert await hear(ann, 2) == ["Nine to five.", MENU]
        await ann.press("23")
        assert await hear(ann, 2) == ["3 end", "As you wish."]
        await ann.expect(CallEnded, by_peer=True)
        assert await at.endings() == [("ann", "123", "completed")]


async def test_silence_ends_the_call_in_time(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.wait_hung_up(within=12)
        assert (await hear(ann, 5))[2:] == ["I did not get that.", MENU, "I did not get that."]
        assert await at.endings() == [("ann", "", "no_input")]


async def test_a_caller_who_hangs_up_ends_the_talk(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.press("1")
        await trio.sleep(1)
        await ann.hang_up()
        assert await at.endings() == [("ann", "1", "hung_up")]
        await get_through(ann, "support-2")


@pytest.mark.row("F01")
async def test_a_refusal_says_why(autojump_clock: MockClock) -> None:
    refuse = [{"caller": "mal*", "reason": "banned"}]
    async with office(refuse=refuse) as at:
        ann, bob, mallory = [await at.world.user(name) for name in ("ann", "bob", "mallory")]
        await get_through(ann)
        for caller, channel, reason in (
            (bob, "support-2", "full"),
            (bob, "sales", "no_rule"),
            (mallory, "support-3", "banned"),
        ):
            await caller.call("support", channel=channel)
            with pytest.raises(InviteRefused) as refused:
                await caller.wait_answered()
            assert msgspec.json.decode(refused.value.extra) == {"reason": reason}
        records = await at.records()
    assert [(record.outcome, record.reason) for record in records[1:]] == [
        ("refused", "full"),
        ("refused", "no_rule"),
        ("refused", "banned"),
    ]


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
        outcomes = [record.outcome for record in await at.records()]
        assert sorted(outcomes) == ["hung_up"] + ["refused"] * 99


async def test_stopping_the_bot_ends_its_calls_and_records_it(autojump_clock: MockClock) -> None:
    placement = BotPlacement(bot=bot, account="support", settings=settings())
    async with open_database(DATABASE, SCHEMA) as database, open_world() as world:
        ann = await world.user("ann")
        async with world.running(placement):
            await get_through(ann)
            await ann.press("1")
            await trio.sleep(1)
        await ann.expect(CallEnded)
        (record,) = await CallRecords(database).latest(limit=10)
    assert (record.digits, record.outcome) == ("1", "stopped")


async def test_an_invitation_that_is_withdrawn_gives_its_place_back(autojump_clock: MockClock) -> None:
    async with office() as at:
        ann = await at.world.user("ann")
        for number in range(5):
            await ann.call("support", channel=f"support-{number}")
            await ann.hang_up()
            await trio.sleep(0.1)
        assert [ending[2] for ending in await at.endings()] == ["withdrawn"] * 5
        await get_through(ann, "support-9")


async def test_who_hangs_up_and_calls_again_at_once_is_let_in(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = CallRecords.put

    async def put_slowly(self: CallRecords, record: CallRecord) -> None:
        await trio.sleep(1 if record.end_ms else 0)
        await put(self, record)

    monkeypatch.setattr(CallRecords, "put", put_slowly)
    async with office() as at:
        ann = await at.world.user("ann")
        for _ in range(3):
            with trio.fail_after(0.5):
                await get_through(ann)
            await ann.hang_up()
        await trio.sleep(1)
        assert [ending[2] for ending in await at.endings()] == ["hung_up"] * 3


async def test_an_agent_that_may_not_speak_ends_the_call_as_failed(autojump_clock: MockClock) -> None:
    async with office(server_accounts=("moderator",)) as at:
        moderator, ann = await at.world.user("moderator"), await at.world.user("ann")
        await get_through(ann)
        assert await hear(ann, 2) == ["Welcome.", MENU]
        await moderator.session.mute("support", reason="too chatty")
        await ann.press("1")
        await ann.expect(CallEnded, by_peer=True)
        (record,) = await at.records()
        assert (record.digits, record.outcome) == ("1", "failed")
        assert "muted" in record.reason
        assert "too chatty" in record.reason
        await moderator.session.unmute("support")
        await get_through(ann)


async def test_a_hundred_calls_at_once_are_all_talked_to_within_the_limits(autojump_clock: MockClock) -> None:
    """200 messages within the 60 a second that one account may send: they take their turns, and none is refused."""
    flow = make_flow([{"do": "say", "text": "Welcome."}, {"do": "end", "text": "Bye."}])
    flow = msgspec.structs.replace(flow, queues={})
    async with office(max_calls=100, flow=flow) as at:
        callers = [await at.world.user(f"caller-{number}") for number in range(100)]
        async with trio.open_nursery() as nursery:
            for number, caller in enumerate(callers):
                nursery.start_soon(partial(caller.call, "support", channel=f"support-{number}"))
        for caller in callers:
            assert await hear(caller, 2) == ["Welcome.", "Bye."]
        assert at.world.host.gateway.counters.refusals.value == 0
        assert {ending[2] for ending in await at.endings()} == {"completed"}


async def forget(line: Line) -> None:
    """A handler that never comes to an end, and is never silent."""
    while True:
        await line.say("please wait")
        await trio.sleep(30)


async def sleep(line: Line) -> None:
    """A handler that does nothing at all."""
    await trio.sleep_forever()


@pytest.mark.row("F04")
@pytest.mark.parametrize(
    ("handler", "outcome", "lasted"), [(forget, "too_long", 600), (sleep, "idle", 120)]
)  # fmt: skip
async def test_the_call_of_a_forgotten_handler_ends(
    autojump_clock: MockClock, handler: object, outcome: str, lasted: float
) -> None:
    agent = call_agent("forgetful", handler)  # type: ignore[arg-type]
    async with office(agent, max_call_seconds=600, idle_seconds=120) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.wait_hung_up(within=700)
        said = await ann.heard(InstantMessage)
        assert said[-1].text == "Goodbye."
        (record,) = await at.records()
        assert record.outcome == outcome
        assert record.answered_ms is not None
        assert record.end_ms is not None
        assert (record.end_ms - record.answered_ms) / 1000 == pytest.approx(lasted, abs=1)


@pytest.mark.row("F04")
async def test_a_farewell_that_takes_too_long_is_cut_off(autojump_clock: MockClock) -> None:
    """The road to the gateway is blocked: nothing that is said arrives, and the call is over all the same."""
    async with office(call_agent("forgetful", sleep), idle_seconds=20, wrap_up_seconds=3) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await trio.sleep(19)
        at.world.road("support").block()
        await trio.sleep(8)
        (record,) = await at.records()
        assert record.outcome == "idle"
        at.world.road("support").open()
        await ann.wait_hung_up(within=40)


async def test_a_handler_in_python(autojump_clock: MockClock) -> None:
    async def ask(line: Line) -> None:
        await line.say(f"Hello {line.caller}, you come from {line.extra.get('page', 'nowhere')}.")
        number = await line.gather("Your number?", min_digits=2, max_digits=4, finish="#")
        line.note(f"asked in {line.channel}")
        line.set_result(number.digits)

    async with office(call_agent("clerk", ask)) as at:
        ann = await at.world.user("ann")
        await get_through(ann, extra='{"page": "shop"}')
        assert await hear(ann, 2) == ["Hello ann, you come from shop.", "Your number?"]
        await ann.press("123#")
        await ann.wait_hung_up()
        (record,) = await at.records()
        assert (record.outcome, record.result, record.digits) == ("completed", "123", "123#")
        assert "asked in support-1" in [entry.text for entry in record.timeline]


async def test_a_handler_that_fails_ends_its_call(autojump_clock: MockClock) -> None:
    async def fail(line: Line) -> None:
        raise LookupError("no such customer")

    async with office(call_agent("clerk", fail), expect_failures=True) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.wait_hung_up()
        (record,) = await at.records()
        assert (record.outcome, record.reason) == ("failed", "the handler failed: LookupError")
        assert at.world.metric("botkit_bot_handler_errors_total") == 1
        await get_through(ann)


async def hold_on(line: Line) -> None:
    """A handler that cannot be cancelled, such as one that waits for a thread."""
    with trio.CancelScope(shield=True):
        await trio.sleep(500)


@pytest.mark.row("F04")
async def test_a_handler_that_cannot_be_cancelled_keeps_no_caller(autojump_clock: MockClock) -> None:
    async with office(call_agent("stubborn", hold_on), max_call_seconds=60, wrap_up_seconds=3) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.wait_hung_up(within=65)
        await get_through(ann)  # and no place of those that there are
        await trio.sleep(600)
        assert [record.outcome for record in await at.records()] == ["too_long"] * 2


@pytest.mark.row("F04")
async def test_an_answer_that_does_not_get_through_is_given_up_in_time(autojump_clock: MockClock) -> None:
    async with office(ring_seconds=3) as at:
        ann = await at.world.user("ann")
        at.world.road("support").lose(to_gateway="voip_invite_accept")
        await ann.call("support", channel="support-1")
        await ann.wait_hung_up(within=5)
        (record,) = await at.records()
        assert (record.outcome, record.answered_ms) == ("no_answer", None)
        assert record.end_ms is not None
        assert (record.end_ms - record.start_ms) / 1000 == pytest.approx(3, abs=0.1)


@pytest.mark.row("F05")
@pytest.mark.parametrize(("barge_in", "digits"), [(True, "9"), (False, "1")])
async def test_what_was_pressed_before_the_prompt_counts_with_barge_in_only(
    autojump_clock: MockClock, *, barge_in: bool, digits: str
) -> None:
    async def ask(line: Line) -> None:
        await trio.sleep(5)
        line.set_result((await line.gather("Sure?", barge_in=barge_in)).digits)

    async with office(call_agent("clerk", ask)) as at:
        ann = await at.world.user("ann")
        await get_through(ann)
        await ann.press("9")
        await ann.expect_text("Sure?")
        if not barge_in:
            await ann.press("1")
        await ann.wait_hung_up()
        (record,) = await at.records()
        assert record.result == digits
