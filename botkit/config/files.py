"""A YAML file of a bot's own, such as a list of rules: read and checked as the configuration itself is."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from botkit.config.checking import convert
from botkit.config.document import Document
from botkit.config.shapes import fields
from botkit.errors import ConfigError

MAX_FILE_BYTES = 16 * 1024 * 1024

_S = TypeVar("_S", bound=Struct)


def load_settings(
    path: str | Path,
    shape: type[_S],
    environ: Mapping[str, str] | None = None,
    *,
    check: Callable[[_S], None] | None = None,
) -> _S:
    """The YAML file at ``path`` (a mapping of at most 16 MiB) as a ``shape``; it blocks while it reads.

    ``${NAME}`` is filled in from ``environ``, the process's own when it is left out. Raises ``ConfigError`` with file,
    line and key for whatever is wrong with it, and with the file for one that cannot be read. ``check`` is called with
    what was read, and may raise it, too: with the key alone, such as ``rules[2].id``.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigError("is too large", file=str(path), hint=f"at most {MAX_FILE_BYTES} bytes")
        text = content.decode()
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", file=str(path), hint="name a file that is there"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is no UTF-8 at byte {error.start}", file=str(path), hint="save it as UTF-8") from None
    document = Document(
        text, name=str(path), environ=os.environ if environ is None else environ, sections=fields(shape)
    )
    settings = convert(document, (), document.value, shape)
    if check is not None:
        with document.placing():
            check(settings)
    return settings
