"""What an app shows of its present state, as metrics: read whenever somebody looks, and gone with the app."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from botkit.app.crew import Crew
from botkit.app.running import RunningBot
from botkit.observability.metrics import Meters
from botkit.wire.states import LoginStatus

_Levels: TypeAlias = Callable[[], Mapping[str, float]]

_STATES = ("starting", "running", "waiting", "quarantined", "ended")
_STATUSES = tuple(status.name.lower() for status in LoginStatus)


@contextmanager
def open_gauges(meters: Meters, crew: Crew, messages_waiting: Callable[[], float]) -> Iterator[None]:
    """Inside, the gauges of an app show what runs. Several apps of one process add up."""
    plain = [
        (
            "bot_events_waiting",
            "Events that wait for a handler",
            lambda: sum(bot.events_waiting() for bot in crew.bots),
        ),
        (
            "bot_handlers_running",
            "Events that handlers are at work on",
            lambda: sum(bot.handlers_running() for bot in crew.bots),
        ),
        ("outgoing_waiting", "Messages that wait for the service's limits", messages_waiting),
    ]
    with ExitStack() as stack:
        for name, help, read in plain:
            stack.callback(meters.gauge(name, help, read).remove_source, read)
        for name, help, label, levels in (*_of_bots(crew), *_of_states(crew)):
            stack.callback(meters.gauge_by(name, help, label, levels).remove_source, levels)
        yield


def _of_bots(crew: Crew) -> Sequence[tuple[str, str, str, _Levels]]:
    def by_bot(level: Callable[[RunningBot], float | None]) -> _Levels:
        return lambda: _sums((bot.plan.bot.name, level(bot)) for bot in crew.bots)

    return [
        (
            "bot_mailbox_waiting",
            "Feed events that wait in a bot's mailbox",
            "bot",
            by_bot(lambda bot: bot.mailbox_waiting()),
        ),
        (
            "pool_sessions",
            "Sessions for channels that match a bot's patterns",
            "bot",
            by_bot(lambda bot: None if bot.pool is None else len(bot.pool)),
        ),
        (
            "pool_channels_waiting",
            "Such channels that wait since all sessions are in others",
            "bot",
            by_bot(lambda bot: None if bot.pool is None else bot.pool.waiting),
        ),
    ]


def _of_states(crew: Crew) -> Sequence[tuple[str, str, str, _Levels]]:
    return [
        (
            "bots",
            "Bots by state: one in quarantine will be probed, one that ended is gone for good",
            "state",
            lambda: _counts(_STATES, (bot.status().state for bot in crew.bots)),
        ),
        (
            "feeds",
            "Feeds by state; what one that ended would have told, nobody is told",
            "state",
            lambda: _counts(_STATES, (feed.state for feed in crew.feeds)),
        ),
        (
            "sessions",
            "Sessions of bots, by what they are at",
            "status",
            lambda: _counts(_STATUSES, (session.status for bot in crew.bots for session in bot.status().sessions)),
        ),
    ]


def _counts(values: Iterable[str], found: Iterable[str]) -> Mapping[str, float]:
    counts = Counter(found)
    return {value: counts[value] for value in values}


def _sums(levels: Iterable[tuple[str, float | None]]) -> Mapping[str, float]:
    sums: dict[str, float] = {}
    for bot, level in levels:
        if level is not None:
            sums[bot] = sums.get(bot, 0) + level
    return sums
