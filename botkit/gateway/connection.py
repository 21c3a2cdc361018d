"""One peer's connection: WebSocket bytes in, frames to the dispatcher, frames out.

The WebSocket protocol is the ``websockets`` library's, sans I/O: its ``ServerProtocol`` for the handshake, then its
``Protocol``, because the first keeps the request with all its headers, 2 KiB, for as long as it lives. Sockets and
tasks belong to the server. Frames to the peer bypass the library (``botkit.gateway.framing``).
"""

import logging
from http import HTTPStatus
from typing import Protocol

import trio
from msgspec import Raw
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SERVER, State
from websockets.protocol import Protocol as WebSocketProtocol
from websockets.server import ServerProtocol

from botkit.errors import ProtocolError
from botkit.gateway.counters import Counters
from botkit.gateway.framing import compact_frame, text_frame
from botkit.gateway.outbox import Outbox
from botkit.gateway.session import Session
from botkit.transport.links import Link
from botkit.wire.frames import ClientFrame, Multi, decode_client_frame
from botkit.wire.limits import MAX_CLIENT_FRAME_BYTES

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_UNSUPPORTED = 1003
CLOSE_BAD_FRAME = 1007
CLOSE_INTERNAL = 1011
CLOSE_TRY_LATER = 1013
CLOSE_SLOW = 4001
CLOSE_SILENT = 4002
CLOSE_NO_LOGIN = 4003

MAX_CLOSE_REASON_BYTES = 120

_END_OF_HEAD = b"\r\n\r\n"


_PROTOCOL_LOG = logging.getLogger("botkit.gateway.websockets")
_PROTOCOL_LOG.setLevel(logging.WARNING)  # at DEBUG the library would log every frame: what people say, digits, tokens


class FrameHandler(Protocol):
    """Who is told what a peer sends."""

    def handle_frame(self, connection: "Connection", frame: ClientFrame) -> None:
        """Answer one frame; may queue frames for any peer, may not wait."""
        ...

    def allows_origin(self, origin: str) -> bool:
        """Whether a browser on a page of ``origin`` may connect."""
        ...

    def handle_end(self, connection: "Connection", reason: str) -> None:
        """The peer is gone."""
        ...


class Connection:
    """The state of one peer. Everything here is synchronous; the server reads and flushes around it.

    ``session`` is the login session that lives on this connection, None before login and after logout, since
    ``sessionless_since``; it ends when the closing handshake starts, from either side, at ``closing_since``.
    ``end_reason`` says why the connection is ending, for presence and logs.
    """

    __slots__ = (
        "_counters",
        "_fragments",
        "_handler",
        "_head_end",
        "_protocol",
        "closing_since",
        "end_reason",
        "last_received",
        "link",
        "outbox",
        "session",
        "sessionless_since",
        "slow_requests",
    )

    def __init__(self, link: Link, outbox: Outbox, handler: FrameHandler, counters: Counters) -> None:
        self.link, self.outbox = link, outbox
        self._handler, self._counters = handler, counters
        self._protocol: WebSocketProtocol = ServerProtocol(logger=_PROTOCOL_LOG)
        self._fragments: list[bytes] = []
        self._head_end = b""
        self.session: Session | None = None
        self.slow_requests = 0
        self.sessionless_since = self.last_received = trio.current_time()
        self.closing_since: float | None = None
        self.end_reason = "disconnected"

    @property
    def open(self) -> bool:
        """True between the handshake and the closing handshake."""
        return self._protocol.state is State.OPEN

    @property
    def supports_binary(self) -> bool:
        """Whether the peer takes deflated messages."""
        return self.outbox.compact

    @supports_binary.setter
    def supports_binary(self, supports: bool) -> None:
        self.outbox.catch_up()  # what was told before it said so comes as text
        self.outbox.compact = supports

    def send(self, payload: bytes) -> None:
        """Queue one message: text, or deflated when the peer takes that and it is worth it."""
        self.send_framed(compact_frame(payload) if self.supports_binary else text_frame(payload))

    def send_framed(self, data: bytes) -> None:
        """Queue a message that is framed already."""
        if self._protocol.state is State.OPEN:
            self._counters.frames_out.add()
            self.outbox.put(data)

    def feed(self, data: bytes, now: float) -> None:
        """Handle bytes from the peer, ``b""`` at their end; answers are queued, not sent."""
        self.last_received = now
        for piece in self._pieces_of(data):
            self._feed(piece, now)

    def _pieces_of(self, data: bytes) -> tuple[bytes, ...]:
        """The end of the handshake, and apart from it what came with it: the library would read that before its answer
        is given, and then could not give one."""
        if self._protocol.state is not State.CONNECTING:
            return (data,)
        head = self._head_end + data
        found = head.find(_END_OF_HEAD)
        end = found + len(_END_OF_HEAD) - len(self._head_end)
        self._head_end = head[1 - len(_END_OF_HEAD) :]
        return (data[:end], data[end:]) if found >= 0 and end < len(data) else (data,)

    def _feed(self, data: bytes, now: float) -> None:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._handshake(event, now)
            elif isinstance(event, Frame) and self.closing_since is None:
                self._handle(event)
        self._queue_protocol_bytes(now)

    def close(self, code: int, reason: str, now: float) -> None:
        """Start the closing handshake; nothing more is taken from the peer but its end."""
        text = reason.encode()[:MAX_CLOSE_REASON_BYTES].decode(errors="ignore")
        try:
            self._protocol.send_close(code, text)
        except InvalidState:
            self._protocol.fail(CLOSE_GOING_AWAY)  # no handshake yet, or closing already
        self._queue_protocol_bytes(now)

    def forgive(self, seconds: float, now: float) -> None:
        """Take so much off the times that this peer is judged by: nobody listened to it meanwhile."""
        self.last_received = min(now, self.last_received + seconds)
        self.sessionless_since = min(now, self.sessionless_since + seconds)
        if self.closing_since is not None:
            self.closing_since = min(now, self.closing_since + seconds)
        if self.outbox.stuck_since is not None:
            self.outbox.stuck_since = min(now, self.outbox.stuck_since + seconds)

    def abort(self) -> None:
        """Drop the peer at once, without a closing handshake: it does not read."""
        self.outbox.abort()

    def _handshake(self, request: Request, now: float) -> None:
        protocol = self._protocol
        assert isinstance(protocol, ServerProtocol)
        origins = request.headers.get_all("Origin")  # what is no browser sends none
        if all(self._handler.allows_origin(origin) for origin in origins):
            response = protocol.accept(request)
        else:
            response = protocol.reject(HTTPStatus.FORBIDDEN, f"pages of {origins[0]} may not connect here\n")
        protocol.send_response(response)
        self._queue_protocol_bytes(now)  # before the answers to what came with it
        if protocol.state is State.OPEN:
            self._protocol = WebSocketProtocol(SERVER, max_size=MAX_CLIENT_FRAME_BYTES, logger=_PROTOCOL_LOG)

    def _handle(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._handle_message(frame.data)
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                message, self._fragments = b"".join(self._fragments), []
                self._handle_message(message)
        elif frame.opcode is Opcode.BINARY:
            self._refuse(CLOSE_UNSUPPORTED, "binary message: send text")

    def _handle_message(self, data: bytes | bytearray | memoryview) -> None:
        frame = self._decode(bytes(data))
        if isinstance(frame, Multi):
            if not self.outbox.multi:
                self._refuse(CLOSE_BAD_FRAME, "multi, without a login that says so")
            for raw in frame.frames:
                if self.closing_since is None:
                    self._handle_inner(raw)
        elif frame is not None:
            self._handler.handle_frame(self, frame)

    def _handle_inner(self, raw: Raw) -> None:
        frame = self._decode(raw)
        if isinstance(frame, Multi):
            self._refuse(CLOSE_BAD_FRAME, "multi inside of multi")
        elif frame is not None:
            self._handler.handle_frame(self, frame)

    def _decode(self, data: bytes | Raw) -> ClientFrame | None:
        """The frame; None for what is none, which costs the peer its connection."""
        self._counters.frames_in.add()
        try:
            return decode_client_frame(data)
        except ProtocolError as error:
            self._refuse(CLOSE_BAD_FRAME, str(error))
            return None

    def _refuse(self, code: int, reason: str) -> None:
        self._counters.bad_frames.add()
        self.end_reason = "protocol_error"
        self.close(code, reason, self.last_received)

    def _queue_protocol_bytes(self, now: float) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.outbox.put(data, last=self._protocol.state is not State.OPEN)
            else:
                self.outbox.finish()
        if self.closing_since is None and self._protocol.close_expected():
            self.closing_since = now
            if self._protocol.state is State.CONNECTING:
                self._counters.handshakes_failed.add()
            failure = self._protocol.parser_exc
            if failure is not None and not isinstance(failure, EOFError):
                self._counters.bad_frames.add()
                self.end_reason = "protocol_error"
            self._handler.handle_end(self, self.end_reason)
