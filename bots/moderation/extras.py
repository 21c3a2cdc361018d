"""Libraries that only some commands need: they are imported when they are used, or it is said how to get them."""

import importlib
from types import ModuleType

from botkit import ConfigError


def extra_module(name: str, extra: str) -> ModuleType:
    """The module ``name``, which comes with botkit's extra ``extra``. Raises ``ConfigError`` if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        hint = f"install it with: pip install 'botkit[{extra}]'"
        raise ConfigError(f"needs {package}, which does not import ({error})", hint=hint) from None
