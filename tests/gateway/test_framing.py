"""Messages as bytes: text, or deflated for the peers that said that they take that."""

import json
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from botkit.gateway.framing import DEFLATE_FROM, DEFLATE_UP_TO, compact_frame, text_frame
from botkit.testing import WirePeer, open_test_gateway
from botkit.transport.base import Transport


def read(data: bytes) -> list[tuple[Opcode, bytes]]:
    """What a client's WebSocket library makes of the bytes."""
    client = ClientProtocol(parse_uri("ws://memory/"), state=State.OPEN, max_size=None)
    client.receive_data(data)
    frames = [event for event in client.events_received() if isinstance(event, Frame)]
    assert all(frame.fin for frame in frames)
    return [(frame.opcode, bytes(frame.data)) for frame in frames]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_text_frames_are_what_clients_read(size: int) -> None:
    payload = b"x" * size
    assert read(text_frame(payload) + text_frame(b"next")) == [(Opcode.TEXT, payload), (Opcode.TEXT, b"next")]


@pytest.mark.parametrize(
    ("size", "deflated"),
    [(DEFLATE_FROM - 1, False), (DEFLATE_FROM, True), (DEFLATE_UP_TO, True), (DEFLATE_UP_TO + 1, False)],
)
def test_the_sizes_that_are_deflated(size: int, deflated: bool) -> None:
    payload = b"x" * size
    ((opcode, data),) = read(compact_frame(payload))
    assert opcode is (Opcode.BINARY if deflated else Opcode.TEXT)
    assert (zlib.decompress(data) if deflated else data) == payload


def test_what_does_not_get_smaller_goes_as_text() -> None:
    payload = os.urandom(DEFLATE_FROM)
    assert read(compact_frame(payload)) == [(Opcode.TEXT, payload)]


@given(st.text(min_size=DEFLATE_FROM))
def test_whatever_a_message_holds_it_comes_back(text: str) -> None:
    ((opcode, data),) = read(compact_frame(text.encode()))
    assert (zlib.decompress(data) if opcode is Opcode.BINARY else data).decode() == text


async def next_message(transport: Transport) -> tuple[bool, str]:
    """The next message, and whether it was a binary one."""
    message = await transport.receive()
    return (True, zlib.decompress(message).decode()) if isinstance(message, bytes) else (False, message)


async def test_only_who_said_so_gets_binary_messages(autojump_clock: MockClock) -> None:
    text = "a long story. " * 200
    async with open_test_gateway() as gateway, gateway.connector() as web, gateway.connector() as other:
        peers = WirePeer(web), WirePeer(other)
        for peer, account in zip(peers, ("web", "other"), strict=True):
            await peer.login(account)
            await peer.request("channel_join", name="room")
        await peers[0].send('["set_flag",{"binary":1}]')
        await peers[1].request("channel_sendmsg", name="room", msg="short")
        await peers[1].request("channel_sendmsg", name="room", msg=text)
        told = [(await peers[0].next_notice("channel_msg")).content["msg"]]
        binary, frame = await next_message(web)
        assert told == ["short"]
        assert binary
        assert text in frame
        assert (await peers[1].next_notice("channel_msg")).content["msg"] == "short"
        assert (await peers[1].next_notice("channel_msg")).content["msg"] == text

        await peers[0].send('["set_flag",{"binary":0}]')
        await peers[1].request("channel_sendmsg", name="room", msg=text)
        assert (await peers[0].next_notice("channel_msg")).content["msg"] == text


@pytest.mark.parametrize(("count", "binary"), [(4, True), (30, False)])
async def test_pages_of_the_inbox(autojump_clock: MockClock, count: int, binary: bool) -> None:
    """A page of 30 large messages is beyond what the web SDK can inflate."""
    async with open_test_gateway() as gateway, WirePeer.connect(gateway.connector, "ann") as ann:
        for _ in range(count):
            await ann.request("user_sendmsg", peer="bob", flag="v1:E:60", t="instant", content="ä" * 4096)
        async with gateway.connector() as transport:
            bob = WirePeer(transport)
            await bob.login("bob")
            await bob.send('["set_flag",{"binary":1}]')
            assert await bob.receive_named("notify") == ["msg", count]
            arguments = {"line": bob.line, "ver_clear": 0, "max": 30}
            await bob.send(json.dumps(["call2", ["user_getmsg", 1, arguments]]))
            was_binary, frame = await next_message(transport)
            assert was_binary is binary
            assert frame.count("ä" * 4096) == count
