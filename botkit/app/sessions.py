"""One session as a child of a supervisor: log in, join, hand its events on, log out."""

import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeAlias, TypeVar

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.app.placement import SessionPlan
from botkit.backoff import Backoff
from botkit.errors import ErrorCode, JoinFailed, LoginFailed, SessionEnded
from botkit.events import Event, EventsLost
from botkit.signaling import LoginSession, Signal
from botkit.types import Account

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

T = TypeVar("T")
TokenFor: TypeAlias = Callable[[Account], str]
OnEvent: TypeAlias = Callable[[Event, LoginSession], Awaitable[None]]

ENTER_BACKOFF = Backoff(initial=0.5, maximum=30.0)

_HOPELESS = frozenset(
    {
        ErrorCode.LOGIN_E_TOKENEXPIRED,
        ErrorCode.LOGIN_E_TOKENWRONG,
        ErrorCode.LOGIN_E_TOKEN_KICKED,
        ErrorCode.LOGIN_E_ALREADY_LOGIN,
        ErrorCode.LOGIN_E_INVALID_USER,
    }
)
"""Refusals that another attempt with the same account and certificate would only meet again."""

_FINAL = frozenset({ErrorCode.LOGOUT_E_USER, ErrorCode.LOGOUT_E_KICKED})
"""Ends after which the session is not opened again: it was asked to log out, or its account logged in elsewhere."""


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
        self.kicked = False
        """Over for good, since another login took the account."""
        self._opener, self._on_event = opener, on_event
        self.spec = ChildSpec(
            name=plan.account, run=self.run, restart=Restart.TRANSIENT, stop_seconds=opener.stop_seconds
        )

    async def run(self, lifetime: Lifetime) -> None:
        """One life: until stopped, or the session is over for good.

        A gateway that is not there, or lets nobody in now, is waited for, however long that takes. Raises
        ``LoginFailed`` when waiting is no use, and ``SessionEnded`` when another login may help.
        """
        try:
            async with AsyncExitStack() as stack:
                await self._serve(stack, lifetime)
        except SessionEnded as error:
            if error.code not in _FINAL:
                raise
            self.kicked = error.code is ErrorCode.LOGOUT_E_KICKED
            note = _log.error if self.kicked else _log.info
            note("session over, and not opened again", account=self.plan.account, reason=str(error))

    async def _serve(self, stack: AsyncExitStack, lifetime: Lifetime) -> None:
        account, channel = self.plan.account, self.plan.channel
        session = await self._insist(lambda: stack.enter_async_context(self._opener.open(account)))
        if channel is not None:
            await self._insist(lambda: session.join(channel))
        again, self.session = self.session is not None, session
        lifetime.started()
        with lifetime.work:
            if again:
                await self._on_event(EventsLost(cause="the session ended and was opened anew"), session)
            while True:  # until it is over: SessionEnded
                await self._on_event(await session.receive_event(), session)

    async def _insist(self, enter: Callable[[], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            try:
                return await enter()
            except (LoginFailed, JoinFailed) as error:
                if error.code in _HOPELESS:
                    raise
                attempt += 1
                delay = ENTER_BACKOFF.delay(attempt, random.random())
                _log.warning("cannot get in", **self._who(), error=str(error), retry_in=round(delay, 1))
            await trio.sleep(delay)

    def _who(self) -> dict[str, str]:
        return {"account": self.plan.account, "channel": self.plan.channel or ""}
