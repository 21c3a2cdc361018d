"""``module:attribute`` becomes the object of that name; what goes wrong on the way is said in one line."""

import importlib
import os
import sysconfig
import traceback
from itertools import takewhile
from pathlib import Path
from types import ModuleType

from botkit.config.checking import suggestion
from botkit.errors import ConfigError, HandlerError


def import_object(reference: str) -> object:
    """The object that ``reference``, ``package.module:attribute``, names; imports the module if it is not yet.

    Raises ``ConfigError`` for a reference of another form, a module that is not found or fails while it is
    imported (with the file and line of the failure), or an attribute that it does not have.
    """
    module_name, separator, attribute = reference.partition(":")
    if not separator or not attribute.isidentifier() or not all(map(str.isidentifier, module_name.split("."))):
        raise ConfigError(f"{reference!r} names no object", hint="write package.module:attribute")
    module = _import(module_name)
    try:
        return getattr(module, attribute)
    except AttributeError:
        public = [name for name in vars(module) if not name.startswith("_")]
        raise ConfigError(f"module {module_name} has no {attribute!r}", hint=suggestion(attribute, public)) from None


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # name is a.b.c: is it a, a.b or a.b.c that is missing, or something that it imports?
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigError(
                f"there is no module {error.name}",
                hint="it must be installed, or stand below the folder that botkit is started in",
            ) from None
        raise ConfigError(f"module {name} cannot be imported: {_where(error)}{error}", hint="install it") from error
    except HandlerError as error:
        raise ConfigError(f"module {name} cannot be imported: {error}") from error
    except SyntaxError as error:
        problem = f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
        raise ConfigError(f"module {name} cannot be imported: {problem}") from error
    except SystemExit as error:
        problem = f"module {name} ends Python when it is imported: {_where(error)}SystemExit({error.code!r})"
        raise ConfigError(problem, hint="leave that to what starts it, below if __name__ == '__main__'") from error
    except Exception as error:  # somebody else's code may raise anything; to the file, it is a module that fails
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise ConfigError(f"module {name} cannot be imported: {_where(error)}{problem}") from error


_OURS = f"{Path(__file__).parents[1]}{os.sep}"
_OTHERS = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def _where(error: BaseException) -> str:
    """``file:line: `` of the innermost line of the bot's own, or of what it imports where there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    theirs = list(takewhile(lambda frame: not frame.filename.startswith(_OURS), frames[1:]))  # after import_object
    own = [frame for frame in theirs if not frame.filename.startswith(_OTHERS)]
    where = (own or theirs or frames)[-1:]
    return f"{where[0].filename}:{where[0].lineno}: " if where else ""
