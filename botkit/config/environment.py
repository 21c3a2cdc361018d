"""Environment variables and secret files in configuration values.

``${NAME}`` is the variable's value, and an error when it is not set; ``${NAME:-default}`` takes the default when it is
not set or empty, as in a shell; ``${file:PATH}`` is what the file holds, without the line end after it, PATH below the
configuration's own folder or absolute; ``$${`` stands for the two characters ``${``.
"""

import re
from collections.abc import Mapping
from pathlib import Path

MAX_FILE_BYTES = 65_536

_REFERENCE = re.compile(
    r"\$\$\{|\$\{file:(?P<file>[^{}]+)\}|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^{}]*)?\}|\$\{"
)


class SubstitutionError(ValueError):
    """What is wrong with a reference, and ``hint``, what would be right."""

    def __init__(self, problem: str, hint: str) -> None:
        self.hint = hint
        super().__init__(problem)


def substitute(text: str, environ: Mapping[str, str], folder: Path) -> str:
    """``text`` with its references replaced, those to files from ``folder`` on.

    Raises ``SubstitutionError``; values are never looked into again.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if match["file"] is not None:
            return _read(folder / match["file"])
        if name is None:
            hint = "write ${NAME}, ${NAME:-default}, ${file:PATH}, or $${ for itself"
            raise SubstitutionError("'${' begins no reference", hint)
        if default is not None:
            return environ.get(name) or default[2:]
        if name not in environ:
            raise SubstitutionError(f"environment variable {name} is not set", f"set it, or write ${{{name}:-default}}")
        return environ[name]

    return _REFERENCE.sub(value, text)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SubstitutionError(
            f"{path} cannot be read: {error.strerror}", "name a file that this user may read"
        ) from None
    if len(content) > MAX_FILE_BYTES:
        raise SubstitutionError(f"{path} has more than {MAX_FILE_BYTES} bytes", "name a file that holds one value")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SubstitutionError(f"{path} holds no UTF-8 text", "name a file that holds one value") from None
