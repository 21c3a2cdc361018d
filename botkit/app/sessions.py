"""One session as a child of a supervisor: log in, join, hand its events on, log out."""

import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeAlias

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.app.placement import SessionPlan
from botkit.backoff import Backoff
from botkit.errors import ErrorCode, LoginFailed, SessionEnded
from botkit.events import Event, EventsLost, LoggedOut
from botkit.signaling import LoginSession, Signal
from botkit.types import Account

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

TokenFor: TypeAlias = Callable[[Account], str]
OnEvent: TypeAlias = Callable[[Event, LoginSession], Awaitable[None]]

CONNECT_BACKOFF = Backoff(initial=0.5, maximum=30.0)

_FINAL = {
    ErrorCode.LOGOUT_E_USER: "logged out",
    ErrorCode.LOGOUT_E_KICKED: "its account logged in elsewhere: it is not fought for",
}
"""Ends after which the session is not opened again."""


class SessionOpener:
    """Opens sessions of one app, each login with a fresh token."""

    def __init__(self, signal: Signal, token_for: TokenFor) -> None:
        self._signal, self._token_for = signal, token_for
        self.stop_seconds = signal.settings.logout_timeout + 0.5
        """How long a session may take to log out and close."""

    def open(self, account: Account) -> AbstractAsyncContextManager[LoginSession]:
        """See ``Signal.open_session``."""
        return self._signal.open_session(account, lambda: self._token_for(account))


class SessionChild:
    """Keeps one session of a bot or a feed open. Each life of it is one login; reconnects happen within.

    ``on_event`` gets each event, one at a time; while it waits, events wait in the session's own buffer.
    ``session`` is the latest one, None before the first.
    """

    def __init__(self, plan: SessionPlan, opener: SessionOpener, on_event: OnEvent) -> None:
        self.plan = plan
        self.session: LoginSession | None = None
        self._opener, self._on_event = opener, on_event
        self.spec = ChildSpec(
            name=plan.account, run=self.run, restart=Restart.TRANSIENT, stop_seconds=opener.stop_seconds
        )

    async def run(self, lifetime: Lifetime) -> None:
        """One life. Raises ``LoginFailed``, ``JoinFailed``, and ``SessionEnded`` when another login may help."""
        async with AsyncExitStack() as stack:
            session = await self._log_in(stack)
            if self.plan.channel is not None:
                await session.join(self.plan.channel)
            again, self.session = self.session is not None, session
            lifetime.started()
            with lifetime.work:
                if again:
                    await self._on_event(EventsLost(cause="the session ended and was opened anew"), session)
                await self._hand_on(session)

    async def _log_in(self, stack: AsyncExitStack) -> LoginSession:
        """Open the session. A gateway that is not there is waited for, however long that takes."""
        account, attempt = self.plan.account, 0
        while True:
            try:
                return await stack.enter_async_context(self._opener.open(account))
            except LoginFailed as error:
                if error.code is not ErrorCode.LOGIN_E_NET:
                    raise
                attempt += 1
                delay = CONNECT_BACKOFF.delay(attempt, random.random())
                _log.warning("not logged in", account=account, reason=error.reason, retry_in=round(delay, 1))
            await trio.sleep(delay)

    async def _hand_on(self, session: LoginSession) -> None:
        while True:
            event = await session.receive_event()
            await self._on_event(event, session)
            if isinstance(event, LoggedOut):
                break
        reason = _FINAL.get(event.code)
        if reason is None:
            raise SessionEnded(event.code)
        _log.error("session over", account=session.account, code=int(event.code), reason=reason)
