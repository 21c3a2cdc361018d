"""What the log lines of a task are about: facts that each of them carries, made only when there is a line."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Protocol


class About(Protocol):
    """Something that log lines can be about."""

    def facts(self) -> Mapping[str, str]:
        """The fields that they carry."""
        ...


ABOUT: ContextVar[About | None] = ContextVar("botkit_about", default=None)
"""Whatever this task is at; tasks that it starts inherit it."""


def current_facts() -> Mapping[str, str]:
    """The fields that a log line carries here."""
    about = ABOUT.get()
    return {} if about is None else about.facts()
