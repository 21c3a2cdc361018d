"""``invoke``: the vendor's eleven names, with what they take and what they answer."""

from collections.abc import AsyncIterator

import pytest
from trio.testing import MockClock

from botkit.errors import ErrorCode, ParameterError, RequestFailed, SessionEnded
from botkit.gateway.server import Gateway
from botkit.signaling import LoginSession, Signal
from botkit.signaling.invoke import FUNCTIONS
from botkit.testing import TEST_APP, open_test_gateway
from botkit.types import JsonObject
from botkit.wire import replies, requests
from botkit.wire.replies import failure
from tests.signaling.scripted import ScriptedGateway

DOCUMENTED = {
    "user_query_user_status",
    "user_set_attr",
    "user_get_attr",
    "user_get_attr_all",
    "channel_query_num",
    "channel_query_user_isin",
    "channel_query_userlist",
    "channel_query_userlist_all",
    "channel_set_attr",
    "channel_del_attr",
    "channel_clear_attr",
}


@pytest.fixture
async def server() -> AsyncIterator[Gateway]:
    async with open_test_gateway() as gateway:
        yield gateway


@pytest.mark.row("W03", "W04", "M04", "M05", "M06", "M07")
@pytest.mark.parametrize("prefix", ["", "io.agora.signal."])
async def test_the_eleven_functions_answer_in_the_documented_shapes(
    server: Gateway, autojump_clock: MockClock, prefix: str
) -> None:
    signal = Signal(TEST_APP, server.connector)
    async with signal.open_session("ann") as ann, signal.open_session("bob") as bob:
        for session in (ann, bob):
            await session.join("the room")
        users = [["ann", ann.uid], ["bob", bob.uid]]
        room: JsonObject = {"name": "the room"}

        async def invoke(name: str, request: JsonObject) -> JsonObject:
            asked.add(name)
            return await ann.invoke(prefix + name, request)

        asked: set[str] = set()
        assert await invoke("user_query_user_status", {"account": "bob"}) == {"result": "ok", "status": 1}
        assert await invoke("user_query_user_status", {"account": "eve"}) == {"result": "ok", "status": 0}
        assert await invoke("user_set_attr", {"name": "mood", "value": "grün"}) == {"result": "ok"}
        mood: JsonObject = {"account": "ann", "name": "mood"}
        assert await invoke("user_get_attr", mood) == {"result": "ok", "value": "grün", **mood}
        everything = {"result": "ok", "account": "ann", "json": '{"mood":"grün"}'}
        assert await invoke("user_get_attr_all", {"account": "ann"}) == everything
        assert await invoke("channel_query_num", room) == {"result": "ok", "num": 2}
        assert await invoke("channel_query_user_isin", {**room, "account": "bob"}) == {"result": "ok", "isin": 1}
        assert await invoke("channel_query_user_isin", {**room, "account": "eve"}) == {"result": "ok", "isin": 0}
        assert await invoke("channel_query_userlist", room) == {"result": "ok", "num": 2, "list": users}
        assert await invoke("channel_query_userlist_all", room) == {"result": "ok", "num": 2, "list": users}
        latest = {"result": "ok", "num": 2, "list": users[1:]}
        assert await invoke("channel_query_userlist_all", {**room, "num": 1}) == latest

        channel = ann.channel
        assert channel is not None
        set_attr: JsonObject = {"channel": "the room", "name": "topic", "value": "tea"}
        assert await invoke("channel_set_attr", set_attr) == {"result": "ok"}
        assert channel.attributes == {"topic": "tea"}
        assert await invoke("channel_del_attr", {"channel": "the room", "name": "topic"}) == {"result": "ok"}
        assert channel.attributes == {}
        await channel.set_attribute("a", "b")
        assert await invoke("channel_clear_attr", {"channel": "the room"}) == {"result": "ok"}
        assert channel.attributes == {}
        assert asked == DOCUMENTED == set(FUNCTIONS)


@pytest.mark.row("W03", "C03")
async def test_refusals_carry_the_gateways_reason(server: Gateway, autojump_clock: MockClock) -> None:
    async with Signal(TEST_APP, server.connector).open_session("ann") as ann:
        with pytest.raises(RequestFailed, match="eve has no attribute mood") as no_attribute:
            await ann.invoke("io.agora.signal.user_get_attr", {"account": "eve", "name": "mood"})
        assert no_attribute.value.code is ErrorCode.GENERAL_E_FAILED
        with pytest.raises(RequestFailed, match="not a member of room") as no_member:
            await ann.invoke("channel_clear_attr", {"channel": "room"})
        assert no_member.value.code is ErrorCode.GENERAL_E_FAILED


@pytest.mark.row("W03")
async def test_a_refused_query_is_a_request_that_failed(gateway: ScriptedGateway, session: LoginSession) -> None:
    gateway.answer(requests.QueryChannelCount, failure(ErrorCode.QUERYUSERNUM_E_OTHER, "no"))
    with pytest.raises(RequestFailed, match="no") as refused:
        await session.invoke("channel_query_num", {"name": "room"})
    assert refused.value.code is ErrorCode.GENERAL_E_FAILED


@pytest.mark.row("W03")
@pytest.mark.parametrize("name", sorted(DOCUMENTED))
async def test_without_an_answer_it_may_have_been_carried_out(
    gateway: ScriptedGateway, session: LoginSession, autojump_clock: MockClock, name: str
) -> None:
    kind, _ = FUNCTIONS[name]
    gateway.answer(kind, None)
    everything: JsonObject = {"account": "bob", "name": "n", "value": "v", "channel": "room"}
    with pytest.raises(RequestFailed, match="may have been carried out") as unanswered:
        await session.invoke(name, everything)
    assert unanswered.value.code is ErrorCode.GENERAL_E_UNKNOWN


@pytest.mark.row("W03")
@pytest.mark.parametrize("name", ["", "user_logout", "io.agora.signal.voip_invite", "io.agora.user_set_attr", "x" * 99])
async def test_other_names_are_refused_here(gateway: ScriptedGateway, session: LoginSession, name: str) -> None:
    before = len(gateway.requests)
    with pytest.raises(RequestFailed, match=r"unknown function .*: use one of user_query_user_status,") as unknown:
        await session.invoke(name, {"account": "bob"})
    assert unknown.value.code is ErrorCode.GENERAL_E_FAILED
    assert len(gateway.requests) == before


@pytest.mark.row("W03")
@pytest.mark.parametrize(
    ("name", "request_", "complaint"),
    [
        ("user_query_user_status", {}, "request: Object missing required field `account`"),
        ("channel_query_num", {"name": 7}, r"request: Expected `str`, got `int` - at `\$.name`"),
        ("channel_query_userlist_all", {"name": "room", "num": "many"}, "Expected `int`"),
        ("user_query_user_status", {"account": "a b"}, "account: has a blank"),
        ("user_get_attr", {"account": "", "name": "n"}, "account: is empty"),
        ("user_get_attr_all", {"account": ""}, "account: is empty"),
        ("user_get_attr", {"account": "bob", "name": ""}, "attribute name is empty"),
        ("channel_query_user_isin", {"name": "", "account": "bob"}, "channel: name is empty"),
        ("channel_query_user_isin", {"name": "room", "account": ""}, "account: is empty"),
        ("channel_query_userlist", {"name": "\n"}, "invisible"),
        ("channel_del_attr", {"channel": "room", "name": ""}, "attribute name is empty"),
    ],
)
async def test_wrong_requests_are_refused_here(
    gateway: ScriptedGateway, session: LoginSession, name: str, request_: JsonObject, complaint: str
) -> None:
    before = len(gateway.requests)
    with pytest.raises(ParameterError, match=complaint) as wrong:
        await session.invoke(name, request_)
    assert wrong.value.code is ErrorCode.GENERAL_E_WRONG_PARAM
    assert len(gateway.requests) == before


@pytest.mark.row("W03", "M04", "M08")
async def test_the_limits_hold(gateway: ScriptedGateway, session: LoginSession) -> None:
    await session.invoke("user_set_attr", {"name": "n" * 128, "value": "v" * 1024})
    await session.invoke("channel_set_attr", {"channel": "c" * 128, "name": "n", "value": "v" * 8096})
    for name, request in (
        ("user_set_attr", {"name": "n", "value": "v" * 1025}),
        ("user_set_attr", {"name": "n" * 129, "value": ""}),
        ("channel_set_attr", {"channel": "c", "name": "n", "value": "v" * 8097}),
        ("channel_set_attr", {"channel": "c" * 129, "name": "n", "value": ""}),
    ):
        arguments: JsonObject = {**request}
        with pytest.raises(ParameterError) as large:
            await session.invoke(name, arguments)
        assert large.value.code is ErrorCode.GENERAL_E_LARGE_PARAM


@pytest.mark.row("W03")
async def test_what_else_a_request_holds_changes_nothing(gateway: ScriptedGateway, session: LoginSession) -> None:
    gateway.answer(requests.QueryUserStatus, replies.Status(status=1))
    answer = await session.invoke("user_query_user_status", {"account": "bob", "line": "another's", "x": [1]})
    assert answer == {"result": "ok", "status": 1}
    assert gateway.asked(requests.QueryUserStatus)[0].line != "another's"


@pytest.mark.row("W03")
async def test_after_the_end_of_the_session(session: LoginSession) -> None:
    await session.logout()
    with pytest.raises(SessionEnded):
        await session.invoke("user_query_user_status", {"account": "bob"})
