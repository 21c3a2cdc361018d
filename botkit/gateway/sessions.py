"""The sessions of one app: by account, by line, in the store."""

from collections.abc import Callable, Iterable

import trio

from botkit.clock import WallClock
from botkit.gateway.journal import Journal
from botkit.gateway.session import Session
from botkit.gateway.timers import Timers
from botkit.stores.changes import SessionClosed, SessionMoved, SessionOpened
from botkit.types import Account, AppId, Line
from botkit.wire.limits import RESUME_SECONDS


class Sessions:
    """One session by account. The store knows them all, so that those that are resumable survive a restart, and the
    others' ends are told after it. ``expired`` is called with a session whose token ran out."""

    def __init__(
        self, app: AppId, *, journal: Journal, timers: Timers, clock: WallClock, expired: Callable[[Session], None]
    ) -> None:
        self._app, self._journal, self._timers, self._clock = app, journal, timers, clock
        self._expired = expired
        self._by_account: dict[Account, Session] = {}
        self._by_line: dict[Line, Session] = {}
        self._replaced: dict[Line, float] = {}

    def __len__(self) -> int:
        return len(self._by_account)

    def get(self, account: Account) -> Session | None:
        """The session of an account that is online."""
        return self._by_account.get(account)

    def by_line(self, line: str) -> Session | None:
        """The session with this secret name."""
        return self._by_line.get(Line(line))

    def replaced(self, session: Session) -> None:
        """The account logged in elsewhere: who comes back to this session is told so, for as long as one may."""
        self._replaced[session.line] = trio.current_time() + RESUME_SECONDS

    def was_replaced(self, line: str) -> bool:
        """Whether the session ``line`` lost its account to another login a short time ago."""
        return Line(line) in self._replaced

    def tidy(self, now: float) -> None:
        """Forget the replaced sessions that nobody comes back to any more."""
        self._replaced = {line: until for line, until in self._replaced.items() if until > now}

    def accounts(self) -> Iterable[Account]:
        """The accounts that have a session."""
        return self._by_account.keys()

    def open(self, session: Session, expires: int | None, proof: str) -> None:
        """A login: ``expires`` is when its token runs out, in seconds since 1970; ``proof`` goes into the store."""
        self._journal.append(
            SessionOpened(
                app=self._app,
                account=session.account,
                line=session.line,
                server=session.server,
                resumable=session.resumable,
                expires_ms=(expires or 0) * 1000,
                proof=proof,
            )
        )
        self.restore(session, (expires or 0) * 1000)

    def restore(self, session: Session, expires_ms: int) -> None:
        """Take over a session that the store knows; it ends at ``expires_ms``, if that is not 0."""
        self._by_account[session.account] = session
        self._by_line[session.line] = session
        if expires_ms:
            remaining = max(0.0, expires_ms / 1000 - self._clock.seconds())
            session.expiry = self._timers.after(remaining, lambda: self._expired(session))

    def moved(self, session: Session) -> None:
        """The session is in another channel now, or in none."""
        change = SessionMoved(app=self._app, account=session.account, channel=session.channel or "")
        self._journal.append(change)

    def close(self, session: Session) -> bool:
        """Forget a session and its timers; False when it was forgotten before."""
        if self._by_account.get(session.account) is not session:
            return False
        del self._by_account[session.account]
        del self._by_line[session.line]
        session.stop_timers()
        self._journal.append(SessionClosed(app=self._app, account=session.account), promise=False)
        return True
