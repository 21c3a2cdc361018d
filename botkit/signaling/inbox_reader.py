"""Fetches the session's inbox and hands out what is in it: instant messages and messages about calls."""

from collections.abc import Callable

import structlog
from structlog.typing import FilteringBoundLogger

from botkit.events import Event, InstantMessage
from botkit.signaling.calls import Calls
from botkit.signaling.connection import Connection
from botkit.signaling.inbox import Inbox
from botkit.signaling.statistics import Counters
from botkit.types import Account, Uid
from botkit.wire.frames import InboxNotice
from botkit.wire.messages import CALL_KINDS, INSTANT, call_content, parse_line
from botkit.wire.replies import Failure, Messages
from botkit.wire.requests import GetMessages, uid_of

_log: FilteringBoundLogger = structlog.get_logger("botkit.signaling")


class InboxReader:
    """Drains the inbox whenever the gateway says that there is something, one page after the other."""

    def __init__(self, calls: Calls, emit: Callable[[Event], None], counters: Counters) -> None:
        self._calls = calls
        self._emit = emit
        self._counters = counters
        self._inbox = Inbox()
        self._connection: Connection | None = None

    def start(self, connection: Connection) -> None:
        """A fresh login: fetch what has waited."""
        self._connection = connection
        self._fetch(self._inbox.restart())

    def resume(self, connection: Connection) -> None:
        """The session goes on: fetch what is new."""
        self._connection = connection
        self._fetch(self._inbox.resume())

    @property
    def last(self) -> int:
        """The newest version that was seen."""
        return self._inbox.last

    def on_notice(self, notice: InboxNotice) -> None:
        """The gateway announces messages."""
        self._fetch(self._inbox.announced(notice.version))

    def _fetch(self, request: GetMessages | None) -> None:
        if request is not None and self._connection is not None:
            self._connection.post(request, Messages, self._on_page)

    def _on_page(self, page: Messages | Failure | None) -> None:
        if page is None:
            return  # the connection is lost, and the next one begins anew
        if isinstance(page, Failure):
            self._inbox.fetch_failed()
            _log.warning("the gateway refuses to hand out the inbox", reason=page.reason, code=page.code)
            return
        for version, line in page.msgs:
            # Counts as seen before it is read: a line that cannot be read costs one connection, not every one.
            if self._inbox.is_new(version, line):
                self._deliver(line)
            else:
                self._counters.messages_repeated += 1
        self._fetch(self._inbox.fetched(page))

    def _deliver(self, text: str) -> None:
        line = parse_line(text)
        if line.kind == INSTANT:
            account, uid = Account(line.source), Uid(uid_of(line.flag))
            self._emit(InstantMessage(account=account, uid=uid, text=line.content, ms=line.ms))
        elif line.kind in CALL_KINDS:
            self._calls.on_message(line.kind, call_content(line), line.ms)
        else:
            self._counters.notices_ignored += 1
            _log.warning("an inbox message of an unknown kind", kind=line.kind, source=line.source)
