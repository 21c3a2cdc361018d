"""Questions that only a server account gets an answer to, asked with patience."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.backoff import Backoff
from botkit.errors import ErrorCode, RequestFailed
from botkit.signaling import LoginSession
from botkit.wire.states import LoginStatus

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

T = TypeVar("T")

REFUSALS = 4
PATIENCE = 60.0
PAUSES = Backoff(initial=0.5, maximum=4.0)


class Asking:
    """Asks one kind of question. That there is no answer is logged once, with ``consequence``, until there is one.

    After a refusal each further question is asked once only: a gateway without an answer now will hardly have one soon.
    """

    def __init__(self, what: str, consequence: str) -> None:
        self._what, self._consequence = what, consequence
        self._refused = False

    async def ask(self, session: LoginSession, question: Callable[[], Awaitable[T]]) -> T:
        """The answer. While the connection holds it is asked for again: after a refusal up to four times, for a minute
        if there is no answer at all.

        Raises ``RequestFailed``: when ``session`` is still logged in then, the gateway has no answer; otherwise the
        connection is lost, and ``Reconnected`` is the time to ask again. Raises ``SessionEnded``. Safe to cancel.
        """
        began, attempt, refusals = trio.current_time(), 0, 0
        while True:
            attempt += 1
            try:
                answer = await question()
            except RequestFailed as error:
                refusals += error.code is not ErrorCode.GENERAL_E_UNKNOWN
                if session.status is not LoginStatus.LOGGED_IN:
                    raise
                if self._refused or refusals >= REFUSALS or trio.current_time() - began >= PATIENCE:
                    self._complain(session, error)
                    raise
            else:
                self._refused = False
                return answer
            await trio.sleep(PAUSES.delay(attempt, random.random()))

    def _complain(self, session: LoginSession, error: RequestFailed) -> None:
        if not self._refused:
            self._refused = True
            hint = f"has {session.account} the gateway's server role?"
            _log.error(f"no {self._what}: {self._consequence}", account=session.account, error=str(error), hint=hint)
