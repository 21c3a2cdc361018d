"""What becomes of each event: left out, or told to the log, the ledger and the snapshot that may be under way."""

import time
from collections.abc import Callable
from fnmatch import fnmatchcase

from structlog.typing import FilteringBoundLogger

from botkit import LoginSession
from bots.presence.ledger import Ledger
from bots.presence.settings import PresenceSettings
from bots.presence.snapshots import Snapshots
from bots.presence.spans import Moment


class Recorder:
    """Records what ``settings`` do not leave out; ``is_service`` says which accounts are botkit's own.

    The methods raise ``StoreError`` or ``OSError``; a cancel leaves a change that may not be written.
    """

    def __init__(self, settings: PresenceSettings, ledger: Ledger, is_service: Callable[[str], bool]) -> None:
        self._settings, self._ledger, self._is_service = settings, ledger, is_service
        self._snapshots = Snapshots(ledger, self._is_ignored)

    async def begin(self, moment: Moment, log: FilteringBoundLogger) -> None:
        """A login or a join."""
        self._snapshots.hear(moment)
        if self._is_ignored(moment.account):
            return
        if self._settings.log_events:
            log.info("joined" if moment.channel else "online", who=moment.account)
        await self._ledger.begin(moment)

    async def end(self, moment: Moment, log: FilteringBoundLogger) -> None:
        """A logout or a leave."""
        self._snapshots.hear(moment)
        if self._is_ignored(moment.account):
            return
        if self._settings.log_events:
            log.info("left" if moment.channel else "offline", who=moment.account, reason=moment.reason)
        await self._ledger.end(moment)

    async def lose(self, cause: str, count: int | None, log: FilteringBoundLogger) -> None:
        """Events are missing: what is open is uncertain from now on, and a snapshot has to say who is there."""
        self._snapshots.want()
        spans = await self._ledger.lose(now_ms(), cause, count)
        log.warning("presence is uncertain", cause=cause, missing=count, spans=spans)

    async def look(self, session: LoginSession, log: FilteringBoundLogger) -> None:
        """A snapshot, if one is wanted."""
        await self._snapshots.take_if_wanted(session, log)

    def _is_ignored(self, account: str) -> bool:
        return self._is_service(account) or any(fnmatchcase(account, one) for one in self._settings.ignore)


def now_ms() -> int:
    """Our own time, in milliseconds since 1970."""
    return int(time.time() * 1000)
