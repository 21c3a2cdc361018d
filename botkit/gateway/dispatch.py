"""From frames to handlers and back: login, pings, and the table of requests."""

import fnmatch
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.clock import WallClock
from botkit.errors import ErrorCode, LoginFailed, ProtocolError, SignalingError, StoreError
from botkit.gateway.admission import Admission
from botkit.gateway.auth import check_login
from botkit.gateway.connection import CLOSE_NORMAL, Connection
from botkit.gateway.counters import Counters
from botkit.gateway.handlers import admin, calls, channels, users
from botkit.gateway.hub import Hub
from botkit.gateway.journal import Journal
from botkit.gateway.later import Later
from botkit.gateway.session import Session
from botkit.types import Account, AppId
from botkit.wire import admin as admin_ask
from botkit.wire import requests as ask
from botkit.wire.frames import (
    Call,
    CallBody,
    ClientFrame,
    Close,
    LineLogin,
    Login,
    LoginArguments,
    LoginOutcome,
    LoginResult,
    LoginResultBody,
    Ping,
    Pong,
    ResumeArguments,
    SetFlag,
    encode,
)
from botkit.wire.replies import Failure, Ok, encode_json, encode_reply, failure
from botkit.wire.request import Request

# Each function takes its own request type, which a table by type cannot say.
Handler: TypeAlias = Callable[[Hub, Session, Any], Ok | Later]
SlowHandler: TypeAlias = Callable[[Hub, Session, Any], Awaitable[Ok]]
Spawn: TypeAlias = Callable[[Callable[[], Awaitable[None]]], None]

HANDLERS: dict[type[Request], Handler] = {
    ask.GetMessages: users.get_messages,
    ask.SendMessage: users.send_message,
    ask.Logout: users.logout,
    ask.QueryUserStatus: users.query_status,
    ask.SetUserAttribute: users.set_attribute,
    ask.GetUserAttribute: users.get_attribute,
    ask.GetUserAttributes: users.get_attributes,
    ask.JoinChannel: channels.join,
    ask.LeaveChannel: channels.leave,
    ask.SendChannelMessage: channels.send_message,
    ask.SetChannelAttribute: channels.set_attribute,
    ask.DeleteChannelAttribute: channels.delete_attribute,
    ask.ClearChannelAttributes: channels.clear_attributes,
    ask.QueryChannelCount: channels.query_count,
    ask.QueryIsInChannel: channels.query_is_in,
    ask.QueryChannelUsers: channels.query_users,
    ask.QueryAllChannelUsers: channels.query_all_users,
    ask.Invite: calls.invite,
    ask.AcknowledgeInvite: calls.act,
    ask.AcceptInvite: calls.act,
    ask.RefuseInvite: calls.act,
    ask.EndCall: calls.act,
    ask.CallMessage: calls.act,
    admin_ask.Mute: admin.mute,
    admin_ask.Unmute: admin.unmute,
    admin_ask.Ban: admin.ban,
    admin_ask.Unban: admin.unban,
    admin_ask.Kick: admin.kick,
    admin_ask.CloseChannel: admin.close_channel,
    admin_ask.ListSanctions: admin.list_sanctions,
    admin_ask.Snapshot: admin.snapshot,
    admin_ask.Hold: admin.hold,
    admin_ask.Release: admin.release,
    admin_ask.Judge: admin.judge,
}

SLOW_HANDLERS: dict[str, SlowHandler] = {
    admin_ask.ReadLedger.function: admin.read_ledger,
}
"""Requests whose answers wait for the store; other requests of the same connection are answered meanwhile."""

CHANGES: frozenset[type[Request]] = frozenset(
    {
        ask.JoinChannel,
        ask.LeaveChannel,
        ask.SetChannelAttribute,
        ask.DeleteChannelAttribute,
        ask.ClearChannelAttributes,
        ask.SetUserAttribute,
        ask.Invite,
        ask.CallMessage,
    }
)
"""Requests that make others hear something or the store write something, and have no rate of the vendor's."""

MAX_SLOW_REQUESTS = 8

BOTKIT_DEVICE = "botkit"
"""The ``device`` of clients that understand what is ours."""

PYTHON_SDK = "javasdk"
"""The vendor's Python SDK. It tells its application nothing of a refused login: all that there is to see is that the
connection is over."""

WEB_SDK = "websdk"
"""The vendor's web SDK. It passes over the refusal of a login by which it comes back from a lost connection, and gives
up in silence; ``close`` it tells then (102), and on a first login it shows both alike (201)."""

_SHOWN_AS_201 = frozenset({ErrorCode.LOGIN_E_OTHER, ErrorCode.LOGIN_E_FAILED})

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")


class Dispatcher:
    """Answers every frame of every peer. Synchronous: what it queues is flushed by whoever read the frame."""

    def __init__(
        self,
        hubs: dict[str, Hub],
        *,
        origins: tuple[str, ...],
        admission: Admission,
        journal: Journal,
        counters: Counters,
        clock: WallClock,
        spawn: Spawn,
    ) -> None:
        self._hubs, self._origins, self._admission = hubs, origins, admission
        self._journal, self._spawn = journal, spawn
        self._counters, self._clock = counters, clock

    def handle_frame(self, connection: Connection, frame: ClientFrame) -> None:
        """Answer one frame."""
        if connection.session is not None:
            connection.session.return_by = None
            connection.session.unheard_returns = 0
        if isinstance(frame, Call):
            self._call(connection, frame.body)
        elif isinstance(frame, Ping):
            connection.send(encode(Pong(frame.number)))
        elif isinstance(frame, SetFlag):
            connection.supports_binary = bool(frame.flags.binary)
        elif isinstance(frame, Login):
            self._login(connection, frame.arguments)
        elif isinstance(frame, LineLogin):
            self._resume(connection, frame.arguments)

    def allows_origin(self, origin: str) -> bool:
        """Whether a browser on a page of ``origin`` may connect."""
        if not self._origins or any(fnmatch.fnmatchcase(origin, page) for page in self._origins):
            return True
        self._counters.refused_origins.add()
        return False

    def handle_end(self, connection: Connection, reason: str) -> None:
        """The peer is gone; its session, if it still has one, may wait for it or end for ``reason``."""
        session = connection.session
        if session is not None:
            self._hubs[session.app].lose(session, reason)

    def _login(self, connection: Connection, login: LoginArguments) -> None:
        try:
            hub = self._hub_for(connection, login.vid)
            self._admission.check_address(connection.link.peer, trio.current_time())
            grant = check_login(login, hub.app, self._clock.seconds())
            self._admission.check_account(AppId(login.vid), Account(login.account), trio.current_time())
            botkit = login.device == BOTKIT_DEVICE
            self._journal.check_room()
            session = hub.login(connection, Account(login.account), grant, botkit=botkit, resume=login.resume)
            connection.outbox.multi = botkit and login.multi
        except LoginFailed as refusal:
            self._refuse_login(connection, refusal, login.device)
            return
        except StoreError as error:
            self._refuse_login(connection, LoginFailed(ErrorCode.LOGIN_E_OTHER, str(error)), login.device)
            return
        self._counters.logins.add_for("ok")
        boot, multi = hub.boot if botkit else "", connection.outbox.multi
        outcome = LoginOutcome(result="ok", uid=session.uid, line=session.line, boot=boot, multi=multi)
        self._send_outcome(connection, outcome)
        self._journal.hold(connection.outbox)
        hub.announce(session)

    def _resume(self, connection: Connection, seen: ResumeArguments) -> None:
        try:
            hub = self._hub_for(connection, seen.vid)
            session = self._resumed(hub, connection, seen)
        except LoginFailed as refusal:
            self._refuse_login(connection, refusal)
            return
        self._counters.logins.add_for("resumed")
        missed, lost = hub.replay(session, seen)
        connection.outbox.multi = seen.multi
        outcome = LoginOutcome(
            result="ok",
            uid=session.uid,
            line=session.line,
            boot=hub.boot,
            resumed=True,
            channel=session.channel or "",
            lost=lost,
            multi=seen.multi,
        )
        self._send_outcome(connection, outcome)
        for frame in missed:
            connection.send_framed(frame)
        self._journal.hold(connection.outbox)  # what it missed may be younger than the last commit
        hub.post.announce(session)

    def _hub_for(self, connection: Connection, app: str) -> Hub:
        if connection.session is not None:
            raise LoginFailed(ErrorCode.LOGIN_E_ALREADY_LOGIN, "logged in already")
        hub = self._hubs.get(app)
        if hub is None:
            raise LoginFailed(ErrorCode.LOGIN_E_FAILED, "unknown app id")
        return hub

    def _resumed(self, hub: Hub, connection: Connection, seen: ResumeArguments) -> Session:
        try:
            return hub.resume(connection, Account(seen.account), seen.line)
        except LoginFailed:
            # Only a line that is none counts: all sessions behind one address may come back at once.
            self._admission.check_address(connection.link.peer, trio.current_time())
            raise

    def _refuse_login(self, connection: Connection, refusal: LoginFailed, device: str = BOTKIT_DEVICE) -> None:
        self._counters.logins.add_for(refusal.code.name)
        reason = refusal.reason or refusal.code.text
        outcome = LoginOutcome(result="failed", reason=reason, code=int(refusal.code))
        if device == WEB_SDK and refusal.code in _SHOWN_AS_201:
            connection.send(encode(Close(reason)))
        self._send_outcome(connection, outcome, error=reason)  # without an error the Python SDK looks for a line
        if device == PYTHON_SDK and connection.session is None:
            connection.close(CLOSE_NORMAL, reason, trio.current_time())

    def _send_outcome(self, connection: Connection, outcome: LoginOutcome, *, error: str = "") -> None:
        connection.send(encode(LoginResult(LoginResultBody(error, encode_json(outcome)))))

    def _call(self, connection: Connection, call: CallBody) -> None:
        session = connection.session
        if call.function in SLOW_HANDLERS and session is not None:
            self._answer_later(connection, session, call)
            return
        promised = self._journal.promised
        reply = self._answer(session, call)
        if isinstance(reply, Later):
            reply.then(lambda known: connection.send(encode(encode_reply(call.call_id, known))))
            return
        connection.send(encode(encode_reply(call.call_id, reply)))
        if self._journal.promised != promised or call.function == admin_ask.Snapshot.function:
            self._journal.hold(connection.outbox)
        if session is not None and call.function == ask.GetMessages.function:
            self._hubs[session.app].post.announce_rest(session)

    def _answer(self, session: Session | None, call: CallBody) -> Ok | Later | Failure:
        try:
            hub, session, request = self._check(session, call)
            return HANDLERS[type(request)](hub, session, request)
        except Exception as error:  # noqa: BLE001 - the border around handlers: see _refusal
            return self._refusal(call, error)

    def _answer_later(self, connection: Connection, session: Session, call: CallBody) -> None:
        async def answer() -> None:
            try:
                hub, _, request = self._check(session, call)
                reply: Ok | Failure = await SLOW_HANDLERS[call.function](hub, session, request)
            except Exception as error:  # noqa: BLE001 - the border around handlers: see _refusal
                reply = self._refusal(call, error)
            finally:
                connection.slow_requests -= 1
            connection.send(encode(encode_reply(call.call_id, reply)))
            self._journal.hold(connection.outbox)

        if connection.slow_requests >= MAX_SLOW_REQUESTS:
            busy = SignalingError(ErrorCode.GENERAL_E_FAILED, f"at most {MAX_SLOW_REQUESTS} of these at a time")
            connection.send(encode(encode_reply(call.call_id, self._refusal(call, busy))))
            return
        connection.slow_requests += 1
        self._spawn(answer)

    def _refusal(self, call: CallBody, error: Exception) -> Failure:
        """The answer for what a handler raised; our own fault is logged and must not cost the peer its connection."""
        if isinstance(error, SignalingError):
            code, reason = error.code, error.reason
        elif isinstance(error, ProtocolError):
            code, reason = ErrorCode.GENERAL_E_WRONG_PARAM, str(error)
        elif isinstance(error, StoreError):
            code, reason = ErrorCode.GENERAL_E_FAILED, str(error)
        else:
            _log.error("a request handler failed", function=call.function, exc_info=error)
            self._counters.handler_errors.add()
            code, reason = ErrorCode.GENERAL_E_UNKNOWN, "internal error"
        self._counters.refusals.add_for(str(int(code)))
        return failure(code, reason)

    def _check(self, session: Session | None, call: CallBody) -> tuple[Hub, Session, Request]:
        request = ask.decode_request(call)
        if request is None:
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, f"unknown function {call.function[:64]!r}")
        self._counters.requests.add_for(request.function)
        if session is None:
            raise SignalingError(ErrorCode.GENERAL_E_NOT_LOGIN, "not logged in")
        if request.line != session.line:
            raise SignalingError(ErrorCode.GENERAL_E_NOT_LOGIN, "line names another session")
        if request.function.startswith(admin_ask.ADMIN_PREFIX) and not session.server:
            raise SignalingError(ErrorCode.GENERAL_E_FAILED, "for server accounts only")
        self._journal.check_room()
        hub = self._hubs[session.app]
        if type(request) in CHANGES and not session.server:
            hub.check_changes(session.account)
        return hub, session, request
