"""Bytes and frames that no client should send: they cost their sender, are counted, and hurt nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.uri import parse_uri

from botkit.errors import TransportClosed
from botkit.gateway.dispatch import Dispatcher
from botkit.gateway.server import Gateway
from botkit.gateway.settings import GatewaySettings
from botkit.testing import Refusal, WirePeer, open_test_gateway
from botkit.transport.links import MemoryLink
from botkit.types import JsonValue
from botkit.wire.limits import MAX_CLIENT_FRAME_BYTES

OK, BAD_DATA, NOT_TEXT, TOO_BIG, PROTOCOL = 1000, 1007, 1003, 1009, 1002


class RawPeer:
    """A peer that sends bytes as it likes, and reads what comes back."""

    def __init__(self, gateway: Gateway) -> None:
        self.link = MemoryLink()
        gateway.accept(self.link)
        self._protocol = ClientProtocol(parse_uri("ws://memory/"), max_size=2**22)

    async def handshake(self) -> None:
        self._protocol.send_request(self._protocol.connect())
        await self.send(b"".join(self._protocol.data_to_send()))
        self._protocol.receive_data(bytes(await self.link.client_stream.receive_some()))
        self._protocol.events_received()
        assert self._protocol.handshake_exc is None

    async def send(self, data: bytes) -> None:
        await self.link.client_stream.send_all(data)

    async def send_frame(self, data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> None:
        await self.send(Frame(opcode, data, fin).serialize(mask=True))

    async def login(self, account: str) -> str:
        """Log in and return the session's line."""
        arguments = {"vid": "test-app", "account": account, "token": "_no_need_token"}
        await self.send_frame(msgspec.json.encode(["login", arguments]))
        _, (_, result) = msgspec.json.decode(await self.receive())
        return str(msgspec.json.decode(result)["line"])

    async def receive(self) -> bytes:
        """The next text message."""
        while True:
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    return bytes(event.data)
            data = bytes(await self.link.client_stream.receive_some())
            assert data, "closed"
            self._protocol.receive_data(data)

    async def closed(self) -> Close | None:
        """How the gateway closes the WebSocket; None when it just ends the connection."""
        while data := bytes(await self.link.client_stream.receive_some()):
            self._protocol.receive_data(data)
        self._protocol.receive_eof()
        await self.link.client_stream.aclose()
        return self._protocol.close_rcvd

    async def http_answer(self) -> bytes:
        """All bytes until the gateway ends the connection."""
        answer = b""
        while data := await self.link.client_stream.receive_some():
            answer += data
        await self.link.client_stream.aclose()
        return answer


@asynccontextmanager
async def unharmed(
    settings: GatewaySettings | None = None, *, faults: int = 0
) -> AsyncIterator[tuple[Gateway, WirePeer]]:
    """A gateway and a witness, who notices nothing of what goes on in the block, and who alone is left after it."""
    async with open_test_gateway(settings) as gateway, WirePeer.connect(gateway.connector) as witness:
        await witness.login("witness")
        await witness.request("channel_join", name="witnesses")
        await trio.testing.wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        yield gateway, witness
        await trio.sleep(5)
        await witness.request("channel_sendmsg", name="witnesses", msg="still here")
        assert (await witness.next_notice()).content["msg"] == "still here"
        assert gateway.sessions == 1
        assert gateway.counters.handler_errors.value == 0
        assert gateway.counters.connection_errors.value == faults
        assert b"botkit_gateway_open_connections 1.0\n" in gateway.meters.render()
        assert trio.lowlevel.current_statistics().tasks_living == tasks


BAD_MESSAGES = [
    b"",
    b"hello",
    b"{}",
    b"[]",
    b"null",
    b'"ping"',
    b'["ping"]',
    b'["ping","1"]',
    b'["ping",1.5]',
    b'["ping",9007199254740993]',
    b'["ping",1]]',
    b'["ping",1] x',
    b'\xef\xbb\xbf["ping",1]',
    b'["ping",1',
    b'[["ping"],1]',
    b'["pong",1]',
    b'["nope",{}]',
    b'["login"]',
    b'["login",5]',
    b'["login",{"vid":"test-app"}]',
    b'["login",{"vid":"test-app","account":null,"token":""}]',
    b'["login",{"vid":"test-app","account":"\\ud800","token":""}]',
    b'["login",{"vid":"test-app","account":"\xff\xfe","token":""}]',
    b'["call2",{}]',
    b'["call2",[]]',
    b'["call2",["user_getmsg"]]',
    b'["call2",["user_getmsg",1]]',
    b'["call2",["user_getmsg",null,{}]]',
    b'["call2",["user_getmsg",1.5,{}]]',
    b'["call2",["user_getmsg",[1],{}]]',
    b'["call2",[7,1,{}]]',
    b'["set_flag",1]',
    b'["set_flag",{"binary":"yes"}]',
    b"[" * 60_000,
    b'["call2",["user_getmsg",1,' + b'{"a":' * 10_000 + b"}" * 10_000 + b"]]",
]


@pytest.mark.parametrize("logged_in", [True, False])
@pytest.mark.parametrize("message", BAD_MESSAGES, ids=lambda message: repr(message[:40]))
@pytest.mark.row("G14")
async def test_a_bad_message_costs_its_sender(
    message: bytes, logged_in: bool, autojump_clock: trio.testing.MockClock
) -> None:
    async with unharmed() as (gateway, witness):
        peer = RawPeer(gateway)
        await peer.handshake()
        if logged_in:
            await peer.login("mallory")
        await peer.send_frame(message)
        closed = await peer.closed()
        assert closed is not None
        assert closed.code == BAD_DATA
        assert closed.reason
        assert gateway.counters.bad_frames.value == 1
        assert (await witness.request("user_query_user_status", account="mallory"))["status"] == 0


@pytest.mark.row("G14", "G04")
@pytest.mark.parametrize(("size", "code"), [(MAX_CLIENT_FRAME_BYTES, None), (MAX_CLIENT_FRAME_BYTES + 1, TOO_BIG)])
@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_message_has_64_kib_at_most(
    size: int, code: int | None, pieces: int, autojump_clock: trio.testing.MockClock
) -> None:
    message = b'["ping",' + b" " * (size - 10) + b"7]"
    assert len(message) == size
    async with unharmed() as (gateway, _):
        peer = RawPeer(gateway)
        await peer.handshake()
        step = -(-size // pieces)
        for start in range(0, size, step):
            opcode = Opcode.CONT if start else Opcode.TEXT
            await peer.send_frame(message[start : start + step], opcode, fin=start + step >= size)
        if code is None:
            assert await peer.receive() == b'["pong",7]'
            await peer.link.client_stream.aclose()
        else:
            closed = await peer.closed()
            assert closed is not None
            assert closed.code == code
            assert gateway.counters.bad_frames.value == 1


async def test_a_fragmented_message_is_whole_with_its_last_piece(autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as (gateway, _):
        peer = RawPeer(gateway)
        await peer.handshake()
        await peer.send_frame(b'["pi', fin=False)
        await peer.send_frame(b"are you there?", Opcode.PING)
        await peer.send_frame(b"", Opcode.CONT, fin=False)
        await peer.send_frame(b'ng",', Opcode.CONT, fin=False)
        await peer.send_frame(b"5]", Opcode.CONT)
        assert await peer.receive() == b'["pong",5]'
        await peer.send_frame(b'["ping",6]')
        assert await peer.receive() == b'["pong",6]'
        await peer.link.client_stream.aclose()


@pytest.mark.row("G14")
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Opcode.BINARY, b'["ping",1]').serialize(mask=True), NOT_TEXT),
        (Frame(Opcode.BINARY, b"half", fin=False).serialize(mask=True), NOT_TEXT),
        (Frame(Opcode.CONT, b"out of nowhere").serialize(mask=True), PROTOCOL),
        (Frame(Opcode.TEXT, b'["pi', fin=False).serialize(mask=True) * 2, PROTOCOL),
        (Frame(Opcode.TEXT, b'["ping",1]').serialize(mask=False), PROTOCOL),
        (b"\xc1\x80\x00\x00\x00\x00", PROTOCOL),  # a deflated text, which nobody agreed on
        (b"\x83\x80\x00\x00\x00\x00", PROTOCOL),  # an opcode that is none
        (b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 126, PROTOCOL),  # a ping of 126 bytes
        (b"\x81\xff" + b"\x7f" * 8, TOO_BIG),  # 2**63 bytes announced
        (b"\x88\x81\x00\x00\x00\x00x", PROTOCOL),  # a close frame with half a code
    ],
    ids=[
        "binary",
        "half binary",
        "continuation",
        "two starts",
        "unmasked",
        "deflated",
        "opcode",
        "ping",
        "size",
        "close",
    ],
)
async def test_bad_websocket_frames_cost_their_sender(
    frame: bytes, code: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with unharmed() as (gateway, _):
        peer = RawPeer(gateway)
        await peer.handshake()
        await peer.login("mallory")
        await peer.send(frame)
        closed = await peer.closed()
        assert closed is not None
        assert closed.code == code
        assert gateway.counters.bad_frames.value == 1
        assert dict(gateway.counters.logouts.values) == {"protocol_error": 1}


async def test_set_flag_wants_no_answer(autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as (gateway, _), WirePeer.connect(gateway.connector, "ann") as ann:
        for flags in ('{"binary":1}', "{}", '{"binary":0,"unknown":[]}'):
            await ann.send(f'["set_flag",{flags}]')
            assert await ann.is_silent()
        assert await ann.fetch() == []


async def test_nothing_is_taken_behind_a_bad_message(autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as (gateway, witness):
        peer = RawPeer(gateway)
        await peer.handshake()
        line = await peer.login("mallory")
        last_words = msgspec.json.encode(["call2", ["channel_join", 1, {"line": line, "name": "witnesses"}]])
        frames = [Frame(Opcode.TEXT, data).serialize(mask=True) for data in (b'["ping",1]', b"bad", last_words)]
        await peer.send(b"".join(frames))
        assert await peer.receive() == b'["pong",1]'
        assert await peer.closed() is not None
        assert await witness.is_silent()


@pytest.mark.row("G14")
@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\n", b""),
        (b"hello\r\n\r\n", b""),
        (b"\r\n\r\n", b""),
        (b"\xff" * 50 + b"\r\n\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 426 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", b""),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.1 414 "),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", b"HTTP/1.1 431 "),
        (b"GET / HTTP/1.1\r\n" + b"A: x\r\n" * 5_000 + b"\r\n", b"HTTP/1.1 431 "),
    ],
    ids=["tls", "words", "empty", "bytes", "plain get", "post", "half a handshake", "path", "header", "headers"],
)
async def test_garbage_instead_of_a_handshake(
    request_bytes: bytes, answer: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    async with unharmed() as (gateway, _):
        peer = RawPeer(gateway)
        await peer.send(request_bytes)
        with trio.fail_after(4):
            received = await peer.http_answer()
        assert received.startswith(answer)
        assert bool(received) is bool(answer)
        assert gateway.counters.handshakes_failed.value == 1


@pytest.mark.row("G14")
@pytest.mark.parametrize(
    ("origins", "pages", "answer"),
    [
        (b"Origin: https://a.test\r\nOrigin: https://b.test\r\n", ("https://a.test",), b"403"),
        (b"Origin: https://a.test\r\nOrigin: https://a.test\r\n", ("https://a.test",), b"400"),
        (b"Origin: https://a.test\r\nOrigin: https://b.test\r\n", (), b"400"),
        (b"Origin: \xff\xfe\r\n", ("https://a.test",), b"403"),
        (b"Origin: \r\n", ("https://a.test",), b"403"),
    ],
)
async def test_unreadable_origins(
    origins: bytes, pages: tuple[str, ...], answer: bytes, autojump_clock: trio.testing.MockClock
) -> None:
    async with unharmed(GatewaySettings(apps=(), origins=pages)) as (gateway, _):
        peer = RawPeer(gateway)
        await peer.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + origins + b"\r\n"
        )
        assert (await peer.http_answer()).startswith(b"HTTP/1.1 " + answer)
        assert gateway.counters.refused_origins.value == (answer == b"403")
        assert gateway.counters.handshakes_failed.value == 1


@pytest.mark.parametrize("opening", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET"])
async def test_a_handshake_that_never_ends_is_cut(opening: bytes, autojump_clock: trio.testing.MockClock) -> None:
    async with unharmed() as (gateway, witness):
        peer = RawPeer(gateway)
        if opening:
            await peer.send(opening)
        for _ in range(3):
            await trio.sleep(10)
            await witness.send('["ping",1]')
            await peer.send(b"A")
        with trio.fail_after(3):
            assert await peer.http_answer() == b""
        assert gateway.counters.never_logged_in.value == 1


@pytest.mark.row("C09")
@pytest.mark.parametrize(
    ("function", "arguments", "code"),
    [
        ("nobody_knows_this", "{}", 1001),
        ("", "{}", 1001),
        ("x" * 1000, "{}", 1001),
        ("channel_join", "[]", 1004),
        ("channel_join", "null", 1004),
        ("channel_join", "{}", 1004),
        ("channel_join", '{"name":7}', 1004),
        ("channel_sendmsg", '{"name":"witnesses"}', 1004),
        ("user_get_attr", '{"account":["witness"],"name":"x"}', 1004),
        ("voip_invite", '{"channelName":"r","peer":"witness","extra":{}}', 1004),
    ],
)
async def test_bad_requests_are_refused_and_no_more(
    function: str, arguments: str, code: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with unharmed() as (gateway, _), WirePeer.connect(gateway.connector, "ann") as ann:
        fields: dict[str, JsonValue] | list[JsonValue] | None = msgspec.json.decode(arguments)
        if isinstance(fields, dict):
            with pytest.raises(Refusal) as refusal:
                await ann.request(function, **fields)
            assert refusal.value.code == code
            assert len(refusal.value.reason) < 200
        else:
            await ann.send(f'["call2",["{function}",1,{arguments}]]')
            assert f'\\"code\\":{code}' in msgspec.json.encode(await ann.receive()).decode()
        assert await ann.fetch() == []
        assert gateway.counters.bad_frames.value == 0


async def test_our_own_fault_costs_one_connection(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    async with unharmed(faults=1) as (gateway, witness), WirePeer.connect(gateway.connector, "ann") as ann:
        await ann.request("channel_join", name="witnesses")
        with monkeypatch.context() as patch:
            patch.setattr(Dispatcher, "handle_frame", fail)
            await ann.send('["ping",1]')
            with pytest.raises(TransportClosed) as closed:
                await ann.receive()
        assert closed.value.code == 1011
        assert (await witness.next_notice("channel_user_leave")).content["account"] == "ann"
        assert dict(gateway.counters.logouts.values) == {"internal_error": 1}
