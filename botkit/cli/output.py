"""Everything that a long-running command prints takes one way, so that ``--log json`` covers all of it."""

import logging
import sys
from typing import TextIO

import structlog

from botkit.observability.logs import LogFormat, LogLevel, configure_logs


def start_logs(format: LogFormat, level: LogLevel, stream: TextIO) -> None:
    """Logs go to ``stream`` from now on, and with them what Python itself would print: warnings, lost exceptions."""
    configure_logs(format, level, stream)
    logging.captureWarnings(True)
    sys.unraisablehook = _log_unraisable


def _log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    structlog.get_logger().error(
        unraisable.err_msg or "exception ignored", where=repr(unraisable.object), exc_info=unraisable.exc_value
    )
