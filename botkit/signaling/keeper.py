"""Keeps one session connected: logs in, serves the connection, and comes back after a loss."""

import math
import random
from collections.abc import Callable
from functools import partial

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.backoff import Slots
from botkit.errors import ConnectFailed, ErrorCode, LoginFailed, SessionEnded
from botkit.events import Reconnecting
from botkit.signaling.connection import Connection, ConnectionEnd
from botkit.signaling.core import Return, SessionCore
from botkit.signaling.login import Credentials, LoginAnswer, log_in, resume
from botkit.signaling.retries import LoginRetries
from botkit.signaling.trace import AccountTrace
from botkit.signaling.turns import Turns
from botkit.transport.base import Connector, Transport
from botkit.types import ChannelName
from botkit.wire.admin import is_ban
from botkit.wire.limits import RESUME_SECONDS
from botkit.wire.states import LoginStatus

_log: FilteringBoundLogger = structlog.get_logger("botkit.signaling")

_FINAL_REFUSALS = {
    ErrorCode.LOGIN_E_TOKENEXPIRED: ErrorCode.LOGOUT_E_TOKENEXPIRED,
    ErrorCode.LOGIN_E_TOKENWRONG: ErrorCode.LOGOUT_E_OTHER,
    ErrorCode.LOGIN_E_TOKEN_KICKED: ErrorCode.LOGOUT_E_KICKED,
    ErrorCode.LOGIN_E_INVALID_USER: ErrorCode.LOGOUT_E_OTHER,
}
"""Refusals of a login that another attempt would only meet again, and what they make of the session."""


_GIVE_UP_CALLS_SECONDS = 2 * RESUME_SECONDS
"""A gateway notices a loss within 30 s and holds the session for another 30: after that no call can go on."""


_LAST_CHANCE_SECONDS = 3.0
"""So long before the gateway gives a lost session up, another attempt to resume it begins."""

_TOO_LATE_SECONDS = 1.0
"""It is put off, so that not all sessions of the process begin it at the same time, but not so near to that end."""


class Keeper:
    """The background task of one session. It runs until the session is over."""

    def __init__(
        self,
        core: SessionCore,
        connector: Connector,
        credentials: Credentials,
        trace: AccountTrace,
        *,
        retries: LoginRetries,
        turns: Turns,
        slots: Slots,
    ) -> None:
        self._core = core
        self._retries, self._turns, self._slots = retries, turns, slots
        self._connector = connector
        self._credentials = credentials
        self._trace = trace
        self._attempt = 0
        self._lost_at = 0.0
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
            end = await self._log_in(scope, task_status)
        finally:
            if not self._core.counters.connections:  # refused, or cancelled
                self._core.status = LoginStatus.LOGIN_FAILED
        while end.code is None and self._core.ended is None:
            end = await self._come_back(end.reason)
        self._core.end(SessionEnded(end.code or ErrorCode.LOGOUT_E_NET, end.reason))

    async def _log_in(self, scope: trio.CancelScope, task_status: trio.TaskStatus[None]) -> ConnectionEnd:
        """The first connection, tried again within the limits while the gateway cannot be reached.

        What became of the connection that was made. Raises ``LoginFailed``.
        """
        seconds, again = self._retries
        began = trio.current_time()
        limit = trio.CancelScope(deadline=math.inf if seconds is None else began + seconds)
        tried, reason = 0, ""

        def on_login() -> None:
            limit.deadline = math.inf
            scope.shield = True
            task_status.started()

        with limit:
            while True:
                tried += 1
                try:
                    return await self._connect(on_login)
                except LoginFailed as error:
                    if error.code is not ErrorCode.LOGIN_E_NET or again == 0:
                        raise
                    reason = error.reason
                if again is not None and tried > again:
                    raise LoginFailed(ErrorCode.LOGIN_E_NET, f"gave up after {tried} attempts: {reason}")
                _log.warning("login again", account=self._core.account, attempt=tried + 1, reason=reason)
                await self._wait_before(tried)
        raise LoginFailed(ErrorCode.LOGIN_E_NET, f"gave up after {seconds:g} s: {reason or 'no answer'}")

    async def _come_back(self, reason: str) -> ConnectionEnd:
        """One attempt; what became of it, or of the connection that it made."""
        self._attempt += 1
        settings = self._core.settings
        if settings.reconnect_attempts is not None and self._attempt > settings.reconnect_attempts:
            return ConnectionEnd(ErrorCode.LOGOUT_E_NET, f"gave up after {self._attempt - 1} attempts: {reason}")
        _log.warning("reconnecting", account=self._core.account, attempt=self._attempt, reason=reason)
        self._core.events.put(Reconnecting(account=self._core.account, attempt=self._attempt))
        await self._wait_before(self._attempt, until=self._last_chance())
        try:
            return await self._connect()
        except LoginFailed as error:
            if trio.current_time() - self._lost_at > _GIVE_UP_CALLS_SECONDS:
                self._core.calls.lose_all()
            return _after_refusal(error)

    def _last_chance(self) -> float:
        """When to try once more before the gateway gives the session up; infinite when that is over."""
        chance = self._lost_at + RESUME_SECONDS - _LAST_CHANCE_SECONDS
        return chance if chance > trio.current_time() else math.inf

    async def _wait_before(self, attempt: int, *, until: float = math.inf) -> None:
        """Wait before another attempt, at most ``until``, for a moment that no other session of the process has."""
        now = trio.current_time()
        wanted = min(now + self._core.settings.reconnect.delay(attempt, random.random()), until)
        latest = until + _LAST_CHANCE_SECONDS - _TOO_LATE_SECONDS
        await trio.sleep_until(self._slots.take(now, wanted, latest=latest))

    async def _connect(self, on_login: Callable[[], None] | None = None) -> ConnectionEnd:
        """Connect, log in, and serve the connection until it ends. Raises ``LoginFailed``.

        ``on_login`` is told when the gateway has let the session in.
        """
        core = self._core
        core.status = LoginStatus.CONNECTING
        try:
            async with self._turns.take() as turn, self._connector() as transport:
                answer = await self._enter(transport)
                turn.end()
                connection = Connection(transport, answer, core.settings, counters=core.counters, trace=self._trace)
                if on_login is not None:
                    # A cancel, or a deadline, that came with the answer counts: behind the shield nobody could end it.
                    await trio.lowlevel.checkpoint_if_cancelled()
                    on_login()
                how = core.logged_in(answer, connection)
                return await self._serve(connection, how)
        except ConnectFailed as error:
            raise LoginFailed(ErrorCode.LOGIN_E_NET, str(error)) from error

    async def _enter(self, transport: Transport) -> LoginAnswer:
        """Resume the session if the gateway may still have it, else log in anew."""
        timeout = self._core.settings.request_timeout
        seen = self._core.resumption(self._credentials.app_id)
        if seen is not None:
            answer = await resume(transport, seen, timeout=timeout, trace=self._trace)
            if answer is not None:
                return answer
        return await log_in(transport, self._credentials, timeout=timeout, trace=self._trace)

    async def _serve(self, connection: Connection, how: Return | None) -> ConnectionEnd:
        since = trio.current_time()
        on_start = None
        if how is not None and how.channel is not None:
            on_start = partial(self._return, connection, how, how.channel)
        end = await connection.run(self._core.on_notice, on_start)
        if end.code is None:
            self._lost_at = trio.current_time()
            self._core.lost()
            if self._lost_at - since >= self._core.settings.ping_interval:
                self._attempt = 0
        return end

    async def _return(self, connection: Connection, how: Return, name: ChannelName) -> None:
        """Enter the channel again before anything else goes out."""
        core = self._core
        with trio.move_on_after(core.settings.request_timeout):
            joined = await core.channels.rejoin(connection, name)
            if not joined:
                core.channels.leave(ErrorCode.LEAVECHANNEL_E_DISCONN)
            core.returned(connection, how, name if joined else None)
            return
        # Whether this session is in the channel cannot be known: a new connection decides it.
        connection.end(ConnectionEnd(None, f"no answer to joining {name!r} again"))


def _after_refusal(error: LoginFailed) -> ConnectionEnd:
    """What the refusal of its return makes of a session. A rate and a ban are both 202: the one passes."""
    if error.code is ErrorCode.LOGIN_E_FAILED and is_ban(error.reason):
        return ConnectionEnd(ErrorCode.LOGOUT_E_OTHER, error.reason)
    return ConnectionEnd(_FINAL_REFUSALS.get(error.code), str(error))
