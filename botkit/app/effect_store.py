"""The effect log in a store: what bots did, why, and what the gateway said, for ``botkit trace``.

Effects are written behind the bots' backs, a second's at a time; a process that is killed loses the last second. Of
what people and bots wrote only that is kept which ``effects.text`` allows.
"""

import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import islice

import structlog
import trio
from structlog.typing import FilteringBoundLogger

from botkit.app.effect_log import EffectRecord
from botkit.errors import StoreError
from botkit.events import Event
from botkit.observability.metrics import Meters
from botkit.observability.texts import TextPolicy, show_text
from botkit.stores.sqlite import Database, SqlValue, open_database

EFFECTS_KEPT = 100_000
"""The latest effects, which are kept in a store."""

WRITE_SECONDS = 1.0
LAST_WRITE_SECONDS = 2.0
"""How long writing what is left may take when the bots have stopped."""

MOST_WAITING = 10_000
"""Effects that wait to be written; further ones are counted, and not kept."""

_BATCH = 500

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS bot_effects (
        id         INTEGER PRIMARY KEY,   -- in the order in which they were written
        run        TEXT NOT NULL,         -- the process; ids are unique within one
        effect     TEXT NOT NULL,         -- x-4n
        ms         INTEGER NOT NULL,      -- milliseconds since 1970
        app        TEXT NOT NULL,
        bot        TEXT NOT NULL,
        account    TEXT NOT NULL,         -- whose session did it
        verb       TEXT NOT NULL,         -- send_to_channel, mute, …
        target     TEXT NOT NULL,
        channel    TEXT NOT NULL,         -- where; empty for nowhere
        words      TEXT NOT NULL,         -- what it said, as effects.text has it
        message_id INTEGER NOT NULL,      -- the channel's number of a message; 0: not known
        fate       TEXT NOT NULL,         -- done, dry, failed, unanswered, cancelled; empty: not known
        code       INTEGER NOT NULL,
        reason     TEXT NOT NULL,
        ended_ms   INTEGER NOT NULL,
        handler    TEXT NOT NULL,         -- h-4m: the call of the handler; empty: no handler did it
        function   TEXT NOT NULL,
        file       TEXT NOT NULL,
        line       INTEGER NOT NULL,
        event      TEXT NOT NULL,         -- e-4k
        event_type TEXT NOT NULL,         -- ChannelMessage, …, beat
        event_from TEXT NOT NULL,         -- the account that it is about
        event_channel    TEXT NOT NULL,
        event_message_id INTEGER NOT NULL,
        event_ms   INTEGER NOT NULL,
        event_words      TEXT NOT NULL,
        UNIQUE (run, effect))""",
    "CREATE INDEX IF NOT EXISTS bot_effects_by_message ON bot_effects (channel, message_id)",
)

_COLUMNS = (
    *("run", "effect", "ms", "app", "bot", "account", "verb", "target", "channel", "words"),
    *("message_id", "fate", "code", "reason", "ended_ms"),
    *("handler", "function", "file", "line"),
    *("event", "event_type", "event_from", "event_channel", "event_message_id", "event_ms", "event_words"),
)
_LATER = ("message_id", "fate", "code", "reason", "ended_ms")

_PUT = (
    f"INSERT INTO bot_effects ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
    f" ON CONFLICT (run, effect) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _LATER)}"
)
_TRIM = "DELETE FROM bot_effects WHERE id <= (SELECT max(id) FROM bot_effects) - ?"


class EffectStore:
    """Writes effects down. Made by :func:`open_effect_store`; any number of apps may use it."""

    def __init__(self, database: Database, meters: Meters, *, texts: TextPolicy, keep: int) -> None:
        self._database, self._texts, self._keep = database, texts, keep
        self._run = f"{int(time.time()):x}-{secrets.token_hex(2)}"
        self._waiting: dict[int, EffectRecord] = {}
        self._dropped = meters.counter("effects_not_kept", "Effects that were not written to the store")

    def put(self, record: EffectRecord) -> None:
        """See ``EffectSink.put``."""
        if record.number not in self._waiting and len(self._waiting) >= MOST_WAITING:
            self._dropped.add()
            return
        self._waiting[record.number] = record

    async def run(self) -> None:
        """Write what comes, each second, until cancelled; then what is left."""
        try:
            while True:
                await trio.sleep(WRITE_SECONDS)
                await self._write_all()
        finally:
            with trio.move_on_after(LAST_WRITE_SECONDS, shield=True):
                await self._write_all()

    async def _write_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.pop(number) for number in list(islice(self._waiting, _BATCH))]
            try:
                await self._database.write([*((_PUT, self._row(one)) for one in batch), (_TRIM, (self._keep,))])
            except StoreError as error:
                self._dropped.add(len(batch))
                _log.error("effects are not kept", error=str(error), effects=len(batch))

    def _row(self, record: EffectRecord) -> dict[str, SqlValue]:
        effect, outcome = record.effect, record.outcome
        return {
            "run": self._run,
            "effect": record.id,
            "ms": record.ms,
            "app": record.app_id,
            "bot": record.bot,
            "account": record.account,
            "verb": effect.verb,
            "target": effect.target,
            "channel": effect.where,
            "words": show_text(effect.words, self._texts),
            "message_id": record.message_id,
            "fate": "" if outcome is None else outcome.fate,
            "code": 0 if outcome is None else outcome.code,
            "reason": "" if outcome is None else outcome.reason,
            "ended_ms": record.ended_ms,
            **self._reason(record),
        }

    def _reason(self, record: EffectRecord) -> dict[str, SqlValue]:
        cause = record.cause
        event = None if cause is None else cause.event
        return {
            "handler": "" if cause is None else cause.handler_id,
            "function": "" if cause is None else cause.place.name,
            "file": "" if cause is None else cause.place.file,
            "line": 0 if cause is None else cause.place.line,
            "event": "" if cause is None else cause.event_id,
            "event_type": "" if cause is None else "beat" if event is None else type(event).__name__,
            "event_from": _text_of(event, "account", "peer"),
            "event_channel": _text_of(event, "channel"),
            "event_message_id": _number_of(event, "message_id"),
            "event_ms": _number_of(event, "ms"),
            "event_words": show_text(_text_of(event, "text", "extra", "cause"), self._texts),
        }


@asynccontextmanager
async def open_effect_store(
    url: str, meters: Meters, *, texts: TextPolicy = "hash", keep: int = EFFECTS_KEPT
) -> AsyncIterator[EffectStore]:
    """The effect log at ``url`` (``sqlite:///…``), written while the block runs, and once more at its end.

    It may share its file with a gateway's store. Of effects the latest ``keep`` stay. Raises ``ConfigError`` and
    ``StoreError`` like ``open_database``.
    """
    async with open_database(url, SCHEMA) as database:
        # What is lost with the machine is seconds of a log; a commit must not keep the gateway's waiting for the disk.
        await database.fetch("PRAGMA synchronous=NORMAL")
        store = EffectStore(database, meters, texts=texts, keep=keep)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.run)
            yield store
            nursery.cancel_scope.cancel()


def _text_of(event: Event | None, *names: str) -> str:
    values: Iterable[object] = (getattr(event, name, None) for name in names)
    return next((value for value in values if isinstance(value, str)), "")


def _number_of(event: Event | None, name: str) -> int:
    value: object = getattr(event, name, 0)
    return value if isinstance(value, int) else 0
