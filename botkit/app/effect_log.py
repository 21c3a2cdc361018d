"""The effect log: what the bots of an app have done lately, or would have done in a dry run, and why.

A test reads it: ``app.effects.of("greeter") == [SendToChannel(channel="lobby", text="hello")]``. Where a bot process
has a store, ``effect_store`` keeps it for ``botkit trace``.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar, overload

import structlog
from structlog.typing import FilteringBoundLogger

from botkit.app.causality import EFFECT, Cause, current_cause, id_of, next_number
from botkit.app.meters import AppMeters
from botkit.clock import WallClock
from botkit.observability.texts import TextPolicy, show_text
from botkit.signaling import Effect
from botkit.signaling.outgoing import Outcome
from botkit.types import Account, AppId

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")

E = TypeVar("E", bound=Effect)

KEPT = 1_000
"""The latest effects, which are kept in memory."""


class EffectRecord:
    """One effect: who did what, when (milliseconds since 1970), for which reason, and what became of it.

    ``outcome`` is None while it is under way. ``message_id`` is the gateway's number of a message to a channel, once
    the sender has heard its own message; 0 for none.
    """

    __slots__ = ("_log", "account", "bot", "cause", "effect", "ended_ms", "message_id", "ms", "number", "outcome")

    def __init__(self, log: "EffectLog", bot: str, account: Account, effect: Effect, ms: int) -> None:
        self._log = log
        self.number = next_number()
        self.bot, self.account, self.effect, self.ms = bot, account, effect, ms
        self.cause: Cause | None = current_cause()
        self.outcome: Outcome | None = None
        self.ended_ms = 0
        self.message_id = 0

    def __repr__(self) -> str:
        fate = "under way" if self.outcome is None else self.outcome.fate
        return f"<{self.id} {self.effect.verb} {self.effect.target!r} by {self.bot}, {fate}>"

    @property
    def id(self) -> str:
        """Its id, ``x-4n``."""
        return id_of(EFFECT, self.number)

    @property
    def app_id(self) -> AppId:
        """The app that it was done in."""
        return self._log.app_id

    def ended(self, outcome: Outcome) -> None:
        """See ``Following.ended``."""
        self._log.note_end(self, outcome)

    def delivered(self, message_id: int) -> None:
        """See ``Following.delivered``."""
        self.message_id = message_id
        self._log.note(self)


class EffectSink(Protocol):
    """Keeps effects for longer. Must neither wait nor raise."""

    def put(self, record: EffectRecord) -> None:
        """A record is new, or has changed."""
        ...


class EffectLog:
    """The latest effects of all bots of one app."""

    def __init__(
        self, app_id: AppId, meters: AppMeters, *, texts: TextPolicy = "hash", sink: EffectSink | None = None
    ) -> None:
        self.app_id = app_id
        self._meters, self._texts, self._sink = meters, texts, sink
        self._records: deque[EffectRecord] = deque(maxlen=KEPT)
        self._clock: WallClock | None = None

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[EffectRecord]:
        return iter(tuple(self._records))

    @overload
    def of(self, bot: str) -> list[Effect]: ...

    @overload
    def of(self, bot: str, kind: type[E]) -> list[E]: ...

    def of(self, bot: str, kind: type[Effect] = Effect) -> Sequence[Effect]:
        """The latest effects of a bot, by its name, oldest first; with a ``kind`` those alone."""
        return [one.effect for one in self._records if one.bot == bot and isinstance(one.effect, kind)]

    def clear(self) -> None:
        """Forget what was so far; the store, if there is one, keeps it."""
        self._records.clear()

    def begin(self, bot: str, account: Account, effect: Effect) -> EffectRecord:
        """A bot's session is about to do something."""
        record = EffectRecord(self, bot, account, effect, self._ms())
        if record.cause is not None:
            record.cause.led_to(effect)
        self._records.append(record)
        self._meters.effects.add_for(effect.verb)
        self.note(record)
        return record

    def note_end(self, record: EffectRecord, outcome: Outcome) -> None:
        """What became of it; for the last time, or to be corrected by a late answer."""
        if outcome.fate == "dry":
            self._meters.effects_dry.add_for(record.bot)
            _log.info("would have", **self._facts(record))
        elif outcome.fate != "done":
            self._meters.effects_failed.add_for(record.effect.verb)
            facts = {"fate": outcome.fate, "code": outcome.code, "reason": outcome.reason}
            _log.debug("effect failed", **self._facts(record), **facts)
        record.outcome, record.ended_ms = outcome, self._ms()
        self.note(record)

    def note(self, record: EffectRecord) -> None:
        """Something about it is new."""
        if self._sink is not None:
            self._sink.put(record)

    def _facts(self, record: EffectRecord) -> dict[str, str]:
        effect = record.effect
        facts = {"bot": record.bot, "account": record.account, "effect_id": record.id, "did": effect.verb}
        facts["to"] = effect.target
        if effect.where and effect.where != effect.target:
            facts["in"] = effect.where
        if effect.words:
            facts["words"] = show_text(effect.words, self._texts)
        if record.cause is not None:
            facts.update(record.cause.facts())
        return facts

    def _ms(self) -> int:
        if self._clock is None:
            self._clock = WallClock()
        return self._clock.ms()


class BotEffects:
    """Follows the effects of one bot's sessions, for the log: the observer at their gates."""

    def __init__(self, log: EffectLog, bot: str) -> None:
        self._log, self._bot = log, bot

    def begun(self, account: Account, effect: Effect) -> EffectRecord:
        """See ``EffectObserver.begun``."""
        return self._log.begin(self._bot, account, effect)
