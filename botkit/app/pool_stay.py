"""One session of a pool in its channel, from the first login to the last goodbye."""

import math
import random
from collections.abc import Callable

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.actor.child import Lifetime
from botkit.actor.tree import TreeNode, error_line
from botkit.app.placement import SessionPlan
from botkit.app.sessions import STABLE_SECONDS, OnEvent, SessionChild, SessionOpener
from botkit.backoff import Backoff
from botkit.errors import ErrorCode, LoginFailed, SessionEnded, SignalingError
from botkit.signaling import LoginSession
from botkit.types import Account, ChannelName

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

POOL_BACKOFF = Backoff(initial=1.0, maximum=120.0)
"""For what does not let the session in: one of hundreds may wait longer than a bot's only one."""

ARRIVE_SECONDS = 10.0
"""How long a session may take to get in before it counts as one that is missing."""

_TAKEN = frozenset({ErrorCode.LOGIN_E_TOKEN_KICKED, ErrorCode.LOGIN_E_ALREADY_LOGIN})


class Stay:
    """Keeps a session of ``account`` in ``channel`` until it is time to leave. ``on_failure`` is told of other ends."""

    def __init__(
        self,
        account: Account,
        channel: ChannelName,
        opener: SessionOpener,
        on_event: OnEvent,
        *,
        on_failure: Callable[[], None],
    ) -> None:
        self.account, self.channel = account, channel
        self.account_taken = False
        """The account logged in elsewhere, which is not fought, or is banned: it is of no more use."""
        self.restarts = 0
        plan = SessionPlan(account=account, channel=channel)
        self._child = SessionChild(plan, opener, on_event, backoff=POOL_BACKOFF)
        self._scope = trio.CancelScope()
        self._attempt = 0
        self._on_failure = on_failure
        self._last_error: Exception | None = None
        self._began: float | None = None  # since when it is in; None while it is not
        self._made = trio.current_time()
        self._logged_out = False

    @property
    def session(self) -> LoginSession | None:
        """The latest session, None before the first."""
        return self._child.session

    @property
    def expected(self) -> bool:
        """Whether it should be in: a channel that has just appeared is given time, and a handler may log it out."""
        arrives = self.session is None and trio.current_time() - self._made < ARRIVE_SECONDS
        return not (arrives or self._logged_out)

    def node(self) -> TreeNode:
        """The session, for the tree."""
        now = trio.current_time()
        return TreeNode(
            kind="session",
            name=self.account,
            state="starting" if self._began is None else "running",
            detail=self._child.describe(),
            uptime=None if self._began is None else now - self._began,
            restarts=self.restarts,
            last_error=error_line(self._last_error),
        )

    def leave_at(self, deadline: float) -> None:
        """Log out at this time, unless ``go_on`` is called before."""
        self._scope.deadline = min(self._scope.deadline, deadline)

    def go_on(self) -> None:
        """Stay: somebody is in the channel again."""
        self._scope.deadline = math.inf

    async def run(self) -> None:
        """Until it is time to leave, or the account is taken; then the session has logged out."""
        with self._scope:
            while not self.account_taken:
                await self._live()

    async def _live(self) -> None:
        """One life of the session, and the pause after it."""
        began = trio.current_time()
        try:
            await self._child.run(Lifetime(self._note_start))
        except (LoginFailed, SessionEnded) as error:
            self._note_failure(error)
            self.account_taken = error.code in _TAKEN or bool(self._child.lost)
            if not self.account_taken:
                await self._pause(began, error)
        else:
            self.account_taken = bool(self._child.lost)
            if self.account_taken:
                self._on_failure()
            if not self.account_taken:  # a handler has logged it out: so it is, until it is time to leave
                self._logged_out = True
                await trio.sleep_forever()

    def _note_start(self) -> None:
        self._began = trio.current_time()

    def _note_failure(self, error: SignalingError) -> None:
        self._began, self._last_error = None, error
        self._on_failure()

    async def _pause(self, began: float, error: SignalingError) -> None:
        if trio.current_time() - began >= STABLE_SECONDS:
            self._attempt = 0
        self._attempt += 1
        self.restarts += 1
        delay = POOL_BACKOFF.delay(self._attempt, random.random())
        _log.warning(
            "a pool's session ended",
            account=self.account,
            channel=self.channel,
            error=str(error),
            again_in=round(delay, 1),
        )
        await trio.sleep(delay)
