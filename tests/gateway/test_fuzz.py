"""Random and mutated frames in every state of a peer: one answer to each request, and nobody else is hurt."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import hypothesis.strategies as st
import msgspec
import pytest
import trio
from hypothesis import example, given, settings
from trio.testing import MockClock

from botkit.errors import ProtocolError, TransportClosed
from botkit.gateway.dispatch import SLOW_HANDLERS
from botkit.gateway.server import Gateway
from botkit.testing import WirePeer, open_test_gateway
from botkit.transport.links import MemoryLink
from botkit.types import JsonValue
from botkit.wire.frames import Call, decode_client_frame
from botkit.wire.requests import REQUESTS

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: memory\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LINE = "$LINE"
"""Stands for the line of the session in generated frames."""

STATES = ["connected", "logged in", "member", "in a call", "server", "feed"]

NAMES = ["mallory", "nobody", "server", "lobby", "__agora_user_online", "two words", "instant", "v1:E:60", LINE]
ATTRIBUTES = ["_channel_ttl", "_auto_update_num", "_sendmsg_limit", "_member_num", "0", "5"]
EXTRAS = ['{"_timeout":1}', '{"_require_peer_online":1}', "{"]
words = st.sampled_from([*NAMES, *ATTRIBUTES, *EXTRAS, "", " ", "ü" * 65, "x" * 9000, "🤖\u0000"])
numbers = st.sampled_from([0, 1, -1, 7, 30, 2**31, 2**53, -(2**53), 2**53 + 1, 2**64, 10**30])
scalars = st.none() | st.booleans() | numbers | st.floats(allow_nan=False, allow_infinity=False) | words | st.text()
values: st.SearchStrategy[JsonValue] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def argument(field: msgspec.structs.FieldInfo) -> st.SearchStrategy[JsonValue]:
    """Mostly of the right type, to get past the decoder."""
    if field.encode_name == "line":
        return st.just(LINE)
    right: st.SearchStrategy[JsonValue] = words if field.type is str else numbers | st.booleans()
    return st.one_of(right, right, right, right, values)


def request(function: str) -> st.SearchStrategy[JsonValue]:
    fields = {field.encode_name: argument(field) for field in msgspec.structs.fields(REQUESTS[function])}
    call_id = st.integers(0, 9) | st.text(max_size=3) | values
    return st.tuples(call_id, st.fixed_dictionaries(fields) | st.fixed_dictionaries({}, optional=fields)).map(
        lambda drawn: ["call2", [function, *drawn]]
    )


requests = st.sampled_from(sorted(REQUESTS)).flatmap(request)
others = st.one_of(
    st.tuples(st.sampled_from(["login", "line_login", "ping", "set_flag", "call2", "notify", ""]), values).map(list),
    st.just(["login", {"vid": "test-app", "account": "mallory", "token": ""}]),
    values,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The text of a message: a frame or a JSON value, sometimes with bits of it cut, doubled or overwritten."""
    text = msgspec.json.encode(draw(st.one_of(requests, requests, requests, others))).decode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        text = text[:start] + draw(st.sampled_from(["", text[start:end] * 2, '"', "[", "9", "\\u", "{}"])) + text[end:]
    return text


class Fuzzed:
    """A peer in some state; connected anew when the gateway cuts it."""

    def __init__(self, peer: WirePeer, secret: str) -> None:
        self._peer, self._secret = peer, secret
        self._pings = 100

    async def enter(self, state: str) -> None:
        if state == "connected":
            return
        await self._peer.login("server" if state in ("server", "feed") else "mallory")
        if state == "member":
            await self._peer.request("channel_join", name="lobby")
        elif state == "feed":
            await self._peer.request("channel_join", name="__agora_user_online")
        elif state == "in a call":
            await self._peer.request("voip_invite", channelName="lobby", peer="bystander", extra="")

    async def send(self, text: str) -> None:
        """Send one message and check what comes back before the answer to a ping. Raises ``TransportClosed``."""
        text = text.replace(LINE, self._peer.line)
        self._pings += 1
        await self._peer.send(text)
        await self._peer.send(f'["ping",{self._pings}]')
        answers: list[JsonValue] = []
        while (frame := await self._peer.receive()) != ["pong", self._pings]:
            assert self._secret not in str(frame)
            if frame[0] == "call2-ret":
                answers.append(frame[1])
        call = call_in(text)
        if call is None:
            assert answers == []
        elif call.body.function not in SLOW_HANDLERS:
            check_answer(call, answers)


async def send_until_closed(peer: Fuzzed, state: str, messages: list[str]) -> TransportClosed | None:
    """Send messages until all are sent or the gateway has had enough."""
    try:
        await peer.enter(state)
        while messages:
            await peer.send(messages.pop(0))
    except TransportClosed as closed:
        return closed
    return None


def call_in(text: str) -> Call | None:
    try:
        frame = decode_client_frame(text)
    except ProtocolError:
        return None
    return frame if isinstance(frame, Call) else None


def check_answer(call: Call, answers: list[JsonValue]) -> None:
    """Exactly one, under the call's own id, with JSON inside, and reasons for a refusal."""
    ((call_id, error, result),) = msgspec.convert(answers, list[tuple[int | str, str, str]])
    assert call_id == call.body.call_id
    assert type(call_id) is type(call.body.call_id)
    assert error == ""
    reply = msgspec.json.decode(result)
    assert reply["result"] in ("ok", "failed")
    if reply["result"] == "failed":
        assert reply["code"] > 0
        assert reply["reason"] == reply["data"]["result"] != ""


@asynccontextmanager
async def witnessed() -> AsyncIterator[tuple[Gateway, WirePeer]]:
    """A gateway, and a witness that is well before and after."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "bystander") as witness:
        await witness.request("channel_join", name="parlour")
        await trio.testing.wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        yield gateway, witness
        await trio.sleep(5)
        assert (await witness.request("user_query_user_status", account="bystander"))["status"] == 1
        assert gateway.sessions == 1
        assert gateway.counters.handler_errors.value == gateway.counters.connection_errors.value == 0
        assert trio.lowlevel.current_statistics().tasks_living == tasks


def in_virtual_time(main: Callable[[], Coroutine[object, object, None]]) -> None:
    trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.row("G14", "C19")
@settings(max_examples=40)
@given(st.sampled_from(STATES), st.lists(texts(), min_size=1, max_size=20))
@example("logged in", ['["call2",["user_getmsg",1,{}]]', '["call2",["user_getmsg",1,{"line":"$LINE","max":"x"}]]'])
def test_any_message_in_any_state(state: str, messages: list[str]) -> None:
    async def fuzz() -> None:
        async with witnessed() as (gateway, witness):
            remaining = list(messages)
            while remaining:
                async with WirePeer.connect(gateway.connector) as peer:
                    closed = await send_until_closed(Fuzzed(peer, witness.line), state, remaining)
                assert closed is None or (closed.code in (1000, 1007, 1009) and closed.reason)

    in_virtual_time(fuzz)


@settings(max_examples=40)
@given(st.booleans(), st.lists(st.binary(max_size=200), max_size=5), st.integers(0, 300), st.binary(max_size=4))
def test_any_bytes_on_a_connection(shake: bool, chunks: list[bytes], cut: int, noise: bytes) -> None:
    """Before the handshake, within it, and after it."""

    async def fuzz() -> None:
        async with witnessed() as (gateway, _):
            link = MemoryLink()
            gateway.accept(link)
            opening = HANDSHAKE if shake else HANDSHAKE[:cut] + noise + HANDSHAKE[cut:]
            for data in (opening, *chunks):
                if data:
                    try:
                        await link.client_stream.send_all(data)
                    except trio.BrokenResourceError:
                        break  # cut already
                    await trio.testing.wait_all_tasks_blocked()
            await link.client_stream.aclose()

    in_virtual_time(fuzz)
