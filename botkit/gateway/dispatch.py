"""From frames to handlers and back: login, pings, and the table of requests."""

from collections.abc import Callable
from typing import Any, TypeAlias

import structlog
from structlog.typing import FilteringBoundLogger

from botkit.errors import ErrorCode, LoginFailed, ProtocolError, SignalingError, StoreError
from botkit.gateway.auth import check_login
from botkit.gateway.clock import WallClock
from botkit.gateway.connection import Connection
from botkit.gateway.counters import Counters
from botkit.gateway.handlers import admin, calls, channels, users
from botkit.gateway.hub import Hub
from botkit.gateway.journal import Journal
from botkit.gateway.session import Session
from botkit.types import Account
from botkit.wire import admin as admin_ask
from botkit.wire import requests as ask
from botkit.wire.frames import (
    CallBody,
    ClientFrame,
    Login,
    LoginArguments,
    LoginOutcome,
    LoginResult,
    LoginResultBody,
    Ping,
    Pong,
    SetFlag,
    encode,
)
from botkit.wire.replies import Failure, Ok, encode_json, encode_reply, failure
from botkit.wire.request import Request

# Each function takes its own request type, which a table by type cannot say.
Handler: TypeAlias = Callable[[Hub, Session, Any], Ok]

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
}

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")


class Dispatcher:
    """Answers every frame of every peer. Synchronous: what it queues is flushed by whoever read the frame."""

    def __init__(self, hubs: dict[str, Hub], journal: Journal, counters: Counters, clock: WallClock) -> None:
        self._hubs, self._journal = hubs, journal
        self._counters, self._clock = counters, clock

    def handle_frame(self, connection: Connection, frame: ClientFrame) -> None:
        """Answer one frame."""
        if isinstance(frame, Login):
            self._login(connection, frame.arguments)
        elif isinstance(frame, Ping):
            connection.send(encode(Pong(frame.number)))
        elif isinstance(frame, SetFlag):
            connection.supports_binary = bool(frame.flags.binary)
        else:
            self._call(connection, frame.body)

    def handle_end(self, connection: Connection, reason: str) -> None:
        """The peer is gone: its session, if it still has one, ends for ``reason``."""
        session = connection.session
        if session is not None:
            self._hubs[session.app].end(session, reason)

    def _login(self, connection: Connection, login: LoginArguments) -> None:
        try:
            session = self._admit(connection, login)
        except LoginFailed as refusal:
            self._counters.logins.add_for(refusal.code.name)
            outcome = LoginOutcome(result="failed", reason=refusal.reason, code=int(refusal.code))
            connection.send(encode(LoginResult(LoginResultBody("", encode_json(outcome)))))
            return
        self._counters.logins.add_for("ok")
        outcome = LoginOutcome(result="ok", uid=session.uid, line=session.line)
        connection.send(encode(LoginResult(LoginResultBody("", encode_json(outcome)))))
        self._journal.hold(connection.outbox)
        self._hubs[session.app].announce(session)

    def _admit(self, connection: Connection, login: LoginArguments) -> Session:
        if connection.session is not None:
            raise LoginFailed(ErrorCode.LOGIN_E_ALREADY_LOGIN, "logged in already")
        hub = self._hubs.get(login.vid)
        if hub is None:
            raise LoginFailed(ErrorCode.LOGIN_E_FAILED, "unknown app id")
        grant = check_login(login, hub.app, self._clock.seconds())
        return hub.login(connection, Account(login.account), grant, login.device)

    def _call(self, connection: Connection, call: CallBody) -> None:
        session = connection.session
        promised = self._journal.promised
        reply = self._answer(session, call)
        connection.send(encode(encode_reply(call.call_id, reply)))
        if self._journal.promised != promised:
            self._journal.hold(connection.outbox)
        if session is not None and call.function == ask.GetMessages.function:
            self._announce_rest(session)

    def _answer(self, session: Session | None, call: CallBody) -> Ok | Failure:
        try:
            return self._handle(session, call)
        except SignalingError as error:
            code, reason = error.code, error.reason
        except ProtocolError as error:
            code, reason = ErrorCode.GENERAL_E_WRONG_PARAM, str(error)
        except StoreError as error:
            code, reason = ErrorCode.GENERAL_E_FAILED, str(error)
        except Exception:  # noqa: BLE001 - the border around handlers: our fault must not cost the peer its connection
            _log.exception("a request handler failed", function=call.function)
            self._counters.handler_errors.add()
            code, reason = ErrorCode.GENERAL_E_UNKNOWN, "internal error"
        self._counters.refusals.add_for(str(int(code)))
        return failure(code, reason)

    def _handle(self, session: Session | None, call: CallBody) -> Ok:
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
        return HANDLERS[type(request)](self._hubs[session.app], session, request)

    def _announce_rest(self, session: Session) -> None:
        """The Python SDK never asks again after a page of 30 unless it is told once more, behind the answer."""
        hub = self._hubs[session.app]
        if hub.mailboxes.has_more(session.account):
            hub.notify_inbox(session, hub.mailboxes.newest(session.account))
