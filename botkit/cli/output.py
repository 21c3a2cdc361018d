"""Everything that a long-running command prints takes one way, so that ``--log json`` covers all of it."""

import logging
import sys
from typing import TextIO

import structlog
from msgspec import Struct

from botkit.observability.logs import LogFormat, LogLevel, configure_logs, facts_last


def start_logs(format: LogFormat, level: LogLevel, stream: TextIO) -> None:
    """Logs go to ``stream`` from now on, and with them what Python itself would print: warnings, lost exceptions."""
    configure_logs(format, level, stream)
    logging.captureWarnings(True)
    sys.unraisablehook = _log_unraisable


def _log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    structlog.get_logger().error(
        unraisable.err_msg or "exception ignored", where=repr(unraisable.object), exc_info=unraisable.exc_value
    )


class Notice(Struct, frozen=True, kw_only=True):
    """One thing that a command tells: ``text`` for people, ``event`` and ``facts`` for machines."""

    text: str
    event: str
    facts: dict[str, object] = {}


class Announcer:
    """Tells notices on ``stream``, whatever the level of the logs is."""

    def __init__(self, format: LogFormat, stream: TextIO) -> None:
        self._format, self._stream = format, stream
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            wrapper_class=structlog.BoundLogger,  # the default one would keep to the level of the logs
            processors=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                facts_last,
                structlog.processors.JSONRenderer(),
            ],
        )

    def tell(self, *notices: Notice) -> None:
        """One line for each notice, at once."""
        for notice in notices:
            if self._format == "json":
                self._log.info(notice.event, **notice.facts)
            else:
                print(notice.text, file=self._stream, flush=True)
