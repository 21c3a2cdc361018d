"""The entry: one ``Signal`` per app id."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from botkit.backoff import Slots
from botkit.errors import ErrorCode, LoginFailed
from botkit.signaling.core import SessionCore
from botkit.signaling.keeper import Keeper
from botkit.signaling.login import Credentials, TokenSource, check_account
from botkit.signaling.outgoing import OPEN, Gate
from botkit.signaling.retries import login_retries
from botkit.signaling.session import LoginSession
from botkit.signaling.settings import SignalSettings
from botkit.signaling.trace import AccountTrace, Trace
from botkit.signaling.turns import Turns
from botkit.transport.background import open_background
from botkit.transport.base import Connector
from botkit.transport.discovery import gateway_connector
from botkit.types import Account, AppId
from botkit.wire.limits import NO_TOKEN
from botkit.wire.states import LoginStatus


class Signal:
    """The vendor's ``Signal(appid)``: opens login sessions of one app at one gateway.

    Any number may live in a process, each with any number of sessions. ``gateway`` is its URL (``ws://`` or
    ``wss://``), or the URLs of one or more places that know where it is (``http://`` or ``https://``, the vendor's
    LBS: see ``botkit.transport.discovery``), or a ``Connector``. Nothing is sent until a session is opened. Raises
    ``ConfigError`` for what is no such URL.
    """

    def __init__(
        self, app_id: str, gateway: str | Sequence[str] | Connector, *, settings: SignalSettings | None = None
    ) -> None:
        self._app_id = AppId(app_id)
        self._settings = settings or SignalSettings()
        self._connector = (
            gateway
            if callable(gateway)
            else gateway_connector(gateway, self._app_id, connect_timeout=self._settings.connect_timeout)
        )
        self._trace = Trace()
        self._turns = Turns(self._settings.max_connecting)
        self._slots = Slots()
        self._cores: dict[Account, SessionCore] = {}
        self._latest: SessionCore | None = None

    @property
    def app_id(self) -> AppId:
        """The vendor's ``appid``."""
        return self._app_id

    @property
    def settings(self) -> SignalSettings:
        """What its sessions follow."""
        return self._settings

    @property
    def slots(self) -> Slots:
        """When its sessions connect again. Others who come back to this gateway take their moments here, too."""
        return self._slots

    @property
    def status(self) -> LoginStatus:
        """The vendor's ``getStatus``: that of the session which was opened last."""
        return self._latest.status if self._latest is not None else LoginStatus.INITIAL

    def set_log(self, enabled: bool) -> None:
        """Log every frame of every session at DEBUG, or stop (``setDoLog``). Tokens and lines are left out."""
        self._trace.enabled = enabled

    @asynccontextmanager
    async def open_session(
        self,
        account: str,
        token: TokenSource = NO_TOKEN,
        *,
        retry_seconds: float | None = None,
        retry_count: int | None = None,
        gate: Gate = OPEN,
    ) -> AsyncIterator[LoginSession]:
        """Log in for the body, and log out after it (``login``, ``login2``, ``logout``).

        ``account`` is 1 to 128 bytes of visible characters without a blank. ``token`` is a SignalingToken, or a
        function, plain or async, that makes a fresh one for each login; an app without a certificate needs none.
        A connection that is lost comes back by itself (``Reconnecting``, ``Reconnected``); the body goes on until
        it ends, even when the session is over before it (``LoggedOut``).

        A login that does not reach the gateway fails at once. With ``retry_seconds`` (``login2``'s ``retry_time_in_s``:
        30 there) or ``retry_count`` (3 there) it is tried again, after the pauses of ``settings.reconnect``, until
        the first of the limits that are given: so many seconds after the start, or so many further attempts. A login
        that the gateway refuses is not tried again.

        ``gate`` is what its effects pass, a dry run for example; without one they go straight to the gateway.

        Raises ``ParameterError`` for limits that cannot be, and ``LoginFailed``: 201 when the gateway cannot be
        reached, 204 and 206 for the token, 207 for a kicked account, 208 when this ``Signal`` has a session of the
        account, 209 for what can be no account, else 202. A cancel while logging in leaves nothing behind; later it
        logs out like the end of the body, in at most ``logout_timeout`` (2 s).
        """
        check_account(account)
        retries = login_retries(retry_seconds, retry_count)
        core = self._new_core(Account(account), gate)
        credentials = Credentials(self._app_id, core.account, token)
        trace = AccountTrace(self._trace, core.account)
        keeper = Keeper(
            core, self._connector, credentials, trace, retries=retries, turns=self._turns, slots=self._slots
        )
        scope = trio.CancelScope()
        try:
            async with open_background() as nursery:
                await nursery.start(keeper.run, scope)
                session = LoginSession(core, scope)
                try:
                    yield session
                finally:
                    with trio.move_on_after(self._settings.logout_timeout, shield=True):
                        await session.aclose()
                        await keeper.finished.wait()
                    scope.cancel()
        finally:
            core.outgoing.end()
            if self._cores.get(core.account) is core:
                del self._cores[core.account]

    def _new_core(self, account: Account, gate: Gate) -> SessionCore:
        present = self._cores.get(account)
        if present is not None and present.ended is None:
            raise LoginFailed(ErrorCode.LOGIN_E_ALREADY_LOGIN, f"{account} is logged in; this login is ignored")
        core = self._latest = self._cores[account] = SessionCore(account, self._settings, gate)
        return core
