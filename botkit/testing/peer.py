"""A peer that speaks the wire by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
import trio

from botkit.testing.gateway import TEST_APP
from botkit.transport.base import Connector, Transport
from botkit.types import JsonObject, JsonValue
from botkit.wire.limits import NO_TOKEN
from botkit.wire.messages import parse_line


class Refusal(Exception):
    """The gateway refused a request, with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(f"{code}: {reason}")


class Notice(NamedTuple):
    """A channel notice, unpacked: its number, its kind (``channel_msg``, …) and its content."""

    channel: str
    message_id: int
    kind: str
    content: JsonObject


class WirePeer:
    """One connection and, after ``login``, one session; frames as plain JSON values."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._call_id = 0
        self._seen = 0
        self._unread: list[list[JsonValue]] = []
        self.line = ""
        self.uid = 0

    @classmethod
    @asynccontextmanager
    async def connect(cls, connector: Connector, account: str = "") -> AsyncIterator["WirePeer"]:
        """Connect, and log in as ``account`` if one is named."""
        async with connector() as transport:
            peer = cls(transport)
            if account:
                await peer.login(account)
            yield peer

    async def send(self, text: str | bytes) -> None:
        """Send one text message as it is."""
        await self._transport.send(text.encode() if isinstance(text, str) else text)

    async def receive(self) -> list[JsonValue]:
        """The next frame, ``[name, argument]``. Raises ``TransportClosed``."""
        if self._unread:
            return self._unread.pop(0)
        frame: list[JsonValue] = msgspec.json.decode(await self._transport.receive())
        return frame

    async def receive_named(self, name: str) -> JsonValue:
        """The argument of the next frame called ``name``; frames before it stay unread."""
        kept: list[list[JsonValue]] = []
        while (frame := await self.receive())[0] != name:
            kept.append(frame)
        self._unread = kept + self._unread
        return frame[1]

    async def login(
        self, account: str, token: str = NO_TOKEN, *, app: str = TEST_APP, resumable: bool = False
    ) -> JsonObject:
        """Log in, as a vendor's client or as a botkit one that can resume; ``line`` and ``uid`` are kept."""
        arguments: JsonObject = {"vid": app, "account": account, "uid": 0, "token": token, "ip": ""}
        arguments |= {"device": "botkit", "resume": True} if resumable else {"device": "websdk"}
        return await self._enter("login", arguments)

    async def resume(self, account: str, line: str, **seen: JsonValue) -> JsonObject:
        """Continue the session ``line``; ``seen`` is what its client saw (boot, channel, message_id, inbox)."""
        return await self._enter("line_login", {"vid": TEST_APP, "account": account, "line": line, **seen})

    async def _enter(self, frame: str, arguments: JsonObject) -> JsonObject:
        await self.send(msgspec.json.encode([frame, arguments]))
        argument = await self.receive_named("login_ret")
        assert isinstance(argument, list)
        assert isinstance(argument[1], str)
        outcome: JsonObject = msgspec.json.decode(argument[1])
        if outcome["result"] != "ok":
            raise Refusal(int(str(outcome["code"])), str(outcome["reason"]))
        self.line, self.uid = str(outcome["line"]), int(str(outcome["uid"]))
        return outcome

    async def drop(self) -> None:
        """Lose the connection, without a goodbye on the level of sessions."""
        await self._transport.aclose()

    async def request(self, function: str, **arguments: JsonValue) -> JsonObject:
        """Ask and return the result. Raises ``Refusal`` when it is refused."""
        self._call_id += 1
        await self.send(msgspec.json.encode(["call2", [function, self._call_id, {"line": self.line, **arguments}]]))
        argument = await self.receive_named("call2-ret")
        assert isinstance(argument, list)
        call_id, error, text = argument
        assert call_id == self._call_id
        assert error == ""
        result: JsonObject = msgspec.json.decode(str(text))
        if result["result"] != "ok":
            raise Refusal(int(str(result["code"])), str(result["reason"]))
        return result

    async def next_notice(self, kind: str = "") -> Notice:
        """The next channel notice (of ``kind``, skipping others); inbox announcements in between are dropped."""
        while True:
            argument = await self.receive_named("notify")
            assert isinstance(argument, list)
            if argument[0] != "channel2":
                continue
            line = parse_line(str(argument[3]))
            if kind in ("", line.kind):
                content: JsonObject = msgspec.json.decode(line.content)
                return Notice(str(argument[1]), int(str(argument[2])), line.kind, content)

    async def next_inbox(self) -> list[tuple[str, str]]:
        """Wait until something is in the inbox and fetch a page: (type, content) of each message."""
        while not (page := await self.fetch()):
            argument = await self.receive_named("notify")
            assert isinstance(argument, list)
        return page

    async def fetch(self) -> list[tuple[str, str]]:
        """Fetch a page of the inbox, acknowledging what was fetched before: (type, content) of each message."""
        result = await self.request("user_getmsg", ver_clear=self._seen, max=30)
        messages = msgspec.convert(result["msgs"], type=list[tuple[int, str]])
        if messages:
            self._seen = messages[-1][0]
        lines = [parse_line(line) for _, line in messages]
        return [(line.kind, line.content) for line in lines]

    async def is_silent(self, seconds: float = 1.0) -> bool:
        """True when no frame comes within ``seconds``; a frame that does come stays unread."""
        if self._unread:
            return False
        with trio.move_on_after(seconds):
            self._unread.append(await self.receive())
        return not self._unread
