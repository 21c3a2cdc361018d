"""Coming back to the same session, with a gateway that holds it for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ConnectFailed, InviteFailed
from botkit.events import (
    CallFailed,
    CallInvited,
    ChannelJoined,
    ChannelLeft,
    ChannelMessage,
    Event,
    EventsLost,
    InstantMessage,
    LoggedOut,
    Reconnected,
    Reconnecting,
)
from botkit.signaling import LoginSession, Signal
from botkit.testing import open_world
from botkit.transport.base import Transport
from botkit.wire import replies, requests
from botkit.wire.frames import ChannelNotice, Notify, ResumeArguments
from botkit.wire.messages import ChannelText
from botkit.wire.replies import Joined
from botkit.wire.states import CallState
from tests.signaling.scripted import LINE, ScriptedGateway, accepted, next_event, refused, resumed, waiting_events


@pytest.fixture
async def kept(gateway: ScriptedGateway, signal: Signal) -> AsyncIterator[LoginSession]:
    """A session of ``ann`` in ``room``, at a gateway that holds it."""
    gateway.login = lambda _: accepted(boot="b")
    gateway.line_login = lambda _: resumed("room")
    async with signal.open_session("ann") as session:
        await session.join("room")
        await waiting_events(session)
        yield session


def _text(msg: str) -> ChannelText:
    return ChannelText(channel="room", account="bob", uid=8, msg=msg)


async def _until_reconnected(session: LoginSession) -> list[Event]:
    events: list[Event] = []
    while not events or not isinstance(events[-1], Reconnected):
        events.append(await session.receive_event())
    return events


@pytest.mark.row("G07")
async def test_the_session_goes_on_as_if_nothing_had_been(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    channel = kept.channel
    await gateway.put_message("instant", "one")
    await gateway.notify(_text("seen"), 41)
    await waiting_events(kept)
    before = len(gateway.asked(requests.JoinChannel))
    await gateway.peer.drop()
    reconnecting, reconnected = await _until_reconnected(kept)
    assert isinstance(reconnecting, Reconnecting)
    assert reconnected == Reconnected(account=kept.account, resumed=True, rejoined=None)
    [resumption] = gateway.peer.resumptions
    assert resumption.arguments == ResumeArguments(
        vid="app", account="ann", line=LINE, boot="b", channel="room", message_id=41, inbox=1, multi=True
    )
    assert gateway.peer.logins == []
    assert kept.channel is channel
    assert len(gateway.asked(requests.JoinChannel)) == before
    await wait_all_tasks_blocked()
    assert gateway.asked(requests.GetMessages)[-1].ver_clear == 1
    await gateway.notify(_text("seen"), 41)
    await gateway.notify(_text("missed"), 42)
    await gateway.put_message("instant", "two")
    texts = [event.text for event in await waiting_events(kept) if isinstance(event, ChannelMessage | InstantMessage)]
    assert texts == ["missed", "two"]


async def test_a_gateway_that_holds_nothing_is_not_asked(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    await gateway.peer.drop()
    await next_event(session, Reconnected)
    assert gateway.peer.resumptions == []


async def test_a_session_that_is_gone_is_followed_by_a_new_one(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    call = await kept.invite("room", "bob")
    gateway.line_login = lambda _: refused("no such session", 200)
    await gateway.peer.drop()
    events = await _until_reconnected(kept)
    assert [type(event) for event in events] == [Reconnecting, CallFailed, ChannelJoined, Reconnected]
    reconnected = events[-1]
    assert isinstance(reconnected, Reconnected)
    assert (reconnected.resumed, reconnected.rejoined) == (False, "room")
    assert call.state is CallState.FAILED
    assert len(gateway.peer.resumptions) == len(gateway.peer.logins) == 1


async def test_other_refusals_are_refusals(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.line_login = lambda _: refused("kick")
    await gateway.peer.drop()
    assert (await next_event(kept, LoggedOut)).code == 103
    assert gateway.peer.logins == []


@pytest.mark.parametrize(("lost", "count"), [(3, 3), (-1, None)])
async def test_what_the_gateway_could_not_keep_is_told(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock, *, lost: int, count: int | None
) -> None:
    channel = kept.channel
    assert channel is not None
    await gateway.notify(_text("seen"), 41)
    await waiting_events(kept)
    gateway.line_login = lambda _: resumed("room", lost)
    gateway.answer(requests.JoinChannel, Joined(members=(("eve", 9),), attributes={"new": "one"}))
    await gateway.peer.drop()
    events = await _until_reconnected(kept)
    assert [type(event) for event in events] == [Reconnecting, EventsLost, ChannelJoined, Reconnected]
    assert isinstance(events[1], EventsLost)
    assert events[1].count == count
    assert events[-1] == Reconnected(account=kept.account, resumed=True, rejoined=channel.name)
    assert kept.channel is channel
    assert channel.attributes == {"new": "one"}
    await gateway.notify(_text("after a restart the numbers begin anew"), 1)
    assert len(await waiting_events(kept)) == 1


async def test_put_out_of_the_channel_meanwhile(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.line_login = lambda _: resumed("")
    await gateway.peer.drop()
    events = await _until_reconnected(kept)
    assert [type(event) for event in events] == [Reconnecting, ChannelLeft, Reconnected]
    assert kept.channel is None


async def test_a_join_whose_answer_was_lost(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    room = kept.channel
    gateway.answer(requests.JoinChannel, None)
    with trio.move_on_after(1):
        await kept.join("hall")
    gateway.answer(requests.JoinChannel, Joined(members=(("ann", 7),), attributes={}))
    gateway.line_login = lambda _: resumed("hall", -1)
    await gateway.peer.drop()
    events = await _until_reconnected(kept)
    assert [type(event) for event in events] == [Reconnecting, EventsLost, ChannelLeft, ChannelJoined, Reconnected]
    assert kept.channel is not None
    assert kept.channel.name == "hall"
    assert kept.channel is not room


async def test_calls_survive_a_loss(gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock) -> None:
    await gateway.put_call("voip_invite")
    call = kept.call((await next_event(kept, CallInvited)).call)
    assert call is not None
    await call.accept()
    await gateway.peer.drop()
    assert call.state is CallState.CONNECTED
    await next_event(kept, Reconnected)
    await call.press("1")
    assert call.state is CallState.CONNECTED


async def test_a_call_that_is_ended_during_the_loss_is_ended_for_the_peer_too(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    call = await kept.invite("room", "bob")
    await gateway.peer.drop()
    await call.end('"over"')
    assert gateway.asked(requests.EndCall) == []
    await next_event(kept, Reconnected)
    await wait_all_tasks_blocked()
    assert [request.extra for request in gateway.asked(requests.EndCall)] == ['"over"']


async def test_calls_are_given_up_after_a_minute(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    call = await kept.invite("room", "bob")
    gateway.down = True
    start = trio.current_time()
    await gateway.peer.drop()
    assert (await next_event(kept, CallFailed)).code == 702
    assert 60 <= trio.current_time() - start <= 75
    with pytest.raises(InviteFailed):
        await call.wait_answer()


async def test_twice_in_a_row(gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock) -> None:
    for number in range(1, 4):
        await gateway.peer.drop()
        await next_event(kept, Reconnected)
        await gateway.notify(_text(str(number)), number)
    assert [peer.resumptions[0].arguments.message_id for peer in gateway.peers[1:]] == [0, 1, 2]
    assert kept.statistics().connections == 4


async def test_a_notice_that_cannot_be_read_is_not_asked_for_again(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    await gateway.peer.send(Notify(ChannelNotice("room", 9, "nonsense")))
    await next_event(kept, Reconnected)
    assert gateway.peer.resumptions[0].arguments.message_id == 9


async def test_a_request_during_the_loss_goes_out_after_it(
    gateway: ScriptedGateway, kept: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.answer(requests.QueryChannelCount, replies.Count(num=1))
    await gateway.peer.drop()
    assert await kept.query_channel_count("room") == 1


@pytest.mark.parametrize("seconds", [20, 24, 26, 26.9])
async def test_whoever_can_come_back_in_time_does(seconds: float, autojump_clock: MockClock) -> None:
    async with open_world() as world:
        away = False

        @asynccontextmanager
        async def connector() -> AsyncIterator[Transport]:
            if away:
                raise ConnectFailed("the gateway", "no way there")
            async with world.connector() as transport:
                yield transport

        async with Signal(world.app_id, connector).open_session("ann") as session:
            await session.join("lobby")
            away = True
            world.road("ann").cut()
            await trio.sleep(seconds)
            away = False
            with trio.fail_after(31 - seconds):
                while not isinstance(event := await session.receive_event(), Reconnected):
                    pass
            assert event.resumed
