"""Requests and their answers: matched by id, bounded, timed, and safe to cancel."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit.errors import (
    ErrorCode,
    InviteFailed,
    JoinFailed,
    LeaveFailed,
    ParameterError,
    QueryFailed,
    RequestFailed,
    SendFailed,
    SignalingError,
)
from botkit.signaling import LoginSession, Signal, SignalSettings
from botkit.wire import replies, requests
from botkit.wire.frames import CallResult, CallResultBody
from botkit.wire.replies import failure
from botkit.wire.request import Request
from tests.signaling.scripted import ScriptedGateway

Verb = Callable[[LoginSession], Awaitable[object]]


async def _leave(session: LoginSession) -> None:
    channel = await session.join("room")
    await channel.leave()


VERBS: list[tuple[type[Request], Verb, type[SignalingError], int, int]] = [
    (requests.SendMessage, lambda session: session.send_instant("bob", "hi"), SendFailed, 400, 401),
    (requests.QueryChannelCount, lambda session: session.query_channel_count("room"), QueryFailed, 500, 501),
    (requests.QueryUserStatus, lambda session: session.is_online("bob"), QueryFailed, 500, 501),
    (requests.QueryIsInChannel, lambda session: session.is_in_channel("bob", "room"), QueryFailed, 500, 501),
    (requests.QueryAllChannelUsers, lambda session: session.list_channel_users("room"), QueryFailed, 500, 501),
    (requests.JoinChannel, lambda session: session.join("room"), JoinFailed, 300, 300),
    (requests.LeaveChannel, _leave, LeaveFailed, 600, 600),
    (requests.SetUserAttribute, lambda session: session.set_user_attribute("a", "b"), RequestFailed, 1001, 1002),
    (requests.GetUserAttributes, lambda session: session.get_user_attributes("bob"), RequestFailed, 1001, 1002),
    (requests.Invite, lambda session: session.invite("room", "bob"), InviteFailed, 700, 702),
]


def _ids(value: object) -> str:
    return value.__name__ if isinstance(value, type) and issubclass(value, Request) else ""


@pytest.mark.parametrize(("kind", "verb", "error", "refused", "unanswered"), VERBS, ids=_ids)
async def test_each_kind_of_request_fails_in_its_own_range(
    gateway: ScriptedGateway,
    session: LoginSession,
    autojump_clock: MockClock,
    *,
    kind: type[Request],
    verb: Verb,
    error: type[SignalingError],
    refused: int,
    unanswered: int,
) -> None:
    gateway.answer(kind, failure(ErrorCode.SUCCESS, "no"))
    with pytest.raises(error, match="no") as caught:
        await verb(session)
    assert caught.value.code == refused
    gateway.answer(kind, None)
    start = trio.current_time()
    with pytest.raises(error, match="may have been carried out") as caught:
        await verb(session)
    assert caught.value.code == unanswered
    assert trio.current_time() - start == pytest.approx(5, abs=0.01)
    assert session.statistics().requests_timed_out == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [(ErrorCode.SENDMESSAGE_E_TIMEOUT, 401), (ErrorCode.GENERAL_E_NOT_LOGIN, 400), (ErrorCode.INVITE_E_NET, 400)],
)
async def test_the_gateways_code_counts_if_it_is_of_the_range(
    gateway: ScriptedGateway, session: LoginSession, code: ErrorCode, expected: int
) -> None:
    gateway.answer(requests.SendMessage, failure(code, "no"))
    with pytest.raises(SendFailed) as caught:
        await session.send_instant("bob", "hi")
    assert caught.value.code == expected


async def test_a_number_that_is_no_code(gateway: ScriptedGateway, session: LoginSession) -> None:
    gateway.answer(requests.SendMessage, replies.Failure(reason="odd", code=499))
    with pytest.raises(SendFailed) as caught:
        await session.send_instant("bob", "hi")
    assert (caught.value.code, caught.value.reason) == (400, "odd")


async def test_the_other_form_of_a_failure(
    gateway: ScriptedGateway, session: LoginSession, nursery: trio.Nursery
) -> None:
    gateway.answer(requests.SendMessage, None)
    failed = trio.Event()

    async def send() -> None:
        with pytest.raises(SendFailed, match="text"):
            await session.send_instant("bob", "hi")
        failed.set()

    nursery.start_soon(send)
    await wait_all_tasks_blocked()
    await gateway.peer.send(CallResult(CallResultBody(gateway.call_ids[-1], "text", "{}")))
    await failed.wait()


async def test_answers_find_their_requests_in_any_order(
    gateway: ScriptedGateway, session: LoginSession, nursery: trio.Nursery
) -> None:
    gateway.answer(requests.QueryChannelCount, None)
    counts: dict[str, int] = {}

    async def count(name: str) -> None:
        counts[name] = await session.query_channel_count(name)

    before = len(gateway.call_ids)
    for name in ("a", "b", "c"):
        nursery.start_soon(count, name)
    await wait_all_tasks_blocked()
    asked = gateway.asked(requests.QueryChannelCount)
    ids = gateway.call_ids[before:]
    assert len(set(ids)) == 3
    for number, (request, call_id) in enumerate(reversed(list(zip(asked, ids, strict=True)))):
        await gateway.peer.send(replies.encode_reply(call_id, replies.Count(num=number)))
        assert counts[request.channel] == number


async def test_an_answer_to_nothing_is_counted(gateway: ScriptedGateway, session: LoginSession) -> None:
    await gateway.peer.send(replies.encode_reply(4711, replies.OK))
    await gateway.peer.send(replies.encode_reply("1", replies.OK))
    assert session.statistics().answers_ignored == 2


async def test_a_second_answer_is_counted(gateway: ScriptedGateway, session: LoginSession) -> None:
    await session.send_instant("bob", "hi")
    await gateway.peer.send(replies.encode_reply(gateway.call_ids[-1], replies.OK))
    assert session.statistics().answers_ignored == 1


async def test_a_cancel_leaves_the_request_under_way(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.answer(requests.SendMessage, None)
    with trio.move_on_after(1):
        await session.send_instant("bob", "hi")
    assert len(gateway.asked(requests.SendMessage)) == 1
    await gateway.peer.send(replies.encode_reply(gateway.call_ids[-1], replies.OK))
    assert session.statistics().answers_ignored == 0


async def test_a_verb_in_a_cancelled_scope_sends_nothing(gateway: ScriptedGateway, session: LoginSession) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await session.send_instant("bob", "hi")
    await wait_all_tasks_blocked()
    assert gateway.asked(requests.SendMessage) == []


async def test_requests_that_wait_are_bounded(gateway: ScriptedGateway, autojump_clock: MockClock) -> None:
    gateway.answer(requests.SendMessage, None)
    signal = Signal("app", gateway.connector, settings=SignalSettings(max_requests=3))
    async with signal.open_session("ann") as session, trio.open_nursery() as nursery:
        await wait_all_tasks_blocked()

        async def send() -> None:
            with pytest.raises(SendFailed, match="may have been carried out"):
                await session.send_instant("bob", "hi")

        for _ in range(3):
            nursery.start_soon(send)
        await wait_all_tasks_blocked()
        with pytest.raises(SendFailed, match="nothing was sent"):
            await session.send_instant("bob", "one too many")
        assert session.statistics().requests_refused == 1
        assert session.statistics().requests_waiting == 3


@pytest.mark.row("C20")
async def test_requests_outstanding_at_a_loss_may_have_been_carried_out(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    gateway.answer(requests.SendMessage, None)
    codes: list[int] = []

    async def send() -> None:
        with pytest.raises(SendFailed, match="lost; the request may have been carried out") as caught:
            await session.send_instant("bob", "hi")
        codes.append(caught.value.code)

    nursery.start_soon(send)
    await wait_all_tasks_blocked()
    await gateway.peer.drop()
    assert codes == [401]


async def test_a_request_waits_for_the_connection_to_come_back(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    await gateway.peer.drop()
    await session.send_instant("bob", "hi")
    assert len(gateway.peers) == 2


async def test_a_request_that_finds_no_connection_in_time_was_not_sent(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock
) -> None:
    gateway.down = True
    await gateway.peer.drop()
    with pytest.raises(SendFailed, match="nothing was sent") as caught:
        await session.send_instant("bob", "hi")
    assert caught.value.code == 400


BAD: list[Verb] = [
    lambda session: session.send_instant("", "hi"),
    lambda session: session.send_instant("a b", "hi"),
    lambda session: session.send_instant("bob", "x" * 8193),
    lambda session: session.send_instant("bob", "\ud800"),
    lambda session: session.send_instant("bob", "hi", ttl=-1),
    lambda session: session.send_instant("bob", "hi", ttl=1_000_000_000),
    lambda session: session.join(""),
    lambda session: session.join("c" * 129),
    lambda session: session.invite("room", "b" * 129),
    lambda session: session.invite("room", "bob", "no JSON"),
    lambda session: session.invite("room", "bob", {"big": "x" * 8192}),
    lambda session: session.invite("room", "bob", {"_timeout": 31}),
    lambda session: session.invite("room", "bob", {"_timeout": -1}),
    lambda session: session.invite("room", "bob", {"_timeout": "soon"}),
    lambda session: session.invite("room", "bob", {"_require_peer_online": 2}),
    lambda session: session.set_user_attribute("n" * 129, "v"),
    lambda session: session.set_user_attribute("n", "v" * 1025),
    lambda session: session.get_user_attribute("bob", ""),
    lambda session: session.get_user_attributes("b b"),
    lambda session: session.query_channel_count("c" * 129),
    lambda session: session.is_online(""),
    lambda session: session.is_in_channel("bob", ""),
    lambda session: session.mute("bob", seconds=-1),
    lambda session: session.mute("bob", reason="r" * 257),
    lambda session: session.mute("bob", channel="c" * 129),
    lambda session: session.unmute(""),
    lambda session: session.ban("bob", seconds=float("nan")),
    lambda session: session.kick("bob", ""),
    lambda session: session.close_channel("", reason=""),
    lambda session: session.hold("room", budget=0.001),
    lambda session: session.hold("room", budget=10.1),
    lambda session: session.release(""),
    lambda session: session.judge(1, "replace", text="x" * 8193),
    lambda session: session.judge(1, "drop", reason="r" * 257),
    lambda session: session.read_ledger(limit=0),
    lambda session: session.read_ledger(limit=1001),
]


@pytest.mark.row("C09")
@pytest.mark.parametrize("verb", BAD)
async def test_what_breaks_a_limit_is_refused_here(gateway: ScriptedGateway, session: LoginSession, verb: Verb) -> None:
    before = len(gateway.requests)
    with pytest.raises(ParameterError) as caught:
        await verb(session)
    assert caught.value.code in {1004, 1005}
    await wait_all_tasks_blocked()
    assert len(gateway.requests) == before


GOOD: list[Verb] = [
    lambda session: session.send_instant("b" * 128, "x" * 8192),
    lambda session: session.send_instant("bob", "\u2603" * 2730),
    lambda session: session.send_instant("bob", "", ttl=0),
    lambda session: session.join("c" * 128),
    lambda session: session.invite("room", "bob", {"_timeout": 30, "_require_peer_online": 1, "srcNum": "1"}),
    lambda session: session.invite("room", "bob", ""),
    lambda session: session.invite("room", "bob", "[1]"),
    lambda session: session.set_user_attribute("n" * 128, "v" * 1024),
    lambda session: session.mute("bob", channel="room", seconds=60, reason="r" * 256),
    lambda session: session.unmute("bob"),
    lambda session: session.ban("bob", seconds=60),
    lambda session: session.unban("bob"),
]


@pytest.mark.parametrize("verb", GOOD)
async def test_what_is_just_within_the_limits_is_sent(
    gateway: ScriptedGateway, session: LoginSession, verb: Verb
) -> None:
    before = len(gateway.requests)
    await verb(session)
    assert len(gateway.requests) == before + 1


@pytest.mark.row("M11")
async def test_the_ttl_of_a_message(gateway: ScriptedGateway, session: LoginSession) -> None:
    await session.send_instant("bob", "one")
    await session.send_instant("bob", "two", ttl=60)
    assert [request.flag for request in gateway.asked(requests.SendMessage)] == ["v1:E:3600", "v1:E:60"]


@pytest.mark.row("M04", "M05", "M06", "M07", "W04")
async def test_what_the_queries_return(gateway: ScriptedGateway, session: LoginSession) -> None:
    gateway.answer(requests.QueryChannelCount, replies.Count(num=3))
    gateway.answer(requests.QueryIsInChannel, replies.IsIn(isin=0))
    gateway.answer(requests.QueryUserStatus, replies.Status(status=1))
    gateway.answer(requests.QueryAllChannelUsers, replies.Users(num=1, members=(("bob", 8),)))
    gateway.answer(requests.GetUserAttribute, replies.UserAttribute(account="bob", name="mood", value="fine"))
    gateway.answer(requests.GetUserAttributes, replies.UserAttributes(account="bob", json='{"mood":"fine"}'))
    assert await session.query_channel_count("room") == 3
    assert not await session.is_in_channel("bob", "room")
    assert await session.is_online("bob")
    assert await session.list_channel_users("room") == [("bob", 8)]
    assert await session.get_user_attribute("bob", "mood") == "fine"
    assert await session.get_user_attributes("bob") == {"mood": "fine"}
    gateway.answer(requests.GetUserAttribute, failure(ErrorCode.GENERAL_E_FAILED, "no such attribute"))
    assert await session.get_user_attribute("bob", "mood") is None
    gateway.answer(requests.GetUserAttribute, failure(ErrorCode.GENERAL_E_UNKNOWN, "trouble"))
    with pytest.raises(RequestFailed):
        await session.get_user_attribute("bob", "mood")


async def test_an_answer_that_cannot_be_read_costs_the_connection(
    gateway: ScriptedGateway, session: LoginSession
) -> None:
    gateway.answer(requests.GetUserAttributes, replies.UserAttributes(account="bob", json="[]"))
    with pytest.raises(RequestFailed, match="lost"):
        await session.get_user_attributes("bob")
    assert session.statistics().protocol_errors == 1
