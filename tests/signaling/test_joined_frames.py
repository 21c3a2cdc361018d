"""What a session has to send at the same time is one message, where the gateway takes that."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import ErrorCode
from botkit.events import LoggedOut
from botkit.signaling import LoginSession, Signal
from botkit.wire import frames, replies, requests
from botkit.wire.frames import LoginOutcome, LoginResult, LoginResultBody
from botkit.wire.limits import MAX_CLIENT_FRAME_BYTES
from tests.signaling.scripted import LINE, ScriptedGateway, accepted


def takes_multi() -> LoginResult:
    outcome = LoginOutcome(result="ok", uid=7, line=LINE, boot="b", multi=True)
    return LoginResult(LoginResultBody("", replies.encode_json(outcome)))


@pytest.fixture
async def joining(gateway: ScriptedGateway, signal: Signal) -> AsyncIterator[LoginSession]:
    """A session at a gateway that takes several frames in one."""
    gateway.login = lambda _: takes_multi()
    async with signal.open_session("ann") as session:
        await wait_all_tasks_blocked()
        yield session


async def send_all(session: LoginSession, *texts: str) -> None:
    async with trio.open_nursery() as nursery:
        for text in texts:
            nursery.start_soon(session.send_instant, "bob", text)


async def test_a_login_says_that_it_takes_several_in_one(gateway: ScriptedGateway, session: LoginSession) -> None:
    assert gateway.peer.logins[0].arguments.multi


async def test_what_several_tasks_ask_at_once_is_one_message(
    gateway: ScriptedGateway, joining: LoginSession, autojump_clock: MockClock
) -> None:
    before, sent = len(gateway.peer.messages), joining.statistics().frames_sent
    await send_all(joining, *map(str, range(20)))
    assert [len(frames.split_frames(message)) for message in gateway.peer.messages[before:]] == [20]
    assert sorted(gateway.texts()) == sorted(map(str, range(20)))
    assert joining.statistics().frames_sent == sent + 20


async def test_to_a_gateway_that_did_not_say_so_each_goes_by_itself(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    before = len(gateway.peer.messages)
    await send_all(session, "one", "two", "three")
    assert [len(frames.split_frames(message)) for message in gateway.peer.messages[before:]] == [1, 1, 1]


async def test_no_message_is_larger_than_a_gateway_takes(
    gateway: ScriptedGateway, joining: LoginSession, autojump_clock: MockClock
) -> None:
    before = len(gateway.peer.messages)
    # Each takes six times its size as JSON: a control character is written as \u0001.
    texts = [letter * 8192 for letter in "\x01\x02abcdefgh"]
    await send_all(joining, *texts)
    messages = gateway.peer.messages[before:]
    assert max(map(len, messages)) <= MAX_CLIENT_FRAME_BYTES
    assert max(len(frames.split_frames(message)) for message in messages) > 1
    assert sorted(gateway.texts()) == sorted(texts)


async def test_requests_keep_their_order(
    gateway: ScriptedGateway, joining: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.down = True
    await gateway.peer.drop()
    texts = [str(number) for number in range(50)]
    async with trio.open_nursery() as nursery:
        for text in texts:
            nursery.start_soon(joining.send_instant, "bob", text)
            await wait_all_tasks_blocked()
        gateway.down = False
    assert gateway.texts() == texts


async def test_what_comes_behind_a_kick_is_not_told(gateway: ScriptedGateway, session: LoginSession) -> None:
    await gateway.peer.send_raw(b'["multi",[["kick","elsewhere"],["close","x"],["notify",["msg","not a number"]]]]')
    ended = [event.code async for event in session.events() if isinstance(event, LoggedOut)]
    assert ended == [ErrorCode.LOGOUT_E_KICKED]
    assert session.statistics().protocol_errors == 0


async def test_each_frame_counts(gateway: ScriptedGateway, session: LoginSession) -> None:
    before = session.statistics().frames_received
    await gateway.peer.send_raw(b'["multi",[["pong",1],["pong",2],["pong",3]]]')
    assert session.statistics().frames_received == before + 3


async def test_a_gateway_without_it_may_follow_one_with_it(
    gateway: ScriptedGateway, joining: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.login = lambda _: accepted()
    await gateway.peer.drop()
    await trio.sleep(5)
    before = len(gateway.peer.messages)
    await send_all(joining, "one", "two")
    assert [len(frames.split_frames(message)) for message in gateway.peer.messages[before:]] == [1, 1]
    assert len(gateway.asked(requests.SendMessage)) == 2
