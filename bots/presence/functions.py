"""Functions of others that are called with each record."""

import importlib
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

from botkit import ConfigError
from bots.presence.records import Record

Handler: TypeAlias = Callable[[Record], Awaitable[None]]


def import_handler(reference: str) -> Handler:
    """The async function that ``package.module:name`` names. Raises ``ConfigError`` (key ``function``)."""
    module, _, name = reference.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever the module does when it is imported
        raise ConfigError(f"{reference} cannot be imported: {error}", key="function", hint="check the name") from error
    if not inspect.iscoroutinefunction(function):
        raise ConfigError(f"{reference} is no async function", key="function", hint="write async def f(record)")
    return cast("Handler", function)
