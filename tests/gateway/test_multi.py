"""Several frames in one message: only to and from clients that said so, in order, and within bounds."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from trio.testing import MockClock
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import State
from websockets.uri import parse_uri

from botkit.errors import TransportClosed
from botkit.gateway.framing import MULTI_BYTES, compact_frame, multi_frames, text_frame
from botkit.gateway.server import Gateway
from botkit.testing import WirePeer, open_test_gateway
from botkit.transport.base import Transport
from botkit.types import Account, JsonValue


def messages_in(data: bytes) -> list[bytes]:
    """What a client's WebSocket library makes of the bytes."""
    client = ClientProtocol(parse_uri("ws://memory/"), state=State.OPEN, max_size=None)
    client.receive_data(data)
    return [bytes(event.data) for event in client.events_received() if isinstance(event, Frame)]


def pong(size: int) -> bytes:
    """A frame of so many bytes."""
    return b'["kick","' + b"x" * (size - len('["kick",""]')) + b'"]'


def joined(*frames: bytes) -> bytes:
    return b'["multi",[' + b",".join(frames) + b"]]"


def test_messages_that_go_out_together_are_one() -> None:
    sizes = (20, 125, 126, 127, 4000)
    sent = messages_in(multi_frames([text_frame(pong(size)) for size in sizes]))
    assert sent == [joined(*map(pong, sizes))]


def test_one_by_itself_is_as_it_always_was() -> None:
    assert multi_frames([text_frame(b"one")]) == text_frame(b"one")


def test_what_is_joined_is_bounded_and_what_is_larger_goes_by_itself() -> None:
    half, large = pong(MULTI_BYTES // 2), pong(70_000)
    sent = messages_in(multi_frames([text_frame(each) for each in (half, half, half, large, half)]))
    assert sent == [joined(half, half), half, large, half]


def test_the_answer_to_a_login_and_what_is_no_text_keep_their_place() -> None:
    login, close = b'["login_ret",["","{}"]]', b"\x88\x02\x03\xe8"
    deflated = compact_frame(b'["kick","%s"]' % (b"x" * 2000))
    one, two = pong(20), pong(30)
    frames = [text_frame(one), text_frame(login), text_frame(one), text_frame(two), deflated, text_frame(two), close]
    sent = multi_frames(frames)
    assert sent.startswith(text_frame(one) + text_frame(login) + text_frame(joined(one, two)) + deflated)
    assert sent.endswith(deflated + text_frame(two) + close)


class RawSession:
    """A session that sees whole messages, and sends them."""

    def __init__(self, transport: Transport, line: str) -> None:
        self._transport, self._line = transport, line

    def call(self, call_id: int, function: str, **arguments: JsonValue) -> bytes:
        return json.dumps(["call2", [function, call_id, {"line": self._line, **arguments}]]).encode()

    async def send(self, data: bytes) -> None:
        await self._transport.send(data)

    async def receive(self) -> Any:
        return json.loads(await self._transport.receive())

    async def receive_all(self) -> None:
        while True:
            await self.receive()


@asynccontextmanager
async def logged_in(gateway: Gateway, account: str, **more: JsonValue) -> AsyncIterator[RawSession]:
    async with gateway.connector() as transport:
        login = {"vid": "test-app", "account": account, "token": "_no_need_token", **more}
        await transport.send(json.dumps(["login", login]).encode())
        name, answer = json.loads(await transport.receive())
        outcome = json.loads(answer[1])
        assert name == "login_ret"
        assert outcome.get("multi", False) is (more == BOTKIT)
        yield RawSession(transport, outcome["line"])


BOTKIT: dict[str, JsonValue] = {"device": "botkit", "multi": True}


async def test_requests_in_one_message_are_answered_in_one(autojump_clock: MockClock) -> None:
    async with open_test_gateway() as gateway, logged_in(gateway, "ann", **BOTKIT) as ann:
        calls = [ann.call(number, "channel_query_num", name="room") for number in (1, 2, 3)]
        await ann.send(joined(*calls))
        name, answers = await ann.receive()
        assert name == "multi"
        assert [answer[1][0] for answer in answers] == [1, 2, 3]
        await ann.send(calls[0])
        assert (await ann.receive())[0] == "call2-ret"


@pytest.mark.parametrize("more", [{}, {"device": "botkit"}, {"device": "websdk", "multi": True}])
async def test_who_did_not_ask_gets_single_frames(autojump_clock: MockClock, more: dict[str, JsonValue]) -> None:
    async with (
        open_test_gateway() as gateway,
        logged_in(gateway, "ann", **BOTKIT) as ann,
        logged_in(gateway, "old", **more) as old,
    ):
        for session in (ann, old):
            await session.send(session.call(1, "channel_join", name="room"))
            assert (await session.receive())[0] == "call2-ret"
        assert (await ann.receive())[0] == "notify"  # of the other, who joined
        await ann.send(
            joined(*(ann.call(number, "channel_sendmsg", name="room", msg=str(number)) for number in (2, 3)))
        )
        assert [(await old.receive())[0] for _ in range(2)] == ["notify", "notify"]
        name, frames = await ann.receive()
        assert name == "multi"
        assert [frame[0] for frame in frames] == ["notify", "call2-ret", "notify", "call2-ret"]


async def test_a_broadcast_of_several_messages_is_one_for_whoever_takes_that(autojump_clock: MockClock) -> None:
    async with (
        open_test_gateway() as gateway,
        WirePeer.connect(gateway.connector) as talker,
        logged_in(gateway, "ann", **BOTKIT) as ann,
        logged_in(gateway, "old") as old,
    ):
        await talker.login("talker")
        for session in (ann, old):
            await session.send(session.call(1, "channel_join", name="room"))
            await session.receive()
        await ann.receive()  # of the other, who joined
        channel = gateway.hubs["test-app"].channels.get("room")
        assert channel is not None
        for number in range(3):
            channel.fanout.tell(b'["pong",%d]' % number)
        await gateway.flusher.flush()
        assert await ann.receive() == ["multi", [["pong", 0], ["pong", 1], ["pong", 2]]]
        assert [await old.receive() for _ in range(3)] == [["pong", 0], ["pong", 1], ["pong", 2]]


BAD = [
    joined(b'["ping",1]', joined(b'["ping",2]')),
    joined(b'["ping",1]', b'["ping"]'),
    b'["multi",[["ping",1],{}]]',
    b'["multi",["ping"]]',
]


@pytest.mark.parametrize("data", BAD)
async def test_what_is_bad_inside_costs_the_connection_and_nothing_behind_it_counts(
    autojump_clock: MockClock, data: bytes
) -> None:
    async with open_test_gateway() as gateway, logged_in(gateway, "ann", **BOTKIT) as ann:
        await ann.send(data[:-2] + b"," + ann.call(5, "user_set_attr", name="a", value="b") + b"]]")
        with pytest.raises(TransportClosed) as closed:
            await ann.receive_all()
        assert closed.value.code == 1007
        assert gateway.hubs["test-app"].accounts.attributes_of(Account("ann")).fitting() == {}
        assert gateway.counters.bad_frames.value == 1


async def test_a_client_that_did_not_say_so_may_not_send_it(autojump_clock: MockClock) -> None:
    async with open_test_gateway() as gateway, logged_in(gateway, "ann") as ann:
        await ann.send(joined(b'["ping",1]'))
        with pytest.raises(TransportClosed) as closed:
            await ann.receive()
        assert closed.value.code == 1007
