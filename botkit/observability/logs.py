"""Structured logs: readable lines for a terminal, or one JSON object per line for machines.

Rooms log through ``structlog.get_logger()``, an event in words and facts as fields; this module decides once,
at start-up, what becomes of that. What libraries log through the standard library takes the same way.
"""

import io
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from botkit.observability.about import current_facts
from botkit.observability.redaction import redact
from botkit.observability.taps import feed_taps
from botkit.observability.visible import visible

LogFormat: TypeAlias = Literal["text", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

_LEVELS: Mapping[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure_logs(format: LogFormat = "text", level: LogLevel = "info", stream: TextIO | None = None) -> None:
    """Send every log of this process to ``stream`` (standard error by default), from ``level`` up.

    ``text`` is a line for people, coloured on a terminal; ``json`` is one object per line with ``timestamp``
    (UTC), ``level``, ``event`` and the fields. Values under ``token``, ``certificate``, ``secret`` and
    ``password``, and tokens in any text, are replaced. Libraries are heard from ``warning`` up, or
    in full at ``debug``. Calling again replaces the former set-up.
    """
    stream = stream or sys.stderr
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a log must not fail on a name that the locale cannot show
    number = _LEVELS[level]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_facts,
        structlog.stdlib.add_log_level,
        _timestamper(format),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact_event,
        feed_taps,
    ]
    final = _renderers(format, coloured=stream.isatty())
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,  # module-level loggers follow a later call too
    )
    _take_standard_logging(stream, number, shared, final)


class _LibraryHandler(logging.StreamHandler[TextIO]):
    """The one handler that botkit puts on the standard library's root logger."""


def _take_standard_logging(stream: TextIO, level: int, shared: Sequence[Processor], final: Sequence[Processor]) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _LibraryHandler)]:
        root.removeHandler(handler)
    handler = _LibraryHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if level == logging.DEBUG else max(level, logging.WARNING))


def _timestamper(format: LogFormat) -> Processor:
    if format == "json":
        return structlog.processors.TimeStamper(fmt="iso", utc=True)
    return structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)


def _renderers(format: LogFormat, *, coloured: bool) -> list[Processor]:
    if format == "json":
        return [facts_last, structlog.processors.JSONRenderer()]
    return [
        _for_people,
        _keep_to_one_line,
        structlog.dev.ConsoleRenderer(
            colors=coloured,
            sort_keys=False,
            exception_formatter=structlog.dev.plain_traceback,  # the rich one would print local variables
        ),
    ]


def _add_facts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What this task is at, where the line does not say it itself."""
    for key, value in current_facts().items():
        event.setdefault(key, value)
    return event


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    redacted = redact(event)
    assert isinstance(redacted, dict)
    return redacted


def facts_last(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how grave and what come first in a line; the facts follow in the order in which they were given."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


_STANDING = ("channel", "call", "bot", "account", "event_type", "event_id", "handler_id", "effect_id")
_KNOWN_BY_THE_BOT = ("account", "event_type", "event_id", "handler_id", "effect_id")


def _for_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What a handler's line is about comes first; what stands in each of them last, and at info only the bot's name."""
    if "bot" not in event:
        return event
    left_out = _KNOWN_BY_THE_BOT if event.get("level") == "info" else ()
    standing = {key: event.pop(key) for key in _STANDING if key in event}
    return {**event, **{key: value for key, value in standing.items() if key not in left_out}}


class _Quoted:
    """A text that the renderer shows as Python writes it, whatever it would do with a plain one."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return repr(self._text)


_MULTI_LINE = frozenset({"exception", "stack"})


def _keep_to_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # What strangers wrote (accounts, messages, reasons) must not forge a line or move the cursor.
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key not in _MULTI_LINE:
            event[key] = visible(value) if key == "event" else _Quoted(value)
    return event
