"""Where in a file a mistake is: a ``ConfigError`` with its key, to which the loader adds the file and the line."""

from collections.abc import Iterator
from contextlib import contextmanager

from botkit import ConfigError


@contextmanager
def about(key: str) -> Iterator[None]:
    """A ``ValueError`` that is raised inside is about the value of ``key``, and is raised on as a ``ConfigError``."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(str(error), key=key) from None
