"""Channels: joining, following, leaving."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode, JoinFailed, LeaveFailed, ParameterError, RequestFailed, SendFailed
from botkit.events import (
    ChannelAttributeUpdated,
    ChannelJoined,
    ChannelLeft,
    ChannelMessage,
    Event,
    EventsLost,
    MemberJoined,
    MemberLeft,
    UserJoined,
    UserLeft,
    UserOffline,
    UserOnline,
)
from botkit.signaling import Channel, LoginSession
from botkit.wire import messages, replies, requests
from botkit.wire.frames import ExpelledNotice, Notify
from botkit.wire.ledger import VERSION, LedgerEvent, encode_event
from botkit.wire.messages import AttributeUpdated, ChannelText
from botkit.wire.replies import Joined, failure
from tests.signaling.scripted import ScriptedGateway, waiting_events

BOB = {"channel": "room", "account": "bob", "uid": 8}


def _text(msg: str, channel: str = "room") -> ChannelText:
    return ChannelText(channel=channel, account="bob", uid=8, msg=msg)


@pytest.mark.row("M13", "C10", "C15")
async def test_joining_tells_members_and_attributes(gateway: ScriptedGateway, session: LoginSession) -> None:
    gateway.answer(
        requests.JoinChannel, Joined(members=(("bob", 8), ("ann", 7)), attributes={"topic": "snow", "_x": "1"})
    )
    channel = await session.join("room")
    assert session.channel is channel
    assert channel.joined
    assert channel.name == "room"
    assert channel.members == {"bob": 8, "ann": 7}
    assert channel.attributes == {"topic": "snow", "_x": "1"}
    [event] = await waiting_events(session)
    assert isinstance(event, ChannelJoined)
    assert event.members == (("bob", 8), ("ann", 7))
    assert event.attributes == {"topic": "snow", "_x": "1"}


@pytest.mark.row("C13", "C14", "C16", "C18")
async def test_notices_become_events_and_keep_the_channel_current(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    channel = await session.join("room")
    await waiting_events(session)
    await gateway.notify(messages.MemberJoined(channel="room", account="bob", uid=8), 1)
    assert channel.members == {"ann": 7, "bob": 8}
    await gateway.notify(_text("\u2603 hello"), 2)
    await gateway.notify(AttributeUpdated(channel="room", account="bob", uid=8, name="topic", value="snow"), 3)
    assert channel.attributes == {"topic": "snow"}
    await gateway.notify(AttributeUpdated(channel="room", account="bob", uid=8, name="topic", type="del"), 4)
    assert channel.attributes == {}
    await gateway.notify(AttributeUpdated(channel="room", account="bob", uid=8, name="topic", value="ice"), 5)
    await gateway.notify(AttributeUpdated(channel="room", account="bob", uid=8, type="clear"), 6)
    assert channel.attributes == {}
    await gateway.notify(messages.MemberLeft(channel="room", account="bob", uid=8), 7)
    assert channel.members == {"ann": 7}
    events = await waiting_events(session)
    assert [type(event) for event in events] == [
        UserJoined,
        ChannelMessage,
        ChannelAttributeUpdated,
        ChannelAttributeUpdated,
        ChannelAttributeUpdated,
        ChannelAttributeUpdated,
        UserLeft,
    ]
    message = events[1]
    assert isinstance(message, ChannelMessage)
    assert (message.channel, message.account, message.uid, message.text, message.ms, message.message_id) == (
        "room",
        "bob",
        8,
        "\u2603 hello",
        5,
        2,
    )
    kinds = [event.kind for event in events if isinstance(event, ChannelAttributeUpdated)]
    assert kinds == ["update", "del", "update", "clear"]


async def test_a_notice_that_comes_again_or_from_elsewhere_is_ignored(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    await gateway.notify(_text("before any join"), 1)
    await session.join("room")
    await waiting_events(session)
    await gateway.notify(_text("one"), 5)
    await gateway.notify(_text("one"), 5)
    await gateway.notify(_text("older"), 4)
    await gateway.notify(_text("elsewhere", channel="other"), 6)
    [event] = await waiting_events(session)
    assert isinstance(event, ChannelMessage)
    assert event.text == "one"
    assert session.statistics().notices_ignored == 4


@pytest.mark.row("P03", "C12")
async def test_joining_another_channel_leaves_the_first(gateway: ScriptedGateway, session: LoginSession) -> None:
    first = await session.join("room")
    second = await session.join("hall")
    assert session.channel is second
    assert [channel.joined for channel in (first, second)] == [False, True]
    events = await waiting_events(session)
    assert [type(event) for event in events] == [ChannelJoined, ChannelLeft, ChannelJoined]
    left = events[1]
    assert isinstance(left, ChannelLeft)
    assert (left.channel, left.code) == ("room", 602)
    with pytest.raises(SendFailed, match="join it again"):
        await first.send("to nobody")


async def test_joining_the_same_channel_again_sends_nothing(gateway: ScriptedGateway, session: LoginSession) -> None:
    assert await session.join("room") is await session.join("room")
    assert len(gateway.asked(requests.JoinChannel)) == 1


@pytest.mark.row("C11")
async def test_a_refused_join_leaves_everything_as_it_was(gateway: ScriptedGateway, session: LoginSession) -> None:
    room = await session.join("room")
    await waiting_events(session)
    gateway.answer(requests.JoinChannel, failure(ErrorCode.JOINCHANNEL_E_OTHER, "full"))
    with pytest.raises(JoinFailed, match="full"):
        await session.join("hall")
    assert session.channel is room
    assert room.joined
    assert await waiting_events(session) == []


@pytest.mark.parametrize("way", ["cancel", "timeout"])
async def test_a_late_answer_to_a_join_still_counts(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, way: str
) -> None:
    gateway.answer(requests.JoinChannel, None)
    if way == "cancel":
        with trio.move_on_after(1):
            await session.join("room")
    else:
        with pytest.raises(JoinFailed, match="may have been carried out"):
            await session.join("room")
    answer = Joined(members=(("ann", 7),), attributes={})
    await gateway.peer.send(replies.encode_reply(gateway.call_ids[-1], answer))
    assert session.channel is not None
    [event] = await waiting_events(session)
    assert isinstance(event, ChannelJoined)


@pytest.mark.row("M14", "C12")
async def test_leaving_twice(gateway: ScriptedGateway, session: LoginSession) -> None:
    channel = await session.join("room")
    await waiting_events(session)
    await channel.leave()
    await channel.leave()
    assert len(gateway.asked(requests.LeaveChannel)) == 1
    assert session.channel is None
    assert await waiting_events(session) == [ChannelLeft(channel=channel.name, code=ErrorCode.LEAVECHANNEL_E_BYUSER)]


async def test_a_refused_leave(gateway: ScriptedGateway, session: LoginSession) -> None:
    channel = await session.join("room")
    gateway.answer(requests.LeaveChannel, failure(ErrorCode.LEAVECHANNEL_E_OTHER, "stay"))
    with pytest.raises(LeaveFailed, match="stay"):
        await channel.leave()
    assert channel.joined


@pytest.mark.row("M15", "M16", "M17", "M18")
async def test_what_a_channels_verbs_send(gateway: ScriptedGateway, session: LoginSession) -> None:
    channel = await session.join("room")
    await channel.send("hello")
    await channel.set_attribute("topic", "snow")
    await channel.delete_attribute("topic")
    await channel.clear_attributes()
    line = gateway.requests[0].line
    assert gateway.requests[-4:] == [
        requests.SendChannelMessage(line=line, channel="room", text="hello"),
        requests.SetChannelAttribute(line=line, channel="room", name="topic", value="snow"),
        requests.DeleteChannelAttribute(line=line, channel="room", name="topic"),
        requests.ClearChannelAttributes(line=line, channel="room"),
    ]


@pytest.mark.row("M15", "M18")
@pytest.mark.parametrize(
    "verb",
    [
        lambda channel: channel.send("x" * 8193),
        lambda channel: channel.set_attribute("n" * 129, ""),
        lambda channel: channel.set_attribute("n", "v" * 8097),
        lambda channel: channel.delete_attribute(""),
    ],
)
async def test_limits_of_a_channels_verbs(
    gateway: ScriptedGateway, session: LoginSession, verb: Callable[[Channel], Awaitable[None]]
) -> None:
    channel = await session.join("room")
    with pytest.raises(ParameterError):
        await verb(channel)
    await channel.send("x" * 8192)
    await channel.set_attribute("n" * 128, "v" * 8096)
    assert len(gateway.asked(requests.SetChannelAttribute)) == 1


async def test_attributes_of_a_channel_that_was_left(session: LoginSession) -> None:
    channel = await session.join("room")
    await channel.leave()
    for verb in (channel.set_attribute("a", "b"), channel.delete_attribute("a"), channel.clear_attributes()):
        with pytest.raises(RequestFailed, match="join it again"):
            await verb


@pytest.mark.row("C12")
@pytest.mark.parametrize(("number", "code"), [(601, 601), (600, 600), (12, 600)])
async def test_put_out_of_the_channel(gateway: ScriptedGateway, session: LoginSession, number: int, code: int) -> None:
    channel = await session.join("room")
    await waiting_events(session)
    await gateway.peer.send(Notify(ExpelledNotice("other", 601, "")))
    assert session.channel is channel
    await gateway.peer.send(Notify(ExpelledNotice("room", number, "rude")))
    with pytest.raises(SendFailed, match="left"):
        await channel.send("hello")
    assert await waiting_events(session) == [ChannelLeft(channel=channel.name, code=ErrorCode(code))]


def _special(seq: int, epoch: str = "e", event: str = "user_online", channel: str = "") -> str:
    reason = "logout" if event in {"user_offline", "channel_leave"} else ""
    return encode_event(
        LedgerEvent(
            v=VERSION,
            event=event,  # type: ignore[arg-type]
            account="bob",
            uid=8,
            channel=channel,
            ms=9,
            reason=reason,
            epoch=epoch,
            seq=seq,
            prev=seq - 1,
        )
    )


async def _feed(gateway: ScriptedGateway, session: LoginSession, name: str, texts: list[str]) -> list[Event]:
    await session.join(name)
    await waiting_events(session)
    for number, text in enumerate(texts, 1):
        await gateway.notify(_text(text, channel=name), number)
    return await waiting_events(session)


@pytest.mark.row("M13a", "M13b")
async def test_special_channels_tell_typed_events(gateway: ScriptedGateway, session: LoginSession) -> None:
    events = await _feed(gateway, session, "__agora_user_online", [_special(1), _special(2, event="user_offline")])
    assert [type(event) for event in events] == [UserOnline, UserOffline]
    assert isinstance(events[1], UserOffline)
    assert (events[1].reason, events[1].account, events[1].seq, events[1].epoch) == ("logout", "bob", 2, "e")
    texts = [_special(1, event="channel_join", channel="c"), _special(2, event="channel_leave", channel="c")]
    events = await _feed(gateway, session, "__agora_channel_event", texts)
    assert [type(event) for event in events] == [MemberJoined, MemberLeft]


async def test_holes_and_epochs_in_a_feed_are_told(gateway: ScriptedGateway, session: LoginSession) -> None:
    texts = [_special(5), _special(6), _special(6), _special(9), _special(1, epoch="f"), _special(2, epoch="f")]
    events = await _feed(gateway, session, "__agora_user_online", texts)
    assert [type(event) for event in events] == [
        UserOnline,
        UserOnline,
        EventsLost,
        UserOnline,
        EventsLost,
        UserOnline,
        UserOnline,
    ]
    assert [event.count for event in events if isinstance(event, EventsLost)] == [None, None]


@pytest.mark.parametrize("text", ["hello", "{}", '{"v":2,"event":"user_online"}'])
async def test_other_texts_in_a_special_channel_are_messages(
    gateway: ScriptedGateway, session: LoginSession, text: str
) -> None:
    [event] = await _feed(gateway, session, "__agora_user_online", [text])
    assert isinstance(event, ChannelMessage)
    assert event.text == text


async def test_a_feeds_text_in_an_ordinary_channel_is_a_message(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    [event] = await _feed(gateway, session, "room", [_special(1)])
    assert isinstance(event, ChannelMessage)


async def test_members_cannot_be_changed_from_outside(session: LoginSession) -> None:
    channel = await session.join("room")
    with pytest.raises(TypeError):
        channel.members["x"] = 1  # type: ignore[index]
    await wait_all_tasks_blocked()
    assert repr(channel) == "<Channel 'room'>"
