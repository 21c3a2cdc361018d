"""Questions that only a server account gets an answer to, asked with patience."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.backoff import Backoff
from botkit.errors import RequestFailed
from botkit.signaling import LoginSession
from botkit.wire.states import LoginStatus

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

T = TypeVar("T")

ATTEMPTS = 4
PAUSES = Backoff(initial=0.5, maximum=4.0)


class Asking:
    """Asks one kind of question. That there is no answer is logged once, with ``consequence``, until there is one.

    After a refusal each further question is asked once only: a gateway without an answer now will hardly have one soon.
    """

    def __init__(self, what: str, consequence: str) -> None:
        self._what, self._consequence = what, consequence
        self._refused = False

    async def ask(self, session: LoginSession, question: Callable[[], Awaitable[T]]) -> T:
        """The answer. While the gateway is there and gives none it is asked again, up to four times in all.

        Raises ``RequestFailed``: when ``session`` is still logged in then, the gateway has no answer; otherwise the
        connection is lost, and ``Reconnected`` is the time to ask again. Raises ``SessionEnded``. Safe to cancel.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await question()
            except RequestFailed as error:
                connected = session.status is LoginStatus.LOGGED_IN
                if connected and (self._refused or attempt >= ATTEMPTS):
                    self._complain(session, error)
                if not connected or self._refused or attempt >= ATTEMPTS:
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
