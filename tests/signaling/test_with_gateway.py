"""The client against botkit's own gateway: real WebSockets over streams in memory, in virtual time."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import (
    ConnectFailed,
    ErrorCode,
    InviteFailed,
    InviteRefused,
    JoinFailed,
    LoginFailed,
    RequestFailed,
    SendFailed,
)
from botkit.events import (
    CallEnded,
    CallFailed,
    CallInvited,
    CallRinging,
    ChannelAttributeUpdated,
    ChannelLeft,
    ChannelMessage,
    EventsLost,
    InstantMessage,
    LoggedOut,
    MemberJoined,
    MemberLeft,
    MessageHeld,
    Reconnected,
    Reconnecting,
    UserJoined,
    UserLeft,
    UserOffline,
    UserOnline,
)
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.signaling import Signal
from botkit.transport.base import Transport
from botkit.wire.admin import SANCTION_PAGE
from botkit.wire.states import CallState
from botkit.wire.tokens import make_token
from tests.signaling.scripted import next_event, waiting_events

APPS = (
    AppCredentials(id="open", server_accounts=("server-*",)),
    AppCredentials(id="closed", certificate="0123456789abcdef"),
)


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[Gateway]:
    gateway: Gateway = await nursery.start(serve_gateway, GatewaySettings(apps=APPS))
    yield gateway
    nursery.cancel_scope.cancel()


@pytest.fixture
def app(server: Gateway) -> Signal:
    return Signal("open", server.connector)


@pytest.mark.row("M10", "C07")
async def test_instant_messages(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        for text in ("\u96ea \u2603 \U0001f600", "x" * 8192, ""):
            await ann.send_instant("bob", text)
            message = await next_event(bob, InstantMessage)
            assert (message.account, message.uid, message.text) == ("ann", ann.uid, text)


@pytest.mark.row("M11")
async def test_messages_wait_for_a_peer_that_is_offline(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann:
        await ann.send_instant("bob", "in time", ttl=60)
        await ann.send_instant("bob", "too late", ttl=10)
        await trio.sleep(30)
        async with app.open_session("bob") as bob:
            texts = [event.text for event in await waiting_events(bob) if isinstance(event, InstantMessage)]
        assert texts == ["in time"]
        async with app.open_session("bob") as bob:
            assert not [event for event in await waiting_events(bob) if isinstance(event, InstantMessage)]


async def test_hundreds_of_messages_arrive_in_order(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        for number in range(300):
            await ann.send_instant("bob", str(number))
            if number % 50 == 49:
                await trio.sleep(1)
        texts = [(await next_event(bob, InstantMessage)).text for _ in range(300)]
        assert texts == [str(number) for number in range(300)]


@pytest.mark.row("M13", "M14", "M18", "C13", "C14", "C18")
async def test_a_channel(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        in_ann = await ann.join("room")
        in_bob = await bob.join("room")
        assert (await next_event(ann, UserJoined)).account == "bob"
        assert in_ann.members == in_bob.members == {"ann": ann.uid, "bob": bob.uid}
        await in_ann.send("hello")
        for session in (ann, bob):
            message = await next_event(session, ChannelMessage)
            assert (message.account, message.uid, message.text) == ("ann", ann.uid, "hello")
        await in_bob.set_attribute("topic", "snow")
        for session in (ann, bob):
            assert (await next_event(session, ChannelAttributeUpdated)).value == "snow"
        assert in_ann.attributes == {"topic": "snow"}
        await in_bob.leave()
        assert (await next_event(ann, UserLeft)).account == "bob"
        assert (await next_event(bob, ChannelLeft)).code == 602
        assert in_ann.members == {"ann": ann.uid}


@pytest.mark.row("M04", "M05", "M06", "M07", "W04")
async def test_queries(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        await bob.join("room")
        await ann.set_user_attribute("mood", "fine")
        assert await bob.get_user_attribute("ann", "mood") == "fine"
        assert await bob.get_user_attribute("ann", "age") is None
        assert await bob.get_user_attributes("ann") == {"mood": "fine"}
        assert await ann.query_channel_count("room") == 1
        assert await ann.query_channel_count("nowhere") == 0
        assert await ann.list_channel_users("room") == [("bob", bob.uid)]
        assert await ann.is_in_channel("bob", "room")
        assert not await ann.is_in_channel("ann", "room")
        assert await ann.is_online("bob")
        assert not await ann.is_online("carol")


@pytest.mark.row("M12", "M19", "M23", "C21", "C22", "C25", "C26", "C27")
async def test_a_whole_call(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        outgoing = await ann.invite("room", "bob", {"media": "audio"})
        invited = await next_event(bob, CallInvited)
        assert (invited.peer, invited.uid, invited.extra) == ("ann", ann.uid, '{"media":"audio"}')
        await next_event(ann, CallRinging)
        incoming = bob.call(invited.call)
        assert incoming is not None
        async with incoming.accepted('"hello"'):
            assert await outgoing.wait_answer() == '"hello"'
            await outgoing.press("12#")
            assert await incoming.gather_dtmf(9, finish="#") == "12"
            await incoming.say("thanks")
            assert (await next_event(ann, InstantMessage)).text == "thanks"
        ended = await next_event(ann, CallEnded)
        assert ended.by_peer
        assert (outgoing.state, incoming.state) == (CallState.ENDED, CallState.ENDED)
        again = await ann.invite("room", "bob")
        assert again.id != outgoing.id


@pytest.mark.row("M21", "M22", "C23")
async def test_a_refused_call(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        outgoing = await ann.invite("room", "bob")
        incoming = bob.call((await next_event(bob, CallInvited)).call)
        assert incoming is not None
        await incoming.refuse('"busy"')
        with pytest.raises(InviteRefused) as caught:
            await outgoing.wait_answer()
        assert caught.value.extra == '"busy"'


@pytest.mark.row("M12a", "M12b", "M12c", "C24")
async def test_calls_that_fail(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        with pytest.raises(InviteFailed) as caught:
            await ann.invite("room", "carol", {"_require_peer_online": 1})
        assert caught.value.code == 703
        start = trio.current_time()
        await ann.invite("room", "carol")
        assert (await next_event(ann, CallFailed)).code == 703
        assert trio.current_time() - start >= 20
        await ann.invite("room", "bob", {"_timeout": 5})
        invited = await next_event(bob, CallInvited)
        assert (await next_event(ann, CallFailed)).code == 704
        await trio.sleep(1)
        incoming = bob.call(invited.call)
        assert incoming is not None
        assert incoming.state.terminal


async def test_both_invite_each_other_at_once(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann, app.open_session("bob") as bob:
        outcomes: list[str] = []

        async def invite(first: bool) -> None:
            caller, callee = (ann, "bob") if first else (bob, "ann")
            try:
                await caller.invite("room", callee)
                outcomes.append("through")
            except InviteFailed as error:
                outcomes.append(str(int(error.code)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(invite, True)
            nursery.start_soon(invite, False)
        await wait_all_tasks_blocked()
        assert sorted(outcomes) == ["701", "through"]
        await trio.sleep(1)
        assert ann.statistics().calls_open == bob.statistics().calls_open == 1


@pytest.mark.row("M13a", "M13b", "M13c")
async def test_special_channels(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("server-1") as online, app.open_session("server-2") as places:
        await online.join("__agora_user_online")
        await places.join("__agora_channel_event")
        async with app.open_session("ann") as ann:
            with pytest.raises(JoinFailed, match="server accounts"):
                await ann.join("__agora_user_online")
            await ann.join("room")
            assert (await next_event(online, UserOnline)).account == "ann"
            joined = await next_event(places, MemberJoined)
            assert (joined.account, joined.uid, joined.channel) == ("ann", ann.uid, "room")
        assert (await next_event(online, UserOffline)).reason == "logout"
        assert (await next_event(places, MemberLeft)).reason == "logout"


@pytest.mark.row("M03c", "C05")
async def test_the_same_account_elsewhere(server: Gateway, app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as first, Signal("open", server.connector).open_session("ann") as second:
        assert (await next_event(first, LoggedOut)).code == 103
        await trio.sleep(120)
        assert server.sessions == 1
        assert second.statistics().connections_lost == 0


@pytest.mark.row("M03d", "C06")
async def test_tokens(server: Gateway, autojump_clock: MockClock) -> None:
    closed = Signal("closed", server.connector)
    now = int(server.clock.seconds())

    async def code(token: str) -> int:
        with pytest.raises(LoginFailed) as caught:
            async with closed.open_session("ann", token):
                pytest.fail("it is not logged in")
        return caught.value.code

    assert await code("_no_need_token") == 206
    assert await code(make_token("closed", "0123456789abcdef", "bob", now + 60)) == 206
    assert await code(make_token("closed", "0123456789abcdef", "ann", now - 1)) == 204
    async with closed.open_session("ann", make_token("closed", "0123456789abcdef", "ann", now + 60)) as ann:
        start = trio.current_time()
        assert (await next_event(ann, LoggedOut)).code == 105
        assert trio.current_time() - start == pytest.approx(60, abs=1.5)


async def test_a_long_list_of_sanctions_comes_page_by_page(app: Signal, autojump_clock: MockClock) -> None:
    names = [f"{number:05}" for number in range(2 * SANCTION_PAGE + 5)]
    async with app.open_session("server-1") as server:
        for name in names:
            await server.ban(name, reason="spam")
        listed = await server.list_sanctions()
        assert [sanction.account for sanction in listed] == names
        assert {sanction.reason for sanction in listed} == {"spam"}
        assert [sanction.account for sanction in await server.list_sanctions("00042")] == ["00042"]


async def test_moderation(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("server-1") as server, app.open_session("ann") as ann:
        channel = await ann.join("room")
        with pytest.raises(RequestFailed):
            await ann.mute("server-1")
        await server.mute("ann", channel="room", seconds=60, reason="too loud")
        [sanction] = await server.list_sanctions()
        assert (sanction.account, sanction.channel, sanction.reason) == ("ann", "room", "too loud")
        with pytest.raises(SendFailed, match="too loud") as caught:
            await channel.send("hello")
        assert caught.value.code == 400
        await server.unmute("ann", channel="room")
        await channel.send("hello")
        assert {(online.account, online.channel) for online in await server.list_online()} == {
            ("ann", "room"),
            ("server-1", ""),
        }
        await server.kick("ann", "room", reason="out")
        assert (await next_event(ann, ChannelLeft)).code == 601
        await ann.join("room")
        assert await server.close_channel("room") == 1
        await server.ban("ann", seconds=60, reason="rude")
        assert isinstance((await waiting_events(ann))[-1], LoggedOut)
        with pytest.raises(LoginFailed) as refused:
            async with app.open_session("ann"):
                pytest.fail("it is not logged in")
        assert refused.value.code == 202
        await server.unban("ann")
        async with app.open_session("ann"):
            pass


@pytest.mark.row("D05")
async def test_holding_a_channel(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("server-1") as server, app.open_session("ann") as ann:
        channel = await ann.join("room")
        await server.hold("room", budget=2, open_on_silence=False)

        async def judge() -> None:
            for action, text in (("deliver", ""), ("replace", "***"), ("drop", "")):
                held = await next_event(server, MessageHeld)
                assert (held.channel, held.account, held.budget_ms) == ("room", "ann", 2000)
                await server.judge(held.number, action, text=text, reason="rude")  # type: ignore[arg-type]

        async with trio.open_nursery() as nursery:
            nursery.start_soon(judge)
            await channel.send("fine")
            await channel.send("rude word")
            with pytest.raises(SendFailed, match="rude"):
                await channel.send("ruder word")
        texts = [event.text for event in await waiting_events(ann) if isinstance(event, ChannelMessage)]
        assert texts == ["fine", "***"]
        await server.release("room")
        await channel.send("free")


@pytest.mark.row("G06")
async def test_reading_the_ledger(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("server-1") as server:
        async with app.open_session("ann") as ann:
            await ann.join("room")
        first = await server.read_ledger(limit=2)
        rest = await server.read_ledger(first.epoch, first.events[-1].seq)
        told = [(event.event, event.account) for event in (*first.events, *rest.events) if event.account == "ann"]
        assert told == [
            ("user_online", "ann"),
            ("channel_join", "ann"),
            ("channel_leave", "ann"),
            ("user_offline", "ann"),
        ]
        assert rest.events[-1].seq == rest.last


@pytest.mark.row("W05", "P05")
async def test_through_a_restart_of_the_gateway(autojump_clock: MockClock) -> None:
    gateways: list[Gateway] = []

    def connect() -> AbstractAsyncContextManager[Transport]:
        return gateways[-1].connector()

    async def run(nursery: trio.Nursery) -> trio.CancelScope:
        scope = trio.CancelScope()

        async def serve(*, task_status: trio.TaskStatus[Gateway]) -> None:
            with scope:
                await serve_gateway(GatewaySettings(apps=APPS), task_status=task_status)

        gateways.append(await nursery.start(serve))
        return scope

    async with trio.open_nursery() as nursery:
        first = await run(nursery)
        async with Signal("open", connect).open_session("ann") as ann:
            channel = await ann.join("room")
            first.cancel()
            await run(nursery)
            await next_event(ann, Reconnecting)
            back = await next_event(ann, Reconnected)
            assert back.rejoined == "room"
            await channel.send("here again")
            assert (await next_event(ann, ChannelMessage)).text == "here again"
        nursery.cancel_scope.cancel()


async def test_an_idle_hour(app: Signal, autojump_clock: MockClock) -> None:
    async with app.open_session("ann") as ann:
        await trio.sleep(3600)
        assert ann.statistics().connections_lost == 0
        assert ann.statistics().frames_sent >= 360


@pytest.mark.row("P02")
async def test_many_sessions(server: Gateway, autojump_clock: MockClock) -> None:
    signals = [Signal("open", server.connector) for _ in range(2)]

    async def live(number: int) -> None:
        name, peer = f"user-{number}", f"user-{number ^ 1}"
        async with signals[number % 2].open_session(name) as session:
            ready[number].set()
            await ready[number ^ 1].wait()
            await session.send_instant(peer, f"from {name}")
            message = await next_event(session, InstantMessage)
            assert message.text == f"from {peer}"
            await trio.sleep(1)

    ready = [trio.Event() for _ in range(100)]
    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(live, number)
    await wait_all_tasks_blocked()
    assert server.sessions == 0


class _Lines:
    """Connections to a gateway that a test can cut."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

        self.cut = False

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Transport]:
        if self.cut:
            raise ConnectFailed("test", "the line is cut")
        async with self._gateway.connector() as transport:
            self.latest = transport
            yield transport

    async def drop(self) -> None:
        await self.latest.aclose()


@pytest.mark.row("G07", "M11")
async def test_nobody_notices_a_short_loss_and_nothing_is_missing(
    server: Gateway, app: Signal, autojump_clock: MockClock
) -> None:
    lines = _Lines(server)
    async with Signal("open", lines.connect).open_session("ann") as ann, app.open_session("bob") as bob:
        in_ann, in_bob = await ann.join("room"), await bob.join("room")
        call = await bob.invite("room", "ann")
        incoming = ann.call((await next_event(ann, CallInvited)).call)
        assert incoming is not None
        await incoming.accept()
        await waiting_events(ann)
        await waiting_events(bob)
        lines.cut = True
        await lines.drop()
        for number in range(5):
            await in_bob.send(str(number))
        await in_bob.set_attribute("topic", "snow")
        await bob.send_instant("ann", "psst", ttl=0)
        await call.press("7")
        await trio.sleep(15)
        lines.cut = False
        reconnected = await next_event(ann, Reconnected)
        assert reconnected.resumed
        events = await waiting_events(ann)
        assert [event.text for event in events if isinstance(event, ChannelMessage)] == ["0", "1", "2", "3", "4"]
        assert [event.text for event in events if isinstance(event, InstantMessage)] == ["psst"]
        assert in_ann.attributes == {"topic": "snow"}
        assert not [event for event in events if isinstance(event, EventsLost)]
        assert await incoming.gather_dtmf() == "7"
        await in_ann.send("back")
        told = await waiting_events(bob)
        assert not [event for event in told if isinstance(event, UserLeft | UserJoined | CallEnded)]
        assert incoming.state is CallState.CONNECTED
        await incoming.end()


@pytest.mark.row("G07")
async def test_a_long_loss_is_a_new_session(server: Gateway, app: Signal, autojump_clock: MockClock) -> None:
    lines = _Lines(server)
    async with Signal("open", lines.connect).open_session("ann") as ann, app.open_session("bob") as bob:
        await ann.join("room")
        await bob.join("room")
        await waiting_events(bob)
        lines.cut = True
        await lines.drop()
        assert (await next_event(bob, UserLeft)).account == "ann"
        lines.cut = False
        reconnected = await next_event(ann, Reconnected)
        assert (reconnected.resumed, reconnected.rejoined) == (False, "room")
        assert (await next_event(bob, UserJoined)).account == "ann"


async def test_a_feed_misses_nothing_over_a_loss(server: Gateway, app: Signal, autojump_clock: MockClock) -> None:
    lines = _Lines(server)
    async with Signal("open", lines.connect).open_session("server-1") as feed:
        await feed.join("__agora_user_online")
        async with app.open_session("ann"):
            await next_event(feed, UserOnline)
            lines.cut = True
            await lines.drop()
        async with app.open_session("bob"):
            lines.cut = False
            await next_event(feed, Reconnected)
            assert (await next_event(feed, UserOffline)).account == "ann"
            assert (await next_event(feed, UserOnline)).account == "bob"
        assert not [event for event in await waiting_events(feed) if isinstance(event, EventsLost)]


@pytest.mark.row("W08")
@pytest.mark.parametrize("dead_first", [False, True])
async def test_a_client_that_knows_only_where_to_ask(dead_first: bool) -> None:
    settings = GatewaySettings(apps=APPS, listen=Address("127.0.0.1", 0), http=Address("127.0.0.1", 0))
    async with trio.open_nursery() as nursery:
        gateway: Gateway = await nursery.start(serve_gateway, settings)
        lookups = ["http://127.0.0.1:1/", gateway.http_url] if dead_first else [gateway.http_url]
        async with Signal("open", lookups).open_session("ann") as ann:
            assert await ann.is_online("ann")
        async with Signal("open", gateway.http_url).open_session("ann") as ann:
            assert await ann.is_online("ann")
        with pytest.raises(LoginFailed, match="unknown app id") as refused:
            async with Signal("no such app", lookups).open_session("ann"):
                pytest.fail("it is not logged in")
        assert refused.value.code is ErrorCode.LOGIN_E_NET
        nursery.cancel_scope.cancel()
