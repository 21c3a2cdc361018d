"""Losing the connection and coming back; ending for good."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.backoff import Backoff
from botkit.errors import ErrorCode, RequestFailed, SendFailed, SessionEnded
from botkit.events import (
    ChannelJoined,
    ChannelLeft,
    ChannelMessage,
    Event,
    EventsLost,
    InstantMessage,
    LoggedOut,
    Reconnected,
    Reconnecting,
    UserOnline,
)
from botkit.signaling import LoginSession, Signal, SignalSettings
from botkit.wire import frames, replies, requests
from botkit.wire.frames import Close, Kick, LoginResult, LoginResultBody
from botkit.wire.ledger import VERSION, LedgerEvent, encode_event
from botkit.wire.limits import RESUME_SECONDS
from botkit.wire.messages import ChannelText, channel_notice
from botkit.wire.replies import Joined, failure
from botkit.wire.states import LoginStatus
from tests.signaling.scripted import ScriptedGateway, accepted, next_event, waiting_events


@pytest.mark.row("W05")
async def test_a_lost_connection_comes_back(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await gateway.peer.drop()
    assert session.status is LoginStatus.CONNECTING
    assert await session.receive_event() == Reconnecting(account=session.account, attempt=1)
    assert await session.receive_event() == Reconnected(account=session.account, resumed=False, rejoined=None)
    assert len(gateway.peers) == 2
    assert gateway.peers[0].closed
    assert session.statistics().connections_lost == 1
    assert session.statistics().connections == 2
    await session.send_instant("bob", "here again")


async def test_the_channel_is_joined_again_before_anything_else(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    channel = await session.join("room")
    await waiting_events(session)
    gateway.answer(requests.JoinChannel, Joined(members=(("ann", 7), ("eve", 9)), attributes={"new": "one"}))
    await gateway.peer.drop()
    nursery.start_soon(channel.send, "hello again")
    kinds: list[type[Event]] = []
    while Reconnected not in kinds:
        event = await session.receive_event()
        kinds.append(type(event))
    assert kinds == [Reconnecting, ChannelJoined, Reconnected]
    assert isinstance(event, Reconnected)
    assert event.rejoined == "room"
    assert session.channel is channel
    assert channel.members == {"ann": 7, "eve": 9}
    assert channel.attributes == {"new": "one"}
    await wait_all_tasks_blocked()
    asked = [type(request) for request in gateway.requests if not isinstance(request, requests.GetMessages)]
    assert asked[-2:] == [requests.JoinChannel, requests.SendChannelMessage]
    await gateway.notify(ChannelText(channel="room", account="eve", uid=9, msg="welcome back"), 1)
    assert (await next_event(session, ChannelMessage)).text == "welcome back"


async def test_a_channel_that_cannot_be_joined_again_is_left(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    channel = await session.join("room")
    await waiting_events(session)
    gateway.answer(requests.JoinChannel, failure(ErrorCode.JOINCHANNEL_E_OTHER, "full"))
    await gateway.peer.drop()
    left = await next_event(session, ChannelLeft)
    assert left.code == 604
    assert (await next_event(session, Reconnected)).rejoined is None
    assert session.channel is None
    assert not channel.joined


async def test_no_answer_to_joining_again_costs_the_connection(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await session.join("room")
    gateway.answer(requests.JoinChannel, None)
    await gateway.peer.drop()
    while len(gateway.peers) < 3:
        assert not isinstance(await session.receive_event(), Reconnected)
        await trio.sleep(6)
    gateway.answer(requests.JoinChannel, Joined(members=(), attributes={}))
    assert (await next_event(session, Reconnected)).rejoined == "room"


async def test_delays_grow_with_jitter_up_to_a_maximum(gateway: ScriptedGateway, autojump_clock: MockClock) -> None:
    signal = Signal("app", gateway.connector, settings=SignalSettings(reconnect=Backoff(1.0, 8.0, jitter=0.5)))
    async with signal.open_session("ann") as session:
        await waiting_events(session)
        gateway.down = True
        await gateway.peer.drop()
        delays = []
        before = trio.current_time()
        for attempt in range(1, 9):
            assert (await next_event(session, Reconnecting)).attempt == attempt
            now = trio.current_time()
            delays.append(now - before)
            before = now
        since, last_chance = delays[0], RESUME_SECONDS - 3
        for delay, full in zip(delays[1:], [1, 2, 4, 8, 8, 8, 8], strict=True):
            since += delay
            assert full / 2 <= delay <= full or since == pytest.approx(last_chance, abs=0.1)
        gateway.down = False
        await next_event(session, Reconnected)


async def test_a_connection_that_breaks_again_at_once_is_no_fresh_start(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    for attempt in (1, 2, 3):
        await gateway.peer.drop()
        assert (await next_event(session, Reconnecting)).attempt == attempt
        await next_event(session, Reconnected)
    await trio.sleep(30)
    await gateway.peer.drop()
    assert (await next_event(session, Reconnecting)).attempt == 1


async def test_giving_up(gateway: ScriptedGateway, autojump_clock: MockClock) -> None:
    signal = Signal("app", gateway.connector, settings=SignalSettings(reconnect_attempts=3))
    async with signal.open_session("ann") as session:
        await session.join("room")
        await waiting_events(session)
        gateway.down = True
        await gateway.peer.drop()
        events = [event async for event in session.events()]
    assert [type(event) for event in events] == [Reconnecting, Reconnecting, Reconnecting, ChannelLeft, LoggedOut]
    assert isinstance(events[-2], ChannelLeft)
    assert isinstance(events[-1], LoggedOut)
    assert (events[-2].code, events[-1].code) == (604, 102)
    assert gateway.attempts == 4


async def test_every_login_has_a_fresh_token(gateway: ScriptedGateway, autojump_clock: MockClock) -> None:
    made = iter(["first", "second"])
    async with Signal("app", gateway.connector).open_session("ann", lambda: next(made)) as session:
        await gateway.peer.drop()
        await next_event(session, Reconnected)
    assert [peer.logins[0].arguments.token for peer in gateway.peers] == ["first", "second"]


async def test_what_the_tokens_function_raises_ends_body_and_session(
    gateway: ScriptedGateway, autojump_clock: MockClock
) -> None:
    def make(tokens: list[str]) -> str:
        if not tokens:
            raise KeyError("vault")
        return tokens.pop()

    tokens = ["only one"]
    signal = Signal("app", gateway.connector)

    async def lose_the_connection() -> None:
        async with signal.open_session("ann", lambda: make(tokens)):
            await gateway.peer.drop()
            await trio.sleep_forever()

    with pytest.raises(KeyError, match="vault"):
        await lose_the_connection()
    async with signal.open_session("ann", "another"):
        assert len(gateway.peers) == 3


@pytest.mark.row("M03c", "C05")
@pytest.mark.parametrize("with_close", [True, False])
async def test_a_kick_is_never_fought(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, with_close: bool
) -> None:
    await session.join("room")
    await waiting_events(session)
    await gateway.peer.send(Kick("elsewhere"))
    if with_close and not gateway.peer.closed:
        await gateway.peer.send(Close("kick"))
    events = [event async for event in session.events()]
    assert [type(event) for event in events] == [ChannelLeft, LoggedOut]
    assert isinstance(events[0], ChannelLeft)
    assert isinstance(events[1], LoggedOut)
    assert (events[0].code, events[1].code) == (603, 103)
    await trio.sleep(600)
    assert gateway.attempts == 1
    with pytest.raises(SessionEnded) as caught:
        await session.send_instant("bob", "hi")
    assert caught.value.code == 103


async def test_kick_and_close_in_one_go(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await gateway.peer.transport.send(frames.encode(Kick("elsewhere")))
    await gateway.peer.transport.send(frames.encode(Close("kick")))
    await gateway.peer.transport.aclose()
    assert (await next_event(session, LoggedOut)).code == 103


@pytest.mark.row("C05", "M03d")
@pytest.mark.parametrize(("reason", "code"), [("bye", 102), ("TokenErrorExpired", 105), ("banned", 100)])
async def test_the_gateway_ends_the_session(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, reason: str, code: int
) -> None:
    await gateway.peer.send(Close(reason))
    assert (await next_event(session, LoggedOut)).code == code
    await trio.sleep(600)
    assert gateway.attempts == 1


@pytest.mark.parametrize(
    ("text", "code"), [("TokenErrorExpired", 105), ("TokenErrorWrong", 100), ("kick", 103), ("wrong account", 100)]
)
async def test_refusals_that_would_only_come_again_end_the_session(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, text: str, code: int
) -> None:
    gateway.login = lambda _: LoginResult(LoginResultBody(text, "{}"))
    await gateway.peer.drop()
    assert (await next_event(session, LoggedOut)).code == code
    assert gateway.attempts == 2


async def test_other_refusals_are_tried_again(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.login = lambda _: LoginResult(LoginResultBody("banned for a minute", "{}"))
    await gateway.peer.drop()
    for _ in range(3):
        await next_event(session, Reconnecting)
    gateway.login = lambda _: accepted()
    assert not (await next_event(session, Reconnected)).resumed
    assert session.status is LoginStatus.LOGGED_IN


@pytest.mark.row("M08")
async def test_pings_keep_a_quiet_session(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await trio.sleep(100.5)
    assert gateway.peer.pings == list(range(1, 21))
    assert session.status is LoginStatus.LOGGED_IN
    assert gateway.attempts == 1


async def test_a_gateway_that_stops_reading_is_a_lost_connection(autojump_clock: MockClock) -> None:
    gateway = ScriptedGateway(capacity=1)
    async with Signal("app", gateway.connector).open_session("ann") as session:
        await waiting_events(session)
        gateway.deaf = True
        for number in range(4):
            with pytest.raises(SendFailed, match="may have been carried out"):
                await session.send_instant("bob", str(number))
        gateway.deaf = False
        await next_event(session, Reconnected)
        assert trio.current_time() <= 31
        assert session.statistics().pongs_missed == 1


@pytest.mark.row("P05")
async def test_an_application_that_sleeps_does_not_cost_the_session(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await session.join("room")
    for number in range(1, 101):
        await gateway.notify(ChannelText(channel="room", account="bob", uid=8, msg=str(number)), number)
        await trio.sleep(1)
    assert gateway.attempts == 1
    texts = [event.text for event in await waiting_events(session) if isinstance(event, ChannelMessage)]
    assert texts == [str(number) for number in range(1, 101)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b'["notify"]',
        b'["notify",["msg","1"]]',
        b'["notify",["recvmsg","x"]]',
        b'["call2-ret",[1,0,"{}"]]',
        b'["login_ret",["",""]]',
        b'["nonsense",1]',
        b'["multi",[["multi",[]]]]',
        b"[" * 5000,
    ],
)
async def test_a_frame_that_is_none_costs_the_connection_only(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, data: bytes
) -> None:
    await gateway.peer.send_raw(data)
    await next_event(session, Reconnected)
    assert session.statistics().protocol_errors == 1
    assert gateway.peers[0].closed


@pytest.mark.parametrize("line", ["nonsense", "msg-v2 a b - channel_dance 1 {}", "msg-v2 a b - channel_msg 1 {}"])
async def test_a_channel_notice_that_cannot_be_read(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, line: str
) -> None:
    await session.join("room")
    await gateway.peer.send(frames.Notify(frames.ChannelNotice("room", 1, line)))
    await next_event(session, Reconnected)
    assert session.statistics().protocol_errors == 1


async def test_an_attribute_change_of_an_unknown_kind(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await session.join("room")
    content = '{"channel":"room","account":"bob","uid":8,"name":"a","value":"b","type":"append"}'
    line = f"msg-v2 bob - - channel_attr_update 1 {content}"
    await gateway.peer.send(frames.Notify(frames.ChannelNotice("room", 1, line)))
    await next_event(session, Reconnected)
    assert session.statistics().protocol_errors == 1


async def test_an_inbox_message_that_cannot_be_read_costs_one_connection(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.store_message("instant", "before")
    gateway.store_message("voip_invite", "no JSON")
    await gateway.put_message("instant", "after")
    await next_event(session, Reconnected)
    await trio.sleep(60)
    assert session.statistics().protocol_errors == 1
    assert gateway.acknowledged == 3


async def test_around_a_bad_message_nothing_is_lost_or_told_twice(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.store_message("instant", "before")
    gateway.store_message("voip_invite", "no JSON")
    await gateway.put_message("instant", "after")
    await trio.sleep(60)
    events = await waiting_events(session)
    assert [event.text for event in events if isinstance(event, InstantMessage)] == ["before", "after"]


async def test_messages_of_the_meantime_come_once_and_in_order(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await gateway.put_message("instant", "one")
    gateway.answer(requests.GetMessages, None)
    await gateway.put_message("instant", "two")
    await gateway.peer.drop()
    gateway.store_message("instant", "three")
    gateway.answer_with(requests.GetMessages, gateway.page)
    await next_event(session, Reconnected)
    await gateway.put_message("instant", "four")
    assert gateway.acknowledged == 4


async def test_a_loss_between_page_and_acknowledgement(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    pages = 0

    def page_and_no_more(request: requests.GetMessages) -> replies.Messages | None:
        nonlocal pages
        pages += 1
        return gateway.page(request) if pages == 1 else None

    gateway.answer_with(requests.GetMessages, page_and_no_more)
    await gateway.put_message("instant", "one")
    gateway.acknowledged = 0  # the acknowledgement never arrived
    await gateway.peer.drop()
    gateway.answer_with(requests.GetMessages, gateway.page)
    await trio.sleep(5)
    await gateway.put_message("instant", "two")
    events = await waiting_events(session)
    assert [event.text for event in events if isinstance(event, InstantMessage)] == ["one", "two"]
    assert session.statistics().messages_repeated == 1


async def test_a_feed_sees_the_hole_that_a_loss_made(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    async def tell(seq: int, message_id: int) -> None:
        special = LedgerEvent(
            v=VERSION, event="user_online", account="bob", uid=8, ms=1, epoch="e", seq=seq, prev=seq - 1
        )
        text = encode_event(special)
        await gateway.notify(ChannelText(channel="__agora_user_online", account="bob", uid=8, msg=text), message_id)

    await session.join("__agora_user_online")
    await tell(1, 10)
    await gateway.peer.drop()
    await next_event(session, Reconnected)
    await tell(4, 1)
    lost = await next_event(session, EventsLost)
    assert lost.count is None
    assert (await next_event(session, UserOnline)).seq == 4


async def test_a_query_during_the_loss_of_the_connection(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    gateway.answer(requests.SetUserAttribute, None)
    codes: list[int] = []

    async def set_attribute() -> None:
        with pytest.raises(RequestFailed) as caught:
            await session.set_user_attribute("a", "b")
        codes.append(caught.value.code)

    nursery.start_soon(set_attribute)
    await wait_all_tasks_blocked()
    await gateway.peer.drop()
    assert codes == [1002]


async def test_batches_are_unpacked(gateway: ScriptedGateway, session: LoginSession) -> None:
    await session.join("room")
    await waiting_events(session)
    events = [ChannelText(channel="room", account="bob", uid=8, msg=text) for text in ("one", "two")]
    inner = b",".join(frames.encode(channel_notice(event, number, 1)) for number, event in enumerate(events, 1))
    await gateway.peer.send_raw(b'["multi",[' + inner + b"]]")
    texts = [event.text for event in await waiting_events(session) if isinstance(event, ChannelMessage)]
    assert texts == ["one", "two"]
