"""A gateway that does what a test tells it: the other end of every connection that a session opens, in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio
from trio.testing import wait_all_tasks_blocked

from botkit.errors import ConnectFailed, TransportClosed
from botkit.events import Event
from botkit.signaling import LoginSession
from botkit.transport.background import open_background
from botkit.transport.base import Transport
from botkit.transport.memory import memory_transport_pair
from botkit.wire import frames, replies, requests
from botkit.wire.frames import GatewayFrame, LineLogin, Login, LoginOutcome, LoginResult, LoginResultBody
from botkit.wire.messages import CallContent, ChannelEvent, MessageLine, call_text, channel_notice, format_line
from botkit.wire.replies import Failure, Ok, encode_reply
from botkit.wire.request import Request

Reply = Ok | Failure | None
"""None: no answer at all."""

LINE = "line-0815"
_EventT = TypeVar("_EventT", bound=Event)
_RequestT = TypeVar("_RequestT", bound=Request)


def accepted(line: str = LINE, *, boot: str = "") -> LoginResult:
    """A login that is let in; with a ``boot`` by a gateway that can resume sessions."""
    return LoginResult(LoginResultBody("", replies.encode_json(LoginOutcome(result="ok", uid=7, line=line, boot=boot))))


def resumed(channel: str = "", lost: int = 0) -> LoginResult:
    """A session that is continued."""
    outcome = LoginOutcome(result="ok", uid=7, line=LINE, boot="b", resumed=True, channel=channel, lost=lost)
    return LoginResult(LoginResultBody("", replies.encode_json(outcome)))


def refused(text: str, code: int = 0) -> LoginResult:
    """A login that is not let in, or a session that is gone."""
    outcome = LoginOutcome(result="failed", reason=text, code=code)
    return LoginResult(LoginResultBody("", replies.encode_json(outcome)))


class Peer:
    """The gateway's end of one connection."""

    def __init__(self, gateway: "ScriptedGateway", transport: Transport) -> None:
        self._gateway = gateway
        self.transport = transport
        self.logins: list[Login] = []
        self.resumptions: list[LineLogin] = []
        self.pings: list[int] = []
        self.messages: list[bytes | str] = []
        self.closed = False

    async def serve(self) -> None:
        """Answer until the session closes."""
        try:
            while True:
                data = await self.transport.receive()
                self.messages.append(data)
                if self._gateway.deaf:
                    await trio.sleep_forever()
                for frame in frames.split_frames(data):
                    await self._handle(frames.decode_client_frame(frame))
        except TransportClosed:
            pass  # the session has closed, or the test

    async def send(self, frame: GatewayFrame) -> None:
        """Send a frame and wait until the session has done with it."""
        await self.transport.send(frames.encode(frame))
        await wait_all_tasks_blocked()

    async def send_raw(self, data: bytes) -> None:
        """Send what may be no frame."""
        await self.transport.send(data)
        await wait_all_tasks_blocked()

    async def drop(self) -> None:
        """Lose the connection."""
        await self.transport.aclose()
        await wait_all_tasks_blocked()

    async def _handle(self, frame: frames.ClientFrame) -> None:
        match frame:
            case frames.Login():
                self.logins.append(frame)
                answer = self._gateway.login(frame)
                if answer is not None:
                    await self.transport.send(frames.encode(answer))
            case frames.LineLogin():
                self.resumptions.append(frame)
                answer = self._gateway.line_login(frame)
                if answer is not None:
                    await self.transport.send(frames.encode(answer))
            case frames.Ping(number=number):
                self.pings.append(number)
                if self._gateway.pongs:
                    await self.transport.send(frames.encode(frames.Pong(number)))
            case frames.Call(body=body):
                request = requests.decode_request(body)
                assert request is not None
                assert self._gateway.line in ("", request.line)
                await self._answer(body.call_id, request)
            case frames.SetFlag():
                pass

    async def _answer(self, call_id: int | str, request: Request) -> None:
        self._gateway.requests.append(request)
        self._gateway.call_ids.append(call_id)
        reply = self._gateway.reply_to(request)
        if reply is not None:
            await self.transport.send(frames.encode(encode_reply(call_id, reply)))


class ScriptedGateway:
    """Lets everybody in and says yes to everything, until a test says otherwise."""

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self.peers: list[Peer] = []
        self.requests: list[Request] = []
        self.call_ids: list[int | str] = []
        self.attempts = 0
        self.down = False
        self.deaf = False
        self.pongs = True
        self.line = LINE
        """What requests must carry; empty when they may carry anything."""
        self.login: Callable[[Login], GatewayFrame | None] = lambda _: accepted()
        self.line_login: Callable[[LineLogin], GatewayFrame | None] = lambda _: refused("no such session", 200)
        self.inbox: list[tuple[int, str]] = []
        self.acknowledged = 0
        self._replies: dict[type[Request], Callable[[Request], Reply]] = {}

    @asynccontextmanager
    async def connector(self) -> AsyncIterator[Transport]:
        """What a ``Signal`` opens its connections with."""
        self.attempts += 1
        if self.down:
            raise ConnectFailed("scripted", "down")
        near, far = memory_transport_pair(self._capacity)
        peer = Peer(self, far)
        self.peers.append(peer)
        async with open_background() as nursery:
            nursery.start_soon(peer.serve)
            try:
                yield near
            finally:
                peer.closed = True
                await near.aclose()

    @property
    def peer(self) -> Peer:
        """The latest connection."""
        return self.peers[-1]

    def asked(self, kind: type[_RequestT]) -> list[_RequestT]:
        """The requests of one kind so far."""
        return [request for request in self.requests if isinstance(request, kind)]

    def texts(self) -> list[str]:
        """The instant messages so far."""
        return [message.content for message in self.asked(requests.SendMessage)]

    def answer(self, kind: type[Request], reply: Reply) -> None:
        """From now on answer requests of ``kind`` with ``reply``."""
        self._replies[kind] = lambda _: reply

    def answer_with(self, kind: type[_RequestT], reply: Callable[[_RequestT], Reply]) -> None:
        """From now on ask ``reply`` what to answer."""

        def call(request: Request) -> Reply:
            assert isinstance(request, kind)
            return reply(request)

        self._replies[kind] = call

    def behave(self) -> None:
        """Forget what it was told: let everybody in again, and say yes to everything."""
        self.login = lambda _: accepted()
        self.line_login = lambda _: refused("no such session", 200)
        self._replies.clear()

    def reply_to(self, request: Request) -> Reply:
        """What this gateway says to a request."""
        if type(request) in self._replies:
            return self._replies[type(request)](request)
        match request:
            case requests.GetMessages():
                return self.page(request)
            case requests.JoinChannel():
                return replies.Joined(members=(("ann", 7),), attributes={})
            case _:
                return replies.OK

    async def put_message(self, kind: str, content: str, *, source: str = "bob", flag: str = "v1:E:3600") -> None:
        """Put a message into the session's inbox and announce it."""
        self.store_message(kind, content, source=source, flag=flag)
        await self.peer.send(frames.Notify(frames.InboxNotice(self.inbox[-1][0])))

    def store_message(self, kind: str, content: str, *, source: str = "bob", flag: str = "v1:E:3600") -> None:
        """Put a message into the session's inbox without a word."""
        version = self.inbox[-1][0] + 1 if self.inbox else self.acknowledged + 1
        line = format_line(MessageLine(source, "ann", flag, kind, 1000 + version, content))
        self.inbox.append((version, line))

    async def put_call(self, kind: str, extra: str = "", *, peer: str = "bob", code: int = 0) -> None:
        """Put a message about the call with ``peer`` in the channel ``room`` into the inbox."""
        content = CallContent(channel="room", peer=peer, extra=extra, peeruid=8, code=code)
        await self.put_message(kind, call_text(content), source=peer, flag="-")

    async def notify(self, event: ChannelEvent, message_id: int, ms: int = 5) -> None:
        """Tell the session of something in a channel."""
        await self.peer.send(channel_notice(event, message_id, ms))

    def page(self, request: requests.GetMessages) -> replies.Messages:
        """The next page of the inbox."""
        seen, most = request.ver_clear, request.max
        self.acknowledged = max(self.acknowledged, seen)
        waiting = [message for message in self.inbox if message[0] > self.acknowledged]
        newest = self.inbox[-1][0] if self.inbox else self.acknowledged
        return replies.Messages(
            ver_clear=waiting[0][0] - 1 if waiting else max(newest, seen), msgs=tuple(waiting[:most])
        )


async def next_event(session: LoginSession, kind: type[_EventT]) -> _EventT:
    """The next event of a kind; those before it are dropped."""
    while True:
        event = await session.receive_event()
        if isinstance(event, kind):
            return event


async def waiting_events(session: LoginSession) -> list[Event]:
    """All events that wait once everything is quiet."""
    await wait_all_tasks_blocked()
    return [await session.receive_event() for _ in range(session.statistics().events_waiting)]
