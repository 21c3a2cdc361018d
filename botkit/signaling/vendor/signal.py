"""``Signal``: the entry of the vendor's API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import trio

from botkit.errors import ErrorCode, LoginFailed
from botkit.signaling.retries import login_retries
from botkit.signaling.settings import SignalSettings
from botkit.signaling.signal import Signal as ClientSignal
from botkit.signaling.vendor.callback_queue import CallbackResult
from botkit.signaling.vendor.desk import Desk
from botkit.signaling.vendor.events import EventTeller
from botkit.signaling.vendor.session import (
    CallCallback,
    ChannelCallback,
    LoginCallback,
    LoginSession,
    UserAttrCallback,
)
from botkit.signaling.vendor.tables import Calls, Channels
from botkit.transport.base import Connector
from botkit.wire.states import LoginStatus

LOCAL_GATEWAY = "ws://127.0.0.1:8001/"
"""Where a gateway listens unless it is told otherwise: the vendor's own service ended in 2020."""


class _Entry:
    """What a ``Signal`` keeps of one session."""

    def __init__(self, account: str, cb: LoginCallback, nursery: trio.Nursery) -> None:
        def report(code: int, reason: str) -> CallbackResult:
            return cb.onError(self.session, code, reason)

        channels, calls = Channels[ChannelCallback](), Calls[CallCallback]()
        self.cb = cb
        self.desk = Desk(nursery, account, report)
        self.session = LoginSession(account, cb, self.desk, channels, calls)
        self.teller = EventTeller(self.session, cb, self.desk, channels, calls)


class Signal:
    """Sessions of one app. ``Signal(appid)`` sends nothing; ``open_signal`` gives one that can log in."""

    def __init__(
        self,
        appid: str,
        *,
        gateway: str | Sequence[str] | Connector = LOCAL_GATEWAY,
        settings: SignalSettings | None = None,
    ) -> None:
        # What the special channels carry stays a message, as the vendor's SDKs hand it on.
        settings = msgspec.structs.replace(settings or SignalSettings(), feed_events=False)
        self._client = ClientSignal(appid, gateway, settings=settings)
        self._nursery: trio.Nursery | None = None
        self._entries: dict[str, _Entry] = {}
        self._latest: _Entry | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Signal"]:
        """Let sessions live for the body; after it they are logged out and their last callbacks have run.

        That takes as long as the callbacks need; a cancel, or an exception from the body, ends all of it, with
        logging out still tried for ``logout_timeout`` (2 s).
        """
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                yield self
                for entry in list(self._entries.values()):
                    if entry.desk.active:
                        entry.session.logout()
            finally:
                self._nursery = None

    def setDoLog(self, doLog: bool) -> None:
        """Log every frame at DEBUG, or stop; tokens are left out. At any time."""
        self._client.set_log(doLog)

    def login(self, account: str, token: str, cb: LoginCallback) -> LoginSession:
        """Log ``account`` in: ``onLoginSuccess`` or ``onLoginFailed``.

        ``account`` is 1 to 128 bytes of visible characters without a blank. While it is logged in here the call is
        ignored: the session that is there comes back, and ``cb`` gets ``onLoginFailed`` with 208. After ``logout``
        it can log in again at once.
        """
        return self._log_in(account, token, cb)

    def login2(
        self, account: str, token: str, retry_time_in_s: float, retry_count: int, cb: LoginCallback
    ) -> LoginSession:
        """``login`` that tries again while the gateway cannot be reached, up to the first of the two limits
        (of the vendor's other SDKs: 30 s, 3 times). Raises ``ParameterError`` for limits that cannot be.
        """
        login_retries(retry_time_in_s, retry_count)
        return self._log_in(account, token, cb, retry_time_in_s, retry_count)

    def userSetAttr(self, name: str, value: str, cb: UserAttrCallback) -> None:
        """Set an attribute of the account that logged in last: see ``LoginSession.userSetAttr``."""
        self._speaker().userSetAttr(name, value, cb)

    def userGetAttr(self, account: str, name: str, cb: UserAttrCallback) -> None:
        """Read an attribute of any account: see ``LoginSession.userGetAttr``."""
        self._speaker().userGetAttr(account, name, cb)

    def userGetAttrAll(self, account: str, cb: UserAttrCallback) -> None:
        """Read all attributes of any account: see ``LoginSession.userGetAttrAll``."""
        self._speaker().userGetAttrAll(account, cb)

    def channelQueryUserNum(self, name: str, cb: UserAttrCallback | ChannelCallback) -> None:
        """How many members a channel has: see ``LoginSession.channelQueryUserNum``."""
        self._speaker().channelQueryUserNum(name, cb)

    def getStatus(self) -> int:
        """Of the session that was started last: 0 logged out, 1 logging in, 2 logged in, 3 failed; 4 before any."""
        return int(self._latest.desk.status if self._latest is not None else LoginStatus.INITIAL)

    set_do_log = setDoLog
    user_set_attr = userSetAttr
    user_get_attr = userGetAttr
    user_get_attr_all = userGetAttrAll
    channel_query_user_num = channelQueryUserNum
    get_status = getStatus

    def _log_in(
        self,
        account: str,
        token: str,
        cb: LoginCallback,
        seconds: float | None = None,
        count: int | None = None,
    ) -> LoginSession:
        nursery = self._running()
        before = self._entries.get(account)
        if before is not None and before.desk.active:
            session, code = before.session, int(ErrorCode.LOGIN_E_ALREADY_LOGIN)
            nursery.start_soon(before.desk.tell, lambda: cb.onLoginFailed(session, code))
            return session
        entry = self._latest = self._entries[account] = _Entry(account, cb, nursery)
        nursery.start_soon(self._live, entry, before, token, seconds, count)
        return entry.session

    async def _live(
        self, entry: _Entry, before: _Entry | None, token: str, seconds: float | None, count: int | None
    ) -> None:
        """One session, from its login to its last event."""
        desk, session = entry.desk, entry.session
        failure = ErrorCode.LOGIN_E_CANCEL
        try:
            with desk.login_scope:
                if before is not None:
                    await before.desk.over.wait()
                opening = self._client.open_session(session.account, token, retry_seconds=seconds, retry_count=count)
                async with opening as client:
                    if not desk.login_scope.cancel_called:  # else ``logout`` came with the answer, and counts
                        desk.client = client
                        async for event in client.events():
                            await entry.teller.tell(event, client)
        except LoginFailed as error:
            failure = error.code
        finally:
            desk.login_status = LoginStatus.LOGIN_FAILED
            desk.over.set()
            if self._entries.get(session.account) is entry:
                del self._entries[session.account]
        if desk.client is None:
            await desk.tell(lambda: entry.cb.onLoginFailed(session, int(failure)))

    def _running(self) -> trio.Nursery:
        if self._nursery is None:
            raise RuntimeError("this Signal is not open: async with open_signal(appid, gateway) as signal")
        return self._nursery

    def _speaker(self) -> LoginSession:
        """The session that asks: the latest that is logged in, else the latest, else nobody, who gets 1003."""
        nursery = self._running()
        ready = [entry for entry in self._entries.values() if entry.desk.status is LoginStatus.LOGGED_IN]
        entry = ready[-1] if ready else self._latest or _Entry("", LoginCallback(), nursery)
        return entry.session


@asynccontextmanager
async def open_signal(
    appid: str, gateway: str | Sequence[str] | Connector = LOCAL_GATEWAY, *, settings: SignalSettings | None = None
) -> AsyncIterator[Signal]:
    """A ``Signal`` whose sessions live in the body; see ``Signal.running``.

    ``gateway`` is what ``botkit.signaling.Signal`` takes: the gateway's URL, or URLs of those who know it, or a
    ``Connector``. Raises ``ConfigError`` for what is none.
    """
    async with Signal(appid, gateway=gateway, settings=settings).running() as signal:
        yield signal
