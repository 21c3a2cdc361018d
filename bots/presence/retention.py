"""How long the past is kept: what is too old or too much goes, once an hour."""

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from bots.presence.progress import Progress
from bots.presence.settings import PresenceSettings
from bots.presence.store import PresenceStore

EVERY_SECONDS = 3_600.0

_log: FilteringBoundLogger = structlog.get_logger("botkit.presence")


class Retention:
    """Bounds the database. ``run`` is its task."""

    def __init__(self, store: PresenceStore, settings: PresenceSettings, progress: Progress) -> None:
        self._store, self._progress = store, progress
        self._keep_ms, self._keep_records = int(settings.keep_days * 86_400_000), settings.keep_records

    async def run(self) -> None:
        """Forget what is past its time, until cancelled. Raises ``StoreError``."""
        while True:
            if self._progress.known_ms:
                forgotten = await self._store.forget(self._progress.known_ms - self._keep_ms, self._keep_records)
                if forgotten:
                    _log.info("records were forgotten", records=forgotten)
            await trio.sleep(EVERY_SECONDS)
