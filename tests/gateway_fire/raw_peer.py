"""A peer that sends any bytes as a message, without a task of its own: the sans-I/O client of ``websockets``."""

import zlib

import msgspec
import trio
from trio.testing import wait_all_tasks_blocked
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from botkit.errors import TransportClosed
from botkit.gateway.server import Gateway
from botkit.types import JsonObject, JsonValue
from botkit.wire.frames import split_frames

_URI = parse_uri("ws://memory/")


class RawLink:
    """The gateway's end of a connection whose other end is two heaps of bytes."""

    direct_send = None
    peer = "memory"
    pending = False

    def __init__(self) -> None:
        self.to_gateway, self.from_gateway = bytearray(), bytearray()
        self.ended = self.closed = False
        self._arrived = trio.Event()

    def deliver(self, data: bytes) -> None:
        """Give the gateway some bytes; empty for the end of them."""
        self.to_gateway += data
        self.ended = self.ended or not data
        self._arrived.set()

    async def receive(self) -> bytes:
        """See ``Link.receive``."""
        await trio.lowlevel.checkpoint()
        while not self.to_gateway and not self.ended and not self.closed:
            self._arrived = trio.Event()
            await self._arrived.wait()
        if self.closed:
            raise TransportClosed
        data = bytes(self.to_gateway)
        self.to_gateway.clear()
        return data

    def send_nowait(self, data: bytes | memoryview) -> int:
        """See ``Link.send_nowait``."""
        if self.closed:
            raise TransportClosed
        self.from_gateway += data
        return len(data)

    async def wait_writable(self) -> None:
        """See ``Link.wait_writable``: there is always room."""
        await trio.lowlevel.checkpoint()

    def send_eof(self) -> None:
        """See ``Link.send_eof``."""

    def close(self) -> None:
        """See ``Link.close``."""
        self.closed = True
        self._arrived.set()


class RawPeer:
    """One connection in memory. What comes is read when it sends something, or waits."""

    def __init__(self, gateway: Gateway) -> None:
        self.link = RawLink()
        gateway.accept(self.link)
        self._protocol = ClientProtocol(_URI, max_size=None)
        self._calls = 1000
        self._seen = 0
        self.received: list[bytes] = []
        self.unanswered: list[bytes] = []
        """What it has asked and waits for."""
        self.line, self.takes_multi = "", False

    @property
    def closed(self) -> bool:
        """Whether the gateway has said goodbye, or is gone."""
        return self._protocol.close_rcvd is not None or self.link.closed

    @property
    def goodbye(self) -> tuple[int, str]:
        """The code and the reason of the close frame."""
        close = self._protocol.close_rcvd
        assert close is not None, "closed without a word"
        return close.code, close.reason

    async def open(self) -> None:
        """Do the handshake."""
        self._protocol.send_request(self._protocol.connect())
        await self.wait()
        assert self._protocol.handshake_exc is None

    async def exchange(self, message: bytes) -> list[bytes]:
        """Send one text message, let the gateway do all that it can do now, and return what came."""
        self._protocol.send_text(message)
        return await self.wait()

    async def shout(self, message: bytes) -> list[bytes]:
        """The same, whatever was said before: also to a gateway that has said goodbye, and gets no answer to that."""
        self.link.deliver(Frame(Opcode.TEXT, message).serialize(mask=True))
        await wait_all_tasks_blocked()
        return self._read()

    async def wait(self) -> list[bytes]:
        """What came meanwhile."""
        await self._turn()
        return self._read()

    async def ask(self, function: str, **arguments: JsonValue) -> JsonObject:
        """A request of a peer that behaves, which must not be refused."""
        result = await self.try_to(function, **arguments)
        assert result["result"] == "ok", (function, arguments, result)
        return result

    async def try_to(self, function: str, **arguments: JsonValue) -> JsonObject:
        """A request, and its answer of whatever kind."""
        self._calls += 1
        call: JsonValue = ["call2", [function, self._calls, {"line": self.line, **arguments}]]
        for message in await self.exchange(msgspec.json.encode(call)):
            frame = msgspec.json.decode(message)
            if frame[0] == "call2-ret" and frame[1][0] == self._calls:
                result: JsonObject = msgspec.json.decode(frame[1][2])
                return result
        raise AssertionError(f"no answer to {function}")

    async def fetch(self) -> list[str]:
        """All that waits in the inbox, acknowledging what was fetched before."""
        lines: list[str] = []
        while True:
            page = await self.ask("user_getmsg", ver_clear=self._seen, max=30)
            messages = msgspec.convert(page["msgs"], list[tuple[int, str]])
            if not messages:
                return lines
            self._seen = messages[-1][0]
            lines += [line for _, line in messages]

    async def log_in(self, account: str, token: str, *, app: str = "test-app", botkit: bool = False) -> None:
        """Log in, as a vendor's client or as one of ours that can resume."""
        arguments: JsonObject = {"vid": app, "account": account, "token": token}
        arguments |= {"device": "botkit", "resume": True, "multi": True} if botkit else {"device": "websdk"}
        await self._enter("login", arguments)

    async def resume(self, account: str, line: str, *, app: str = "test-app") -> None:
        """Come back to a session."""
        await self._enter("line_login", {"vid": app, "account": account, "line": line})

    async def drop(self) -> None:
        """End the connection without a word."""
        self.link.deliver(b"")
        await wait_all_tasks_blocked()

    async def _enter(self, name: str, arguments: JsonObject) -> None:
        for message in await self.exchange(msgspec.json.encode([name, arguments])):
            frame = msgspec.json.decode(message)
            if frame[0] == "login_ret":
                outcome: JsonObject = msgspec.json.decode(frame[1][1])
                assert outcome["result"] == "ok", outcome
                self.line, self.takes_multi = str(outcome["line"]), outcome.get("multi") is True
                return
        raise AssertionError(f"no answer to {name}")

    async def _turn(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.link.deliver(data)
        await wait_all_tasks_blocked()

    def _read(self) -> list[bytes]:
        if self.link.from_gateway:
            self._protocol.receive_data(bytes(self.link.from_gateway))
            self.link.from_gateway.clear()
        messages = [
            frame
            for event in self._protocol.events_received()
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY)
            for frame in split_frames(
                zlib.decompress(event.data) if event.opcode is Opcode.BINARY else bytes(event.data)
            )
            if isinstance(frame, bytes)
        ]
        self.received += messages
        return messages
