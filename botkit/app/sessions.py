"""One session as a child of a supervisor: log in, join, hand its events on, log out."""

import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias, TypeVar

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.actor.child import ChildSpec, Lifetime, Restart
from botkit.app.pace import Pace
from botkit.app.placement import SessionPlan
from botkit.backoff import Backoff
from botkit.errors import ErrorCode, JoinFailed, LoginFailed, SessionEnded, SignalingError
from botkit.events import ChannelLeft, Event, EventsLost
from botkit.signaling import Gate, LoginSession, Signal
from botkit.signaling.outgoing import OPEN
from botkit.types import Account
from botkit.wire.admin import is_ban
from botkit.wire.states import LoginStatus

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

T = TypeVar("T")
TokenFor: TypeAlias = Callable[[Account], str]
OnEvent: TypeAlias = Callable[[Event, LoginSession], Awaitable[None]]
Prepare: TypeAlias = Callable[[LoginSession], Awaitable[None]]

ENTER_BACKOFF = Backoff(initial=0.5, maximum=30.0)

STABLE_SECONDS = 60.0
"""Who has been in the channel for so long returns to it as soon as after the first time, when put out of it."""

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

_PUT_OUT = frozenset(
    {
        ErrorCode.LEAVECHANNEL_E_OTHER,
        ErrorCode.LEAVECHANNEL_E_KICKED,
        ErrorCode.LEAVECHANNEL_E_DISCONN,
    }
)
"""Ends of a stay in a channel that this side has not asked for."""


class SessionOpener:
    """Opens sessions of one app, each login with a fresh token; with a ``pace`` not faster than that.

    What the sessions do to others passes ``gate``.
    """

    def __init__(self, signal: Signal, token_for: TokenFor, *, pace: Pace | None = None, gate: Gate = OPEN) -> None:
        self._signal, self._token_for, self._pace, self._gate = signal, token_for, pace, gate
        self.stop_seconds = signal.settings.logout_timeout + 0.5
        """How long a session may take to log out and close."""
        self.slots = signal.slots
        """Keep those apart who try again at the same time."""

    def through(self, gate: Gate) -> "SessionOpener":
        """The same, at the same pace, for sessions with another gate."""
        return SessionOpener(self._signal, self._token_for, pace=self._pace, gate=gate)

    @asynccontextmanager
    async def open(self, account: Account) -> AsyncIterator[LoginSession]:
        """See ``Signal.open_session``."""
        if self._pace is not None:
            await self._pace.take()
        async with self._signal.open_session(account, lambda: self._token_for(account), gate=self._gate) as session:
            yield session


class SessionChild:
    """Keeps one session of a bot or a feed open, and in its channel. Each life is one login; reconnects happen within.

    ``on_event`` gets each event, one at a time; while it waits, events wait in the session's own buffer. ``prepare`` is
    called with each new session before it enters its channel. ``backoff`` says when to try again to get in. ``session``
    is the latest one, None before the first.
    """

    def __init__(
        self,
        plan: SessionPlan,
        opener: SessionOpener,
        on_event: OnEvent,
        *,
        prepare: Prepare | None = None,
        backoff: Backoff = ENTER_BACKOFF,
    ) -> None:
        self.plan = plan
        self.session: LoginSession | None = None
        self.kicked = False
        """Over for good, since another login took the account."""
        self.banned = ""
        """Over for good, since a moderator banned the account: the gateway's words for it."""
        self._opener, self._on_event, self._prepare, self._backoff = opener, on_event, prepare, backoff
        self._put_out = 0
        self._joined_at, self._join_at = 0.0, math.inf
        self.spec = ChildSpec(
            name=plan.account,
            run=self.run,
            restart=Restart.TRANSIENT,
            stop_seconds=opener.stop_seconds,
            kind="session",
            detail=self.describe,
        )

    def describe(self) -> str:
        """The session's status and its channel in words, for the tree."""
        status = LoginStatus.INITIAL if self.session is None else self.session.status
        where = f" in {self.plan.channel}" if self.plan.channel is not None else ""
        return f"{status.name.lower()}{where}"

    async def run(self, lifetime: Lifetime) -> None:
        """One life: until stopped, or the session is over for good.

        A gateway that is not there, or lets nobody in now, is waited for, however long that takes. Raises
        ``LoginFailed`` when waiting is no use, and ``SessionEnded`` when another login may help.
        """
        try:
            async with AsyncExitStack() as stack:
                await self._serve(stack, lifetime)
        except (SessionEnded, LoginFailed) as error:
            if not self._is_over(error):
                raise
            note = _log.error if self.lost else _log.info
            note("session over, and not opened again", account=self.plan.account, reason=str(error))

    @property
    def lost(self) -> str:
        """Why the account is of no more use, although nobody here asked for that; empty while it is."""
        if self.kicked:
            return "its account logged in elsewhere"
        return f"its account is {self.banned}" if self.banned else ""

    def _is_over(self, error: SessionEnded | LoginFailed) -> bool:
        """Whether the session, which was open, is over for good, and nobody else's failure."""
        self.kicked = error.code is ErrorCode.LOGOUT_E_KICKED
        self.banned = error.reason if is_banned(error) else ""
        never_in = isinstance(error, LoginFailed) and self.session is None
        return error.code in _FINAL or (bool(self.banned) and not never_in)

    async def _serve(self, stack: AsyncExitStack, lifetime: Lifetime) -> None:
        account, channel = self.plan.account, self.plan.channel
        session = await self._insist(lambda: stack.enter_async_context(self._opener.open(account)))
        if self._prepare is not None:
            await self._prepare(session)
        if channel is not None:
            await self._insist(lambda: session.join(channel))
        self._joined_at, self._join_at = trio.current_time(), math.inf
        again, self.session = self.session is not None, session
        lifetime.started()
        with lifetime.work:
            if again:
                await self._on_event(EventsLost(cause="the session ended and was opened anew"), session)
            while True:  # until it is over: SessionEnded
                event = await self._next_event(session)
                await self._on_event(event, session)
                if isinstance(event, ChannelLeft) and event.code in _PUT_OUT and session.channel is None:
                    self._plan_return()

    async def _next_event(self, session: LoginSession) -> Event:
        """The next event; when it is time to join the channel again, that comes first."""
        while self._join_at < math.inf:
            with trio.move_on_at(self._join_at):
                return await session.receive_event()
            await self._join_again(session)
        return await session.receive_event()

    def _plan_return(self) -> None:
        """Put out of the channel: it is joined again, and the later the more often that happens."""
        now = trio.current_time()
        if now - self._joined_at >= STABLE_SECONDS:
            self._put_out = 0
        self._put_out += 1
        delay = self._backoff.delay(self._put_out, random.random())
        self._join_at = now + delay
        _log.warning("put out of the channel", **self._who(), join_in=round(delay, 1))

    async def _join_again(self, session: LoginSession) -> None:
        self._join_at = math.inf
        if self.plan.channel is None or session.channel is not None:
            return  # a handler has put it elsewhere
        try:
            await session.join(self.plan.channel)
        except JoinFailed as error:
            _log.warning("cannot get in", **self._who(), error=str(error))
            self._plan_return()
        else:
            self._joined_at = trio.current_time()

    async def _insist(self, enter: Callable[[], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            try:
                return await enter()
            except (LoginFailed, JoinFailed) as error:
                if error.code in _HOPELESS or is_banned(error):
                    raise
                attempt += 1
                delay = self._backoff.delay(attempt, random.random())
                _log.warning("cannot get in", **self._who(), error=str(error), retry_in=round(delay, 1))
            now = trio.current_time()
            await trio.sleep_until(self._opener.slots.take(now, now + delay))

    def _who(self) -> dict[str, str]:
        return {"account": self.plan.account, "channel": self.plan.channel or ""}


def is_banned(error: Exception) -> bool:
    """Whether the account is banned. A refusal with 202 for any other reason may pass with time."""
    if not isinstance(error, SignalingError):
        return False
    return error.code in (ErrorCode.LOGIN_E_FAILED, ErrorCode.LOGOUT_E_OTHER) and is_ban(error.reason)
