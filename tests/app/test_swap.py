"""The code of a bot is exchanged between two events: sessions, state and order stay, no event is lost or doubled."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import trio
from msgspec import Struct, defstruct
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import (
    Bot,
    BotPlacement,
    CallInvited,
    ChannelMessage,
    Context,
    Conversation,
    ConversationTimedOut,
    InstantMessage,
    MemberJoined,
    UserJoined,
    UserLeft,
    UserOnline,
)
from botkit.app.changes import Changes
from botkit.errors import SwapFailed
from botkit.testing import User, open_world
from tests.app.world import open_world as open_small_world
from tests.app.world import until

SWAPPED = Changes(swapped=("bot",))


def place(bot: Bot, *channels: str) -> BotPlacement:
    return BotPlacement(bot=bot, account="bot", channels=channels)


def echo(version: str) -> Bot:
    """Says which version it is, and what it has heard; on ``wait`` after a while."""
    bot = Bot("bot")

    @bot.on_channel_message()
    async def repeat(message: ChannelMessage, ctx: Context) -> None:
        if message.text == "wait":
            await trio.sleep(10)
        await ctx.channel.send(f"{version} {message.text}")

    return bot


async def answers(user: User) -> list[str]:
    """What the bot's sessions have said."""
    return [one.text for one in await user.heard(ChannelMessage, seconds=100) if one.account.startswith("bot")]


@pytest.mark.row("B22")
async def test_the_next_event_meets_the_new_code_in_the_same_session(autojump_clock: MockClock) -> None:
    async with open_small_world() as world, world.running(place(echo("one"), "lobby", "room-*")) as app:
        async with (
            world.signal.open_session("ann") as ann,
            world.signal.open_session("bob") as bob,
        ):
            ann_in, bob_in = await ann.join("lobby"), await bob.join("room-1")
            await until(lambda: world.has_session("bot~2"))
            await trio.sleep(1)
            sessions = [world.session_of(account) for account in ("bot", "bot~2")]
            assert await app.apply([place(echo("two"), "lobby", "room-*")]) == SWAPPED
            await ann_in.send("hi")
            await bob_in.send("ho")
            told = []
            for session in (ann, bob):
                while not (
                    isinstance(event := await session.receive_event(), ChannelMessage) and "bot" in event.account
                ):
                    assert not isinstance(event, UserLeft)
                told.append(event.text)
            assert told == ["two hi", "two ho"]
            assert [world.session_of(account) for account in ("bot", "bot~2")] == sessions
        assert app.not_ready() == []
        assert world.meters.counter("bot_swaps", "", "bot").values == {"bot": 1}


@pytest.mark.row("B22")
async def test_what_is_at_work_ends_in_the_old_code_and_what_waits_keeps_its_place(autojump_clock: MockClock) -> None:
    async with (
        open_world() as world,
        world.running(place(echo("one"), "lobby")) as app,
        world.visitor("ann", channel="lobby") as ann,
    ):
        await ann.say("wait")
        await ann.say("next")
        await trio.sleep(1)
        with capture_logs() as logs:
            await app.apply([place(echo("two"), "lobby")])
            await trio.sleep(1)
        assert [entry["events"] for entry in logs if "still at work" in entry["event"]] == [1]
        await ann.say("last")
        assert await answers(ann) == ["one wait", "two next", "two last"]


async def test_what_waits_and_is_wanted_no_more_is_counted(autojump_clock: MockClock) -> None:
    async with (
        open_world() as world,
        world.running(place(echo("one"), "lobby")) as app,
        world.visitor("ann", channel="lobby") as ann,
    ):
        await ann.say("wait")
        await ann.say("next")
        await trio.sleep(1)
        unhandled = world.meters.counter("bot_events_unhandled", "", "bot").values
        before = unhandled["bot"]
        await app.apply([place(Bot("bot"), "lobby")])
        assert await answers(ann) == ["one wait"]
        assert unhandled["bot"] == before + 1


async def test_a_call_goes_on_in_the_code_that_has_taken_it(autojump_clock: MockClock) -> None:
    def agent(version: str) -> Bot:
        bot = Bot("bot")

        @bot.on_invite()
        async def take(invite: CallInvited, ctx: Context) -> None:
            async with ctx.call.accepted({"version": version}) as call:
                await call.gather_dtmf(count=1, timeout=100)
                await ctx.session.send_instant(invite.peer, f"{version} heard you")

        return bot

    async with open_world() as world, world.running(place(agent("one"))) as app, world.visitor("ann") as ann:
        await ann.call("bot")
        assert "one" in await ann.wait_answered()
        await app.apply([place(agent("two"))])
        await ann.press("1")
        await ann.expect_text("one heard you")
        await ann.wait_hung_up()
        await ann.call("bot")
        assert "two" in await ann.wait_answered()


class Store:
    """What a resource gives."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.count = 0


def keeper(log: list[str], kind: str) -> Bot:
    """Counts in a resource of a kind."""
    bot = Bot("bot")

    @bot.resource
    async def store() -> AsyncIterator[Store]:
        if kind == "bad":
            raise OSError("no such file")
        if kind == "slow":
            await trio.sleep(100)
        log.append(f"open {kind}")
        yield Store(kind)
        await trio.sleep(1)
        log.append(f"close {kind}")

    @bot.resource
    async def count(store: Store) -> AsyncIterator[int]:
        log.append("open count")
        yield 0
        log.append("close count")

    @bot.resource
    async def other() -> AsyncIterator[str]:
        log.append("open other")
        yield "other"
        log.append("close other")

    @bot.on_channel_message()
    async def add(message: ChannelMessage, ctx: Context, store: Store) -> None:
        if message.text == "wait":
            await trio.sleep(10)
        store.count += 1
        log.append(f"{store.kind} {store.count}")

    return bot


@pytest.mark.row("B22")
async def test_what_is_made_in_the_same_way_stays_open(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with open_world() as world:
        async with world.running(place(keeper(log, "a"), "lobby")) as app, world.visitor("ann", channel="lobby") as ann:
            await ann.say("one")
            await trio.sleep(1)
            await app.apply([place(keeper(log, "a"), "lobby")])
            await ann.say("two")
            await trio.sleep(1)
        assert log == [
            *("open a", "open count", "open other", "a 1", "a 2"),
            *("close other", "close count", "close a"),
        ]


@pytest.mark.row("B22")
async def test_what_has_changed_is_opened_before_the_old_is_closed(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with open_world() as world:
        async with world.running(place(keeper(log, "a"), "lobby")) as app:
            async with world.visitor("ann", channel="lobby") as ann:
                await ann.say("wait")
                await trio.sleep(1)
                log.clear()
                await app.apply([place(keeper(log, "b"), "lobby")])
                await ann.say("two")
                await trio.sleep(1)
                assert log == ["open b", "open count"]  # and not what has not changed
                await trio.sleep(20)
                assert log[2:4] == ["a 1", "b 1"]
                assert log[4:] == ["close count", "close a"]
            log.clear()
        assert log == ["close count", "close b", "close other"]


@pytest.mark.row("B22")
@pytest.mark.parametrize(("kind", "problem"), [("bad", "OSError: no such file"), ("slow", "not open within 30 s")])
async def test_new_code_that_cannot_open_what_it_needs_leaves_the_old(
    kind: str, problem: str, autojump_clock: MockClock
) -> None:
    log: list[str] = []
    other: list[str] = []

    def bots(first: str, second: str) -> list[BotPlacement]:
        placed = BotPlacement(bot=keeper(other, first), account="first", channels=("lobby",))
        return [placed, place(keeper(log, second), "lobby")]

    async with (
        open_world() as world,
        world.running(*bots("a", "a")) as app,
        world.visitor("ann", channel="lobby") as ann,
    ):
        with pytest.raises(SwapFailed, match=problem):
            await app.apply(bots("b", kind))
        await ann.say("one")
        await trio.sleep(1)
        assert log == ["open a", "open count", "open other", "a 1"]
        assert other[3:] == ["open b", "open count", "close count", "close b", "a 1"]
        assert await app.apply(bots("b", "b")) == Changes(swapped=("first", "bot"))
        assert await ann.heard(UserLeft) == []


async def test_a_bot_that_is_not_at_work_is_restarted_with_the_new_code(autojump_clock: MockClock) -> None:
    log: list[str] = []
    well = BotPlacement(bot=echo("one"), account="well")
    async with open_world() as world, world.running(well, place(keeper(log, "bad"), "lobby")) as app:
        assert app.statistics()[1].state != "running"
        assert await app.apply([well, place(keeper(log, "a"), "lobby")]) == Changes(kept=("well",), restarted=("bot",))
        assert app.statistics()[1].state == "running"


async def test_a_later_life_has_the_new_code(autojump_clock: MockClock) -> None:
    def fragile(version: str) -> Bot:
        bot = echo(version)

        @bot.resource
        async def nursery() -> AsyncIterator[trio.Event]:
            broken = trio.Event()

            async def watch() -> None:
                await broken.wait()
                raise OSError("broken")

            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch)
                yield broken
                nursery.cancel_scope.cancel()

        @bot.on_message()
        async def destroy(message: InstantMessage, broken: trio.Event) -> None:
            broken.set()

        return bot

    async with (
        open_world() as world,
        world.running(place(fragile("one"), "lobby")) as app,
        world.visitor("ann", channel="lobby") as ann,
    ):
        await app.apply([place(fragile("two"), "lobby")])
        await ann.tell("bot", "die")
        await ann.expect(UserJoined, within=30)
        await ann.say("hi")
        await ann.expect_text("two hi")
        assert app.statistics()[0].restarts == 1


class Order(Struct, frozen=True):
    """What the first version remembers."""

    dish: str


def renamed(name: str, **fields: type | tuple[type, object]) -> type[Struct]:
    """Another version of it."""
    return defstruct(
        name, [(key, *kind) if isinstance(kind, tuple) else (key, kind) for key, kind in fields.items()], frozen=True
    )


def waiter(state_type: type[Struct] | None, told: list[str], *, slow: bool = False) -> Bot:
    """Remembers who wants which dish, in states of any class."""
    bot = Bot("bot")
    if state_type is None:
        return bot
    kind = bot.conversation(state_type, timeout=60)

    @bot.on_message()
    async def order(message: InstantMessage, ctx: Context, talk: Conversation[state_type]) -> None:  # type: ignore[valid-type]
        if message.text == "?":
            await ctx.reply(str(talk.state))
            return
        if slow:
            await trio.sleep(10)
        await talk.set(state_type(dish=message.text))
        told.append(f"{state_type.__struct_fields__} {talk.state}")

    @bot.on_conversation_timeout(kind)
    async def over(event: ConversationTimedOut) -> None:
        told.append(f"over {event.account}")

    return bot


@pytest.mark.row("B22")
async def test_conversations_go_on_in_the_new_codes_states(autojump_clock: MockClock) -> None:
    told: list[str] = []
    longer = renamed("Order", dish=str, table=(int, 7))
    async with (
        open_world() as world,
        world.running(place(waiter(Order, told, slow=True))) as app,
        world.visitor("ann") as ann,
        world.visitor("bob") as bob,
    ):
        await ann.tell("bot", "soup")
        await trio.sleep(15)
        await bob.tell("bot", "fish")  # at work when the code changes
        await trio.sleep(1)
        await app.apply([place(waiter(longer, told))])
        await ann.tell("bot", "?")
        await ann.expect_text("Order(dish='soup', table=7)")
        await trio.sleep(10)
        assert told == ["('dish',) Order(dish='soup')", "('dish',) Order(dish='fish')"]
        await bob.tell("bot", "?")
        await bob.expect_text("Order(dish='fish', table=7)")
        await trio.sleep(100)
        assert told[2:] == ["over ann", "over bob"]


async def test_a_conversation_that_new_code_cannot_read_is_found_again_by_a_later_one(
    autojump_clock: MockClock,
) -> None:
    told: list[str] = []
    other = renamed("Order", number=int)
    async with open_world() as world, world.running(place(waiter(Order, told))) as app, world.visitor("ann") as ann:
        await ann.tell("bot", "soup")
        await trio.sleep(1)
        for state_type in (other, None, other):
            with capture_logs() as logs:
                await app.apply([place(waiter(state_type, told))])
            assert len([one for one in logs if "cannot be gone on with" in one["event"]]) == (not told[1:])
            told.append("")
        await app.apply([place(waiter(Order, told))])
        await ann.tell("bot", "?")
        await ann.expect_text("Order(dish='soup')")


async def test_a_bot_that_had_no_conversations_begins_to(autojump_clock: MockClock) -> None:
    told: list[str] = []
    async with open_world() as world, world.running(place(waiter(None, told))) as app, world.visitor("ann") as ann:
        await app.apply([place(waiter(Order, told))])
        await ann.tell("bot", "soup")
        await trio.sleep(100)
        assert told == ["('dish',) Order(dish='soup')", "over ann"]


def clock_bot(beats: list[tuple[str, float]], version: str, seconds: float | None, work: float = 0.0) -> Bot:
    """Notes when it is called."""
    bot = Bot("bot")
    if seconds is None:
        return bot

    @bot.every(seconds=seconds)
    async def tick() -> None:
        beats.append((version, trio.current_time()))
        await trio.sleep(work)

    return bot


@pytest.mark.row("B22")
async def test_timers_keep_their_times(autojump_clock: MockClock) -> None:
    beats: list[tuple[str, float]] = []
    async with open_world() as world, world.running(place(clock_bot(beats, "a", 30))) as app:
        begin = trio.current_time()
        for swap in range(6):  # more often than it beats
            await trio.sleep(20)
            await app.apply([place(clock_bot(beats, f"b{swap}", 30))])
        assert [(version, round(time - begin)) for version, time in beats] == [
            ("b0", 30),
            ("b1", 60),  # at 60 the swap comes after the beat
            ("b3", 90),
            ("b4", 120),
        ]


async def test_a_timer_at_another_pace_counts_from_its_last_beat(autojump_clock: MockClock) -> None:
    beats: list[tuple[str, float]] = []
    async with open_world() as world, world.running(place(clock_bot(beats, "a", 30))) as app:
        begin = trio.current_time()
        await trio.sleep(45)
        await app.apply([place(clock_bot(beats, "b", 20))])  # the last one was at 30
        await trio.sleep(20)
        await app.apply([place(clock_bot(beats, "c", 5))])  # that was 15 s ago: now
        await trio.sleep(6)
        await app.apply([place(clock_bot(beats, "d", None))])
        await trio.sleep(100)
        await app.apply([place(clock_bot(beats, "e", 50))])
        await trio.sleep(60)
    assert [(version, round(time - begin)) for version, time in beats] == [
        *(("a", 30), ("b", 50), ("c", 65), ("c", 70), ("e", 221)),
    ]


async def test_a_beat_at_work_keeps_the_next_one_of_the_new_code_out(autojump_clock: MockClock) -> None:
    beats: list[tuple[str, float]] = []
    async with open_world() as world, world.running(place(clock_bot(beats, "a", 10, work=25))) as app:
        begin = trio.current_time()
        await trio.sleep(12)
        await app.apply([place(clock_bot(beats, "b", 10))])
        await trio.sleep(40)
        assert [(version, round(time - begin)) for version, time in beats] == [("a", 10), ("b", 40), ("b", 50)]
        assert world.meters.counter("bot_beats_left_out", "", "bot").values == {"bot": 2}


def feeder(seen: list[str], *kinds: type[UserOnline | MemberJoined]) -> Bot:
    bot = Bot("bot")
    if UserOnline in kinds:

        @bot.on_user_online()
        async def online(event: UserOnline) -> None:
            if event.account != "bot":
                seen.append(f"{event.account} online")

    if MemberJoined in kinds:

        @bot.on_member_joined()
        async def joined(event: MemberJoined) -> None:
            seen.append(f"{event.account} in {event.channel}")

    return bot


@pytest.mark.row("B22")
async def test_feeds_follow_what_the_new_handlers_ask_for(autojump_clock: MockClock) -> None:
    seen: list[str] = []
    async with open_world() as world, world.running(place(feeder(seen, UserOnline))) as app, world.visitor("ann"):
        await until(lambda: bool(seen))
        await app.apply([place(feeder(seen, MemberJoined))])
        assert [feed.name for feed in app.describe().feeds] == ["channels"]
        async with world.visitor("bob", channel="hall"):
            await until(lambda: len(seen) == 2)
        await app.apply([place(feeder(seen))])
        assert app.describe().feeds == ()
        async with world.visitor("cat", channel="hall"):
            await trio.sleep(5)
    assert seen == ["ann online", "bob in hall"]


async def walk(seed: int) -> tuple[int, int]:
    """People speak in some channels while the code is exchanged again and again; the answers, and the versions."""
    dice = random.Random(seed)
    version, said = 0, Counter[str]()

    def make(number: int) -> BotPlacement:
        bot = Bot("bot")
        slow = dice.random() < 0.5

        @bot.on_channel_message()
        async def repeat(message: ChannelMessage, ctx: Context) -> None:
            await trio.sleep(dice.random() * 3 if slow else 0)
            await ctx.channel.send(f"{number} {message.text}")

        return place(bot, "lobby", "hall", "room-*")

    async with open_world() as world, world.running(make(0)) as app, AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(world.visitor(f"in-{channel}", channel=channel))
            for channel in ("lobby", "hall", "room-1")
        ]
        await people[2].expect(UserJoined)
        for _ in range(40):
            if dice.random() < 0.3:
                version += 1
                assert await app.apply([make(version)]) == SWAPPED
            else:
                user = dice.choice(people)
                said[user.account] += 1
                await user.say(str(said[user.account]))
            await trio.sleep(dice.choice((0.0, 0.0, 0.1, 1.0)))
        answered = 0
        for user in people:
            told = await answers(user)
            answered += len(told)
            check_answers(told, said[user.account])
            assert not await user.heard(UserLeft)
            assert not await user.heard(UserJoined)
        assert world.meters.counter("bot_session_restarts", "", "bot").values == {}
        return answered, world.meters.counter("bot_swaps", "", "bot").values.get("bot", 0)


def check_answers(told: list[str], said: int) -> None:
    """Each message was answered once, in order, and never by an older version after a newer one."""
    answers = [(int(one), int(two)) for one, two in (text.split() for text in told)]
    assert [number for _, number in answers] == list(range(1, said + 1))
    versions = [version for version, _ in answers]
    assert versions == sorted(versions)


@pytest.mark.row("B22")
@pytest.mark.parametrize("seed", range(2))
async def test_a_walk_of_swaps_loses_and_doubles_nothing(seed: int, autojump_clock: MockClock) -> None:
    answered, swaps = await walk(seed)
    assert answered + swaps == 40, "each step was one or the other"


@pytest.mark.slow
@pytest.mark.row("B22")
@pytest.mark.parametrize("seed", range(100, 140))
async def test_more_walks_of_swaps(seed: int, autojump_clock: MockClock) -> None:
    answered, swaps = await walk(seed)
    assert answered + swaps == 40, "each step was one or the other"
