"""What a command says when it fails, and the exit code for it."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import typer

from botkit.errors import BotkitError, ConfigError
from botkit.observability.logs import LogFormat, configure_logs

EXIT_FAILED = 1
EXIT_WRONG_INPUT = 2


@contextmanager
def reporting(format: LogFormat) -> Iterator[None]:
    """Inside is a command's work: an exception is reported and becomes the exit code."""
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - the border of the command: nothing above could do better
        raise typer.Exit(report(error, format)) from None


@contextmanager
def complaining(as_: Callable[[ConfigError], ConfigError]) -> Iterator[None]:
    """A ``ConfigError`` from inside, alone or in a group, is raised on as ``as_`` says it."""
    try:
        yield
    except (ConfigError, ExceptionGroup) as error:
        complaint = _complaint(error)
        if complaint is None:
            raise
        raise as_(complaint) from None


def report(error: BaseException, format: LogFormat = "text") -> int:
    """Say on standard error what went wrong, in one message; the exit code for it.

    What botkit raises itself is said in one line (or one JSON object); anything else is a bug, and comes with
    its traceback. A reader of our output that went away is no error to talk about.
    """
    leaves = list(_leaves(error))
    if any(isinstance(leaf, BrokenPipeError) for leaf in leaves):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its exit
        return EXIT_FAILED
    cause = _complaint(error) or leaves[0]
    ours = isinstance(cause, ConfigError) or all(isinstance(leaf, BotkitError) for leaf in leaves)
    if format == "json":
        _report_json(cause, None if ours else error)
    elif ours:
        print(f"botkit: {cause}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    return EXIT_WRONG_INPUT if isinstance(cause, ConfigError) else EXIT_FAILED


def _report_json(cause: BaseException, bug: BaseException | None) -> None:
    configure_logs("json", "error", sys.stderr)
    log = structlog.get_logger()
    if isinstance(cause, ConfigError):
        log.error(cause.problem, file=cause.file, key=cause.key, hint=cause.hint)
    elif bug is None:
        log.error(str(cause))
    else:
        log.error("botkit crashed", exc_info=bug)


def failure_line(text: str, format: LogFormat) -> str:
    """The line for a failure that can only be written as it is, when nothing else works any more."""
    return json.dumps({"level": "error", "event": text}) if format == "json" else f"botkit: {text}"


def _complaint(error: BaseException) -> ConfigError | None:
    return next((leaf for leaf in _leaves(error) if isinstance(leaf, ConfigError)), None)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error
