"""Bots on a real gateway in memory: what reaches whom, in which order, and what one bot's trouble costs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit import (
    App,
    Bot,
    BotInfo,
    BotPlacement,
    CallInvited,
    ChannelMessage,
    Context,
    DigitsPressed,
    EventsLost,
    InstantMessage,
    LoggedIn,
    LoggedOut,
    UserOffline,
    UserOnline,
)
from botkit import filters as f
from botkit.errors import ActorError, ConnectFailed, ErrorCode
from botkit.events import CallAccepted, ChannelJoined, Reconnected
from botkit.transport.base import Transport
from botkit.transport.memory import memory_transport_pair
from botkit.wire.tokens import make_token
from tests.app.world import APP_ID, World, next_event, open_world, until


def place(bot: Bot, account: str = "bot", *channels: str) -> BotPlacement:
    return BotPlacement(bot=bot, account=account, channels=channels)


def echo_bot(name: str = "echo") -> Bot:
    bot = Bot(name)

    @bot.on_message()
    async def echo(message: InstantMessage, ctx: Context) -> None:
        if message.text == "crash":
            raise RuntimeError("as ordered")
        await ctx.reply(f"{ctx.bot.name}: {message.text}")

    return bot


async def test_handlers_of_one_event_run_in_order_until_stop(autojump_clock: MockClock) -> None:
    ran: list[str] = []
    bot = Bot("b")

    @bot.on_message()
    async def first(message: InstantMessage) -> None:
        await trio.sleep(1)
        ran.append("first")

    @bot.on(InstantMessage)
    async def second(message: InstantMessage, ctx: Context) -> None:
        ran.append("second")
        if message.text == "stop":
            ctx.stop()

    @bot.on_message(text="*")
    async def third() -> None:
        ran.append("third")

    async with open_world() as world, world.running(place(bot)), world.signal.open_session("ann") as ann:
        await ann.send_instant("bot", "stop")
        await ann.send_instant("bot", "go on")
        await until(lambda: len(ran) == 5)
    assert ran == ["first", "second", "first", "second", "third"]


@pytest.mark.row("B14")
async def test_a_handler_that_raises_costs_nothing_but_its_event(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with open_world() as world, world.running(place(echo_bot())), world.signal.open_session("ann") as ann:
            await ann.send_instant("bot", "crash")
            await ann.send_instant("bot", "still there?")
            assert (await next_event(ann, InstantMessage)).text == "echo: still there?"
            assert world.count("bot_handler_errors", "echo") == 1
            assert world.count("bot_restarts", "echo") == 0
    (failure,) = [line for line in logs if line["event"] == "handler failed"]
    assert (failure["bot"], failure["handler"], failure["file"]) == ("echo", "echo", __file__)
    assert repr(failure["exc_info"]) == "RuntimeError('as ordered')"


async def test_a_filter_that_raises_costs_nothing_but_its_event(autojump_clock: MockClock) -> None:
    def broken(_message: InstantMessage) -> bool:
        raise ZeroDivisionError

    bot = echo_bot()

    @bot.on_message(f.where(InstantMessage, broken))
    async def never(message: InstantMessage) -> None: ...

    async with open_world() as world, world.running(place(bot)), world.signal.open_session("ann") as ann:
        await ann.send_instant("bot", "hello")
        assert (await next_event(ann, InstantMessage)).text == "echo: hello"
        assert world.count("bot_filter_errors", "echo") == 1


@pytest.mark.row("0.13")
async def test_own_messages_are_ignored_unless_asked_for(autojump_clock: MockClock) -> None:
    heard: list[str] = []

    def parrot(name: str, ignore_self: bool) -> Bot:
        bot = Bot(name, ignore_self=ignore_self)

        @bot.on_channel_message()
        async def repeat(message: ChannelMessage, ctx: Context) -> None:
            heard.append(f"{name} hears {message.account}")
            if message.account == "ann":
                await ctx.channel.send("pardon?")

        return bot

    async with open_world() as world, world.signal.open_session("ann") as ann:
        lobby = await ann.join("lobby")
        async with world.running(place(parrot("deaf", True), "deaf", "lobby")):
            await lobby.send("hello")
            await trio.sleep(1)
        async with world.running(place(parrot("vain", False), "vain", "lobby")):
            await lobby.send("hello")
            await trio.sleep(1)
    assert heard == ["deaf hears ann", "vain hears ann", "vain hears vain"]


async def test_a_slow_handler_holds_up_its_own_channel_only(autojump_clock: MockClock) -> None:
    handled: list[tuple[float, str]] = []
    bot = Bot("b")

    @bot.on_channel_message()
    async def slow(message: ChannelMessage) -> None:
        await trio.sleep(60)
        handled.append((trio.current_time(), message.text))

    @bot.on_message()
    async def quick(message: InstantMessage) -> None:
        handled.append((trio.current_time(), message.text))

    async with (
        open_world() as world,
        world.running(place(bot, "bot", "lobby")),
        world.signal.open_session("ann") as ann,
    ):
        lobby = await ann.join("lobby")
        start = trio.current_time()
        await lobby.send("one")
        await lobby.send("two")
        await ann.send_instant("bot", "now")
        await until(lambda: len(handled) == 3, 1000)
        assert [text for _, text in handled] == ["now", "one", "two"]
        assert handled[0][0] == start
        assert [round(time - start) for time, _ in handled] == [0, 60, 120]


async def test_a_call_handler_keeps_nothing_waiting(autojump_clock: MockClock) -> None:
    digits: list[str] = []
    bot = Bot("b")

    @bot.on_invite()
    async def answer(invite: CallInvited, ctx: Context) -> None:
        async with ctx.call.accepted():
            await trio.sleep(600)

    @bot.on_dtmf()
    async def note(event: DigitsPressed, ctx: Context) -> None:
        digits.append(f"{event.digits} {ctx.call.peer}")
        await ctx.reply("noted")

    @bot.on_message()
    async def other(message: InstantMessage, ctx: Context) -> None:
        await ctx.reply("hello")

    async with open_world() as world, world.running(place(bot)), world.signal.open_session("ann") as ann:
        call = await ann.invite("room", "bot")
        await next_event(ann, CallAccepted)
        await call.press("1")
        await call.press("2")
        await ann.send_instant("bot", "hi")
        texts = {(await next_event(ann, InstantMessage)).text for _ in range(3)}
        assert texts == {"noted", "hello"}
        assert digits == ["1 ann", "2 ann"]
        assert trio.current_time() < 1


async def test_each_channel_has_a_session_of_its_own(autojump_clock: MockClock) -> None:
    bot = Bot("b")

    @bot.on_channel_message()
    async def where(message: ChannelMessage, ctx: Context) -> None:
        await ctx.channel.send(f"{ctx.channel.name} {ctx.session.account}")

    async with open_world() as world, world.running(place(bot, "bot", "one", "two")) as app:
        for channel, expected in (("one", "one bot"), ("two", "two bot~2")):
            async with world.signal.open_session("ann") as ann:
                await (await ann.join(channel)).send("?")
                await next_event(ann, ChannelMessage)
                assert (await next_event(ann, ChannelMessage)).text == expected
        (status,) = app.statistics()
        assert [(one.account, one.channel, one.status) for one in status.sessions] == [
            ("bot", "one", "logged_in"),
            ("bot~2", "two", "logged_in"),
        ]


async def test_beats_go_on_through_errors_and_leave_out_what_they_miss(autojump_clock: MockClock) -> None:
    beats: list[float] = []
    bot = Bot("b")

    @bot.every(seconds=10)
    async def beat(ctx: Context, info: BotInfo) -> None:
        assert ctx.session.account == info.account == "bot"
        beats.append(trio.current_time())
        if len(beats) == 1:
            raise RuntimeError("first")
        await trio.sleep(25)

    async with open_world() as world, world.running(place(bot)):
        start = trio.current_time()
        await trio.sleep(65)
        assert [round(time - start) for time in beats] == [10, 20, 50]
        assert world.count("bot_handler_errors", "b") == 1
        assert world.count("bot_beats_left_out", "b") == 2


class Fuse:
    """A resource that breaks when told to, as a nursery of its own would."""

    def __init__(self) -> None:
        self.blown = trio.Event()

    async def watch(self) -> None:
        await self.blown.wait()
        raise RuntimeError("blown")


def fused_bot(name: str) -> Bot:
    bot = echo_bot(name)

    @bot.resource
    async def fuse() -> AsyncIterator[Fuse]:
        fuse = Fuse()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fuse.watch)
            yield fuse
            nursery.cancel_scope.cancel()

    @bot.on_message(text="blow")
    async def blow(message: InstantMessage, fuse: Fuse) -> None:
        fuse.blown.set()

    return bot


async def test_a_crash_of_one_bot_is_not_seen_by_another(autojump_clock: MockClock) -> None:
    with capture_logs():
        bots = place(fused_bot("one"), "one"), place(fused_bot("two"), "two")
        async with open_world() as world, world.signal.open_session("ann") as ann, world.running(*bots) as app:
            await ann.send_instant("one", "blow")
            await until(lambda: world.count("bot_restarts", "one") == 1)
            await ann.send_instant("two", "alive?")
            assert (await next_event(ann, InstantMessage)).text == "one: blow"
            assert (await next_event(ann, InstantMessage)).text == "two: alive?"
            await ann.send_instant("one", "back?")
            assert (await next_event(ann, InstantMessage)).text == "one: back?"
            one, two = app.statistics()
            assert (one.restarts, repr(one.last_error)) == (1, "RuntimeError('blown')")
            assert (two.restarts, two.last_error) == (0, None)
            assert two.sessions[0].restarts == 0


@pytest.mark.row("A11")
async def test_a_bot_that_crashes_again_and_again_is_quarantined_alone(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        bots = place(fused_bot("bad"), "bad"), place(echo_bot(), "good")
        async with open_world() as world, world.signal.open_session("ann") as ann, world.running(*bots) as app:
            for _ in range(6):
                await until(lambda: app.statistics()[0].sessions[0].status == "logged_in")
                await ann.send_instant("bad", "blow")
                await trio.sleep(5)
            bad, good = app.statistics()
            assert (bad.state, bad.restarts, good.state) == ("quarantined", 5, "running")
            assert world.count("bot_quarantines", "bad") == 1
            assert world.count("bots_given_up", "bad") == 0
            await ann.send_instant("good", "hello")
            await until(lambda: world.count("bot_events", "echo") > 1)
    assert [line["bot"] for line in logs if line["event"] == "quarantined"] == ["bad"]


@pytest.mark.row("A01")
async def test_a_cancel_logs_every_session_out_and_leaves_no_task(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.signal.open_session("watch") as watch:
        world_tasks = trio.lowlevel.current_statistics().tasks_living
        bot = echo_bot()
        seen: list[UserOffline] = []

        @bot.on_user_offline()
        async def note(event: UserOffline) -> None:
            seen.append(event)

        begin = trio.current_time()
        async with world.running(place(bot, "bot", "one", "two"), place(echo_bot("other"), "other")):
            assert world.gateway.sessions == 1 + 3 + 1
        assert trio.current_time() == begin
        await watch.is_online("bot")
        assert world.gateway.sessions == 1
        assert trio.lowlevel.current_statistics().tasks_living == world_tasks


async def test_handlers_end_first_then_sessions_then_resources(autojump_clock: MockClock) -> None:
    log: list[str] = []
    bot = Bot("b")

    @bot.resource
    async def store(info: BotInfo) -> AsyncIterator[list[str]]:
        log.append("store open")
        try:
            yield log
        finally:
            await trio.sleep(0.5)
            log.append(f"store closed, gateway has {world.gateway.sessions} sessions")

    @bot.resource
    async def cache(store: list[str]) -> AsyncIterator[dict[str, str]]:
        log.append("cache open")
        yield {}
        log.append("cache closed")

    @bot.on_login()
    async def up(event: LoggedIn, store: list[str], cache: dict[str, str], ctx: Context) -> None:
        store.append(f"login in {ctx.channel.name}")
        try:
            await trio.sleep_forever()
        finally:
            store.append(f"handler over, session {ctx.session.status.name}")

    async with open_world() as world, world.running(place(bot, "bot", "lobby")):
        await wait_all_tasks_blocked()
        await until(lambda: len(log) == 3)
    assert log == [
        "store open",
        "cache open",
        "login in lobby",
        "handler over, session LOGGED_IN",
        "cache closed",
        "store closed, gateway has 0 sessions",
    ]


async def test_a_stop_takes_no_longer_than_its_deadline(autojump_clock: MockClock) -> None:
    bot = Bot("b")

    @bot.resource
    async def stubborn() -> AsyncIterator[list[str]]:
        try:
            yield []
        finally:
            await trio.sleep(100)

    async with open_world() as world:
        with capture_logs() as logs:
            async with world.running(place(bot, "one"), place(bot, "two"), place(echo_bot(), "three")):
                begin = trio.current_time()
        assert trio.current_time() - begin == pytest.approx(4.0)
        late = sorted(line["child"] for line in logs if line["event"] == "child passed its stop deadline")
        assert late == ["b (one)", "b (two)"]
        assert world.gateway.sessions == 0


async def test_a_kicked_session_is_not_fought_for(autojump_clock: MockClock) -> None:
    ends: list[LoggedOut] = []
    bot = echo_bot()

    @bot.on_logout()
    async def out(event: LoggedOut) -> None:
        await trio.sleep(1)
        ends.append(event)

    async with open_world() as world:
        app = world.app(place(bot), place(echo_bot("other"), "other"))
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                await nursery.start(app.run)
                async with world.signal.open_session("bot") as thief:
                    await trio.sleep(120)
                    assert await thief.is_online("bot")
                    assert [status.state for status in app.statistics()] == ["ended", "running"]
                nursery.cancel_scope.cancel()
    assert [event.code for event in ends] == [ErrorCode.LOGOUT_E_KICKED]
    assert [line["account"] for line in logs if line["event"] == "session over, and not opened again"] == ["bot"]


async def test_the_app_ends_when_no_bot_is_left(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        app = world.app(place(echo_bot()))

        async def steal() -> None:
            await until(lambda: world.gateway.sessions == 1)
            async with world.signal.open_session("bot"):
                await trio.sleep(5)

        with capture_logs():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(steal)
                with pytest.raises(ActorError, match=r"no bot is left: echo \(bot\): its account logged in elsewhere"):
                    await app.run()


async def test_an_app_without_bots_ends_at_once(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        app, begin = world.app(), trio.current_time()
        await app.run()
        assert trio.current_time() == begin
        assert app.statistics() == ()


async def test_a_refused_token_gives_a_bot_up_at_once(autojump_clock: MockClock) -> None:
    async with open_world(certificate="c" * 32) as world:
        app = world.app(place(echo_bot()))
        begin = trio.current_time()
        with capture_logs() as logs, pytest.raises(ActorError, match="206 LOGIN_E_TOKENWRONG"):
            await app.run()
        assert trio.current_time() == begin
        assert [line["error"].split(":")[0] for line in logs if line["event"] == "bot given up"] == ["LoginFailed"]


async def test_a_token_that_expires_costs_a_session_and_no_bot(autojump_clock: MockClock) -> None:
    certificate = "5cfd2fd1755d40ecb72977518be15d3b"
    lost: list[EventsLost] = []
    bot = echo_bot()

    @bot.on_events_lost()
    async def note(event: EventsLost) -> None:
        lost.append(event)

    async with open_world(certificate=certificate) as world:

        def token_for(account: str) -> str:
            return make_token(APP_ID, certificate, account, int(world.gateway.clock.seconds()) + 60)

        app = world.app(place(bot), token_for=token_for)
        with capture_logs():
            async with trio.open_nursery() as nursery:
                await nursery.start(app.run)
                await trio.sleep(100)
                assert world.count("bot_session_restarts", "echo") == 1
                (status,) = app.statistics()
                assert (status.restarts, status.sessions[0].status) == (0, "logged_in")
                assert [event.cause for event in lost] == ["the session ended and was opened anew"]
                nursery.cancel_scope.cancel()


async def test_a_gateway_that_is_not_there_yet_is_waited_for(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        opens_at = trio.current_time() + 60

        @asynccontextmanager
        async def connector() -> AsyncIterator[Transport]:
            if trio.current_time() < opens_at:
                raise ConnectFailed("memory", "not yet")
            async with world.gateway.connector() as transport:
                yield transport

        app = App(APP_ID, connector, [place(echo_bot()), place(echo_bot("other"), "other")])
        with capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                await nursery.start(app.run)
                assert trio.current_time() < opens_at
                assert [line["waiting_for"] for line in logs if line["event"] == "still starting"] == [
                    ["bot echo (bot)", "bot other"]
                ]
                assert {status.state for status in app.statistics()} == {"starting"}
                await trio.sleep(100)
                assert {status.state for status in app.statistics()} == {"running"}
                assert world.gateway.sessions == 2
                nursery.cancel_scope.cancel()
        assert {line["account"] for line in logs if line["event"] == "cannot get in"} == {"bot", "other"}


async def test_a_cancel_while_waiting_for_the_gateway_ends_at_once(autojump_clock: MockClock) -> None:
    @asynccontextmanager
    async def connector() -> AsyncIterator[Transport]:
        if trio.current_time() >= 0:
            raise ConnectFailed("memory", "never")
        yield memory_transport_pair()[0]

    begin = trio.current_time()
    with capture_logs(), trio.move_on_after(3):
        await App(APP_ID, connector, [place(echo_bot())]).run()
    assert trio.current_time() == begin + 3


async def test_unhandled_events_are_counted(autojump_clock: MockClock) -> None:
    async with open_world() as world, world.running(place(Bot("mute"))), world.signal.open_session("ann") as ann:
        before = world.count("bot_events_unhandled", "mute")
        await ann.send_instant("bot", "anybody?")
        await until(lambda: world.count("bot_events_unhandled", "mute") == before + 1)
        assert world.count("bot_events", "mute") == before + 1


async def test_gauges_are_there_while_the_app_runs(autojump_clock: MockClock) -> None:
    bot = Bot("b")

    @bot.on_message()
    async def slow() -> None:
        await trio.sleep(10)

    async with open_world() as world:
        async with world.running(place(bot)), world.signal.open_session("ann") as ann:
            for _ in range(3):
                await ann.send_instant("bot", "x")
            await trio.sleep(1)
            text = world.meters.render().decode()
            assert "botkit_bot_events_waiting 2.0" in text
            assert "botkit_bot_handlers_running 1.0" in text
        assert "botkit_bot_events_waiting 0.0" in world.meters.render().decode()


async def test_a_rejoin_is_no_news_but_the_first_join_is(autojump_clock: MockClock) -> None:
    joined: list[ChannelJoined] = []
    bot = Bot("b")

    @bot.on(ChannelJoined)
    async def note(event: ChannelJoined) -> None:
        joined.append(event)

    async with open_world() as world, world.running(place(bot, "bot", "lobby")):
        await until(lambda: len(joined) == 1)
        assert joined[0].channel == "lobby"


async def test_a_gateway_that_restarts_costs_no_bot(autojump_clock: MockClock) -> None:
    lives: list[str] = []
    bot = echo_bot()

    @bot.resource
    async def life() -> AsyncIterator[list[str]]:
        lives.append("begin")
        yield lives
        lives.append("end")

    @bot.on(Reconnected)
    async def back(event: Reconnected, ctx: Context) -> None:
        lives.append(f"back in {event.rejoined}")
        await ctx.channel.send("here again")

    worlds: list[World] = []

    @asynccontextmanager
    async def connector() -> AsyncIterator[Transport]:
        if not worlds:
            raise ConnectFailed("memory", "restarting")
        async with worlds[0].gateway.connector() as transport:
            yield transport

    app = App(APP_ID, connector, [place(bot, "bot", "lobby")])
    with capture_logs():
        async with trio.open_nursery() as nursery:
            async with open_world() as world:
                worlds.append(world)
                await nursery.start(app.run)
                worlds.clear()
            await trio.sleep(300)
            async with open_world() as world, world.signal.open_session("ann") as ann:
                await ann.join("lobby")
                worlds.append(world)
                assert (await next_event(ann, ChannelMessage, 60)).text == "here again"
                await ann.send_instant("bot", "hello")
                assert (await next_event(ann, InstantMessage)).text == "echo: hello"
                assert lives == ["begin", "back in lobby"]
                (status,) = app.statistics()
                assert (status.restarts, status.sessions[0].restarts) == (0, 0)
                nursery.cancel_scope.cancel()
    assert lives[-1] == "end"


class Silenced:
    """A connection on which, from some time on, nothing comes back any more."""

    def __init__(self, inner: Transport, silent: trio.Event) -> None:
        self.inner, self.silent = inner, silent

    async def send(self, data: bytes) -> None:
        if not self.silent.is_set():
            await self.inner.send(data)

    async def receive(self) -> bytes | str:
        message = await self.inner.receive()
        if self.silent.is_set():
            await trio.sleep_forever()
        return message

    async def aclose(self) -> None:
        await self.inner.aclose()


async def test_sessions_whose_gateway_is_silent_stop_at_the_same_time(autojump_clock: MockClock) -> None:
    log: list[str] = []
    bot = Bot("b")

    @bot.resource
    async def store() -> AsyncIterator[list[str]]:
        yield log
        await trio.sleep(0.5)
        log.append("saved")

    async with open_world() as world:
        silent = trio.Event()

        @asynccontextmanager
        async def connector() -> AsyncIterator[Transport]:
            async with world.gateway.connector() as transport:
                yield Silenced(transport, silent)

        app = App(APP_ID, connector, [place(bot, "bot", *"abcdef")])
        with capture_logs():
            async with trio.open_nursery() as nursery:
                await nursery.start(app.run)
                silent.set()
                begin = trio.current_time()
                nursery.cancel_scope.cancel()
        assert 2 <= trio.current_time() - begin <= 4
        assert log == ["saved"]


async def test_an_app_with_feeds_ends_when_no_bot_is_left(autojump_clock: MockClock) -> None:
    bot = Bot("b")

    @bot.on_user_online(account="ann")
    async def leave(event: UserOnline, ctx: Context) -> None:
        await ctx.session.logout()

    async with open_world() as world:
        app = world.app(place(bot))

        async def visit() -> None:
            await until(lambda: world.gateway.sessions == 2)
            async with world.signal.open_session("ann"):
                await trio.sleep(5)

        with capture_logs():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(visit)
                with pytest.raises(ActorError, match="no bot is left"), trio.fail_after(60):
                    await app.run()
        assert world.gateway.sessions == 0


async def test_calls_of_different_sessions_do_not_wait_for_each_other(autojump_clock: MockClock) -> None:
    pressed: list[str] = []
    bot = Bot("b")

    @bot.on_invite()
    async def answer(invite: CallInvited, ctx: Context) -> None:
        await ctx.call.accept()

    @bot.on_dtmf()
    async def slow(event: DigitsPressed, ctx: Context) -> None:
        pressed.append(f"{ctx.session.account} {event.call} {event.digits}")
        await trio.sleep(60)

    bots = place(bot, "bot", "one", "two")
    async with open_world() as world, world.running(bots), world.signal.open_session("ann") as ann:
        begin = trio.current_time()
        for callee in ("bot", "bot~2"):
            call = await ann.invite("room", callee)
            await call.wait_answer()
            await call.press("1")
        await until(lambda: len(pressed) == 2)
        assert pressed == ["bot 1 1", "bot~2 1 1"]
        assert trio.current_time() - begin < 1
