"""Keeps one session connected: logs in, serves the connection, and comes back after a loss."""

import random

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.errors import ConnectFailed, ErrorCode, LoginFailed, SessionEnded
from botkit.events import Reconnected, Reconnecting
from botkit.signaling.connection import Connection, ConnectionEnd
from botkit.signaling.core import SessionCore
from botkit.signaling.login import Credentials, log_in
from botkit.signaling.trace import AccountTrace
from botkit.transport.base import Connector
from botkit.wire.states import LoginStatus

_log: FilteringBoundLogger = structlog.get_logger("botkit.signaling")

_FINAL_REFUSALS = {
    ErrorCode.LOGIN_E_TOKENEXPIRED: ErrorCode.LOGOUT_E_TOKENEXPIRED,
    ErrorCode.LOGIN_E_TOKENWRONG: ErrorCode.LOGOUT_E_OTHER,
    ErrorCode.LOGIN_E_TOKEN_KICKED: ErrorCode.LOGOUT_E_KICKED,
    ErrorCode.LOGIN_E_INVALID_USER: ErrorCode.LOGOUT_E_OTHER,
}
"""Refusals of a login that another attempt would only meet again, and what they make of the session."""


class Keeper:
    """The background task of one session. It runs until the session is over."""

    def __init__(self, core: SessionCore, connector: Connector, credentials: Credentials, trace: AccountTrace) -> None:
        self._core = core
        self._connector = connector
        self._credentials = credentials
        self._trace = trace
        self._attempt = 0
        self.finished = trio.Event()

    async def run(
        self, scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Log in, report that, and stay until the session is over; everything in between becomes events.

        Once logged in it is shielded from cancels of what is around it, so that the session can still log out:
        ``scope`` is what stops it. Raises ``LoginFailed`` when the first login fails.
        """
        try:
            with scope:
                await self._run(scope, task_status)
        finally:
            self.finished.set()

    async def _run(self, scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> None:
        try:
            end = await self._connect(scope, task_status)
        except LoginFailed:
            self._core.status = LoginStatus.LOGIN_FAILED
            raise
        while end.code is None and self._core.ended is None:
            end = await self._come_back(end.reason)
        self._core.end(SessionEnded(end.code or ErrorCode.LOGOUT_E_NET, end.reason))

    async def _come_back(self, reason: str) -> ConnectionEnd:
        """One attempt; what became of it, or of the connection that it made."""
        self._attempt += 1
        settings = self._core.settings
        if settings.reconnect_attempts is not None and self._attempt > settings.reconnect_attempts:
            return ConnectionEnd(ErrorCode.LOGOUT_E_NET, f"gave up after {self._attempt - 1} attempts: {reason}")
        _log.warning("reconnecting", account=self._core.account, attempt=self._attempt, reason=reason)
        self._core.events.put(Reconnecting(account=self._core.account, attempt=self._attempt))
        await trio.sleep(settings.reconnect.delay(self._attempt, random.random()))
        try:
            return await self._connect()
        except LoginFailed as error:
            return ConnectionEnd(_FINAL_REFUSALS.get(error.code), str(error))

    async def _connect(
        self, scope: trio.CancelScope | None = None, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> ConnectionEnd:
        """Connect, log in, and serve the connection until it ends. Raises ``LoginFailed``."""
        core = self._core
        core.status = LoginStatus.CONNECTING
        try:
            async with self._connector() as transport:
                answer = await log_in(
                    transport, self._credentials, timeout=core.settings.request_timeout, trace=self._trace
                )
                connection = Connection(
                    transport, answer.line, core.settings, counters=core.counters, trace=self._trace
                )
                core.logged_in(answer.uid, connection)
                if scope is not None:
                    scope.shield = True
                    task_status.started()
                    return await self._serve(connection)
                return await self._serve(connection, again=True)
        except ConnectFailed as error:
            raise LoginFailed(ErrorCode.LOGIN_E_NET, str(error)) from error

    async def _serve(self, connection: Connection, *, again: bool = False) -> ConnectionEnd:
        since = trio.current_time()

        async def resume() -> None:
            await self._resume(connection)

        end = await connection.run(self._core.on_notice, resume if again else None)
        if end.code is None:
            self._core.lost()
            if trio.current_time() - since >= self._core.settings.ping_interval:
                self._attempt = 0
        return end

    async def _resume(self, connection: Connection) -> None:
        """Enter the channel again, tell, and let the requests through that have waited."""
        core = self._core
        rejoined = None
        if core.channels.current is not None:
            name = core.channels.current.name
            with trio.move_on_after(core.settings.request_timeout) as patience:
                if await core.channels.rejoin(connection):
                    rejoined = name
                else:
                    core.channels.leave(ErrorCode.LEAVECHANNEL_E_DISCONN)
            if patience.cancelled_caught:
                # Whether this session is in the channel cannot be known: a new connection decides it.
                connection.end(ConnectionEnd(None, f"no answer to joining {name!r} again"))
                return
        core.events.put(Reconnected(account=core.account, resumed=False, rejoined=rejoined))
        core.requests.open(connection)
