"""One connection of a session, logged in: frames out through a queue, frames in, pings, answers.

The reader never waits for the application or for room to send; the writer sends what is queued and pings; the watch
notices when the gateway has gone silent. Because only the writer sends, a cancel in the application can never leave
half a frame.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
import trio
from msgspec import Raw

from botkit.errors import ErrorCode, ProtocolError, TransportClosed
from botkit.signaling.heartbeat import Heartbeat
from botkit.signaling.login import LoginAnswer
from botkit.signaling.pending import Answerable, OnAnswer, PendingRequests, ReplyT, Slot
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.signaling.trace import AccountTrace
from botkit.transport.base import Transport
from botkit.wire import frames
from botkit.wire.admin import is_ban
from botkit.wire.frames import ClientFrame, GatewayFrame
from botkit.wire.limits import MAX_CLIENT_FRAME_BYTES
from botkit.wire.request import Request
from botkit.wire.requests import encode_request
from botkit.wire.tokens import TokenVerdict

Notice: TypeAlias = frames.InboxNotice | frames.ChannelNotice | frames.ExpelledNotice | frames.HeldNotice

NoticeHandler: TypeAlias = Callable[[Notice], None]
"""Takes a notice in the reader: must not wait, may raise ``ProtocolError``, which costs the connection."""

StartHook: TypeAlias = Callable[[], Awaitable[None]]

LATE_SECONDS = 0.5
"""Who wakes later than this was held up by something that blocked the loop."""

READ_SECONDS = 0.1
"""When its time is over, so long is what waits in the socket read before the gateway is given up."""


MAX_MULTI_BYTES = MAX_CLIENT_FRAME_BYTES // 2
"""How much of what waits to be sent is joined in one message, where the gateway takes that."""


class ConnectionEnd(NamedTuple):
    """Why a connection ended. With a ``code`` the session ended too; without, it may come back."""

    code: ErrorCode | None
    reason: str


class Connection:
    """The frames of one session over one transport. ``run`` serves it; the other methods never wait."""

    def __init__(
        self,
        transport: Transport,
        login: LoginAnswer,
        settings: SignalSettings,
        *,
        counters: Counters,
        trace: AccountTrace,
    ) -> None:
        self._transport = transport
        self._line = login.line
        self._most_bytes = MAX_MULTI_BYTES if login.multi else 0  # of frames that go out together
        self._settings = settings
        self._counters = counters
        self._trace = trace
        self._pending = PendingRequests()
        self._outbox: deque[bytes] = deque()
        self._wake = trio.Event()
        self._heartbeat = Heartbeat(settings.ping_interval, settings.missed_pongs, trio.current_time())
        self._scope = trio.CancelScope()
        self._end: ConnectionEnd | None = None
        self.over = False
        """Whether it has ended: nothing that is put into it would ever be answered."""

    @property
    def requests_waiting(self) -> int:
        """How many requests wait for an answer."""
        return len(self._pending)

    def post(
        self,
        request: Request,
        reply_type: type[ReplyT],
        on_answer: OnAnswer[ReplyT] | None = None,
    ) -> Slot[ReplyT]:
        """Queue a request. Its answer goes to ``on_answer``, in the reader, and into the slot for who waits there."""
        slot = Slot(reply_type, on_answer)
        self.put(request, slot)
        return slot

    def put(self, request: Request, slot: Answerable) -> None:
        """Queue a request whose answer goes into ``slot``."""
        call_id = self._pending.add(slot)
        self._queue(encode_request(msgspec.structs.replace(request, line=self._line), call_id))

    def end(self, end: ConnectionEnd) -> None:
        """Make ``run`` return ``end``, unless it ends for another reason already."""
        if self._end is None:
            self._end = end
        self._scope.cancel()

    async def run(self, on_notice: NoticeHandler, on_start: StartHook | None = None) -> ConnectionEnd:
        """Serve the connection until it ends, and say why it did. ``on_start`` runs beside the reader.

        What waits for an answer at the end gets none. A cancel ends the connection without a word.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._watch)
                    nursery.start_soon(self._pending.watch_deadlines)
                    if on_start is not None:
                        nursery.start_soon(on_start)
                    await self._read(on_notice)
        finally:
            self.over = True  # first: who is told of a loss may ask something else at once
            self._pending.lose_all()
        assert self._end is not None  # only ``end`` cancels the scope
        return self._end

    def _queue(self, frame: ClientFrame) -> None:
        self._outbox.append(frames.encode(frame))
        self._wake.set()

    async def _write(self) -> None:
        try:
            while True:
                now = trio.current_time()
                if self._heartbeat.ping_due(now):
                    self._outbox.append(frames.encode(frames.Ping(self._heartbeat.ping(now))))
                if self._outbox:
                    await self._send(self._next())
                    continue
                self._wake, due = trio.Event(), self._heartbeat.next_ping
                with trio.move_on_at(due):
                    await self._wake.wait()
                self._woke(due)
        except TransportClosed:
            pass  # the reader sees it too, after what the gateway had said before: a kick, perhaps

    async def _watch(self) -> None:
        """End the connection when no pong came for too long. Time in which this process was blocked does not count."""
        while not self._heartbeat.lost(trio.current_time()):
            await self._sleep_until(self._heartbeat.lost_at)
            await self._sleep_until(trio.current_time() + READ_SECONDS)
        self._counters.pongs_missed += 1
        self.end(ConnectionEnd(None, f"no pong for {self._settings.missed_pongs} periods"))

    async def _sleep_until(self, due: float) -> None:
        await trio.sleep_until(due)
        self._woke(due)

    def _woke(self, due: float) -> None:
        """A task that was to wake at ``due`` is awake; if it was held up, that is not the gateway's silence."""
        now = trio.current_time()
        if now - due > LATE_SECONDS and self._heartbeat.forgive(due, now):
            self._counters.times_blocked += 1

    def _next(self) -> list[bytes]:
        """The frames that go out in the next message: one, or as many as wait and may be joined."""
        batch, size = [self._outbox.popleft()], 0
        while self._outbox:
            size += len(batch[-1]) + len(",")
            if size + len(self._outbox[0]) > self._most_bytes:
                break
            batch.append(self._outbox.popleft())
        return batch

    async def _send(self, batch: list[bytes]) -> None:
        for frame in batch:
            self._trace.sent(frame)
        await self._transport.send(batch[0] if len(batch) == 1 else frames.join_frames(batch))
        self._counters.frames_sent += len(batch)

    async def _read(self, on_notice: NoticeHandler) -> None:
        try:
            while True:
                data = await self._transport.receive()
                self._trace.received(data)
                self._take(frames.decode_gateway_frame(data), on_notice)
        except TransportClosed as error:
            self.end(ConnectionEnd(None, str(error)))
        except ProtocolError as error:
            self._counters.protocol_errors += 1
            self.end(ConnectionEnd(None, f"the gateway sent what cannot be read: {error}"))

    def _take(self, frame: GatewayFrame, on_notice: NoticeHandler) -> None:
        if isinstance(frame, frames.Multi):
            self._take_batch(frame.frames, on_notice)
            return
        self._counters.frames_received += 1
        match frame:
            case frames.Notify(notice=notice):
                on_notice(notice)
            case frames.CallResult(body=body):
                if not self._pending.settle(body):
                    self._counters.answers_ignored += 1
            case frames.Pong():
                self._heartbeat.pong(trio.current_time())
            case frames.Kick(reason=reason):
                self.end(ConnectionEnd(ErrorCode.LOGOUT_E_KICKED, reason))
            case frames.Close(reason=reason):
                self.end(ConnectionEnd(_close_code(reason), reason))
            case frames.LoginResult():
                raise ProtocolError("a second login_ret")

    def _take_batch(self, batch: Sequence[Raw], on_notice: NoticeHandler) -> None:
        for raw in batch:
            if self._end is not None:
                return  # what came behind a kick is nobody's business
            self._trace.received(raw)
            frame = frames.decode_gateway_frame(raw)
            if isinstance(frame, frames.Multi):
                raise ProtocolError("multi inside of multi")
            self._take(frame, on_notice)


def _close_code(reason: str) -> ErrorCode:
    if reason == TokenVerdict.EXPIRED.value:
        return ErrorCode.LOGOUT_E_TOKENEXPIRED
    return ErrorCode.LOGOUT_E_OTHER if is_ban(reason) else ErrorCode.LOGOUT_E_NET
