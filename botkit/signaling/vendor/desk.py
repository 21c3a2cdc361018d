"""What a vendor session, its channels and its calls share: acts out, callbacks back, failures told."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from botkit.errors import ErrorCode, RequestFailed, SessionEnded, SignalingError
from botkit.signaling.session import LoginSession as Client
from botkit.signaling.vendor.acts import Acts
from botkit.signaling.vendor.callback_queue import Callback, CallbackQueue, CallbackResult
from botkit.wire.states import LoginStatus

Verb: TypeAlias = Callable[[Client], Awaitable[None]]
"""Does something with the session's client."""

OnFailure: TypeAlias = Callable[[ErrorCode, SignalingError], Awaitable[None]]
"""Calls back what the page names for a failure: its code, and all that is known."""

Report: TypeAlias = Callable[[int, str], CallbackResult]
"""The session's ``onError``: code, reason."""

GENERAL = frozenset({ErrorCode.GENERAL_E_NOT_LOGIN, ErrorCode.GENERAL_E_WRONG_PARAM, ErrorCode.GENERAL_E_LARGE_PARAM})
"""Mistakes in the call itself: ``onError`` tells them with their words, whatever else is told."""


class Desk:
    """One session's place of work.

    ``client`` is there once it is logged in, and stays when it is over. ``leaving`` says that it was told to end.
    """

    def __init__(self, nursery: trio.Nursery, account: str, report: Report) -> None:
        self.callbacks = CallbackQueue(nursery, account)
        self.client: Client | None = None
        self.login_status = LoginStatus.CONNECTING
        self.login_scope = trio.CancelScope()
        self.leaving = False
        self.over = trio.Event()
        self._acts = Acts(nursery)
        self._report = report

    @property
    def status(self) -> LoginStatus:
        """Where the login is."""
        return self.client.status if self.client is not None else self.login_status

    @property
    def active(self) -> bool:
        """True while it logs in or is logged in, and is to stay so."""
        return not self.leaving and self.status in {LoginStatus.CONNECTING, LoginStatus.LOGGED_IN}

    async def tell(self, callback: Callback) -> None:
        """Have ``callback`` run after all before it."""
        await self.callbacks.put(callback)

    def do(
        self,
        verb: Verb,
        *,
        failed: OnFailure | None = None,
        code: ErrorCode = ErrorCode.GENERAL_E_FAILED,
        alone: bool = False,
    ) -> None:
        """Start ``verb``. Its failure is told by ``failed``, with a code of the range of ``code``, else by ``onError``.

        ``alone`` has the calls after it wait until it is done. Raises ``RequestFailed`` with 4096 calls under way.
        """

        async def run() -> None:
            try:
                if self.client is None:
                    raise RequestFailed(ErrorCode.GENERAL_E_NOT_LOGIN, "not logged in")
                await verb(self.client)
            except SignalingError as error:
                await self._tell_failure(_as_told(error), failed, code)

        self._acts.start(run, alone=alone)

    async def _tell_failure(self, error: SignalingError, failed: OnFailure | None, code: ErrorCode) -> None:
        if failed is not None:
            own = error.code if error.code // 100 == code // 100 else code
            await failed(own, error)
        if failed is None or error.code in GENERAL:
            await self.tell(lambda: self._report(int(error.code), error.reason or error.code.text))


def _as_told(error: SignalingError) -> SignalingError:
    """The end of the session is no news of this call: to it nobody is logged in."""
    if isinstance(error, SessionEnded):
        return RequestFailed(ErrorCode.GENERAL_E_NOT_LOGIN, f"not logged in any more: {error}")
    return error
