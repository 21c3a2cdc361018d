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

from botkit.observability.redaction import redact

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
    ``password``, and SignalingTokens in any text, are replaced. Libraries are heard from ``warning`` up, or
    in full at ``debug``. Calling again replaces the former set-up.
    """
    stream = stream or sys.stderr
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a log must not fail on a name that the locale cannot show
    number = _LEVELS[level]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _timestamper(format),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact_event,
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
        _keep_to_one_line,
        structlog.dev.ConsoleRenderer(
            colors=coloured,
            exception_formatter=structlog.dev.plain_traceback,  # the rich one would print local variables
        ),
    ]


def _redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    redacted = redact(event)
    assert isinstance(redacted, dict)
    return redacted


def facts_last(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how grave and what come first in a line; the facts follow in the order in which they were given."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


_MULTI_LINE = frozenset({"exception", "stack"})


def _keep_to_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # What strangers wrote (accounts, messages, reasons) must not forge a line or move the cursor.
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key not in _MULTI_LINE:
            event[key] = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return event
