"""Environment variables in configuration values.

``${NAME}`` is the variable's value, and an error when it is not set; ``${NAME:-default}`` takes the default when
it is not set or empty, as in a shell; ``$${`` stands for the two characters ``${``.
"""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^{}]*)?\}|\$\{")


class SubstitutionError(ValueError):
    """What is wrong with a reference, and ``hint``, what would be right."""

    def __init__(self, problem: str, hint: str) -> None:
        self.hint = hint
        super().__init__(problem)


def substitute(text: str, environ: Mapping[str, str]) -> str:
    """``text`` with its references replaced. Raises ``SubstitutionError``; values are never looked into again."""

    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            raise SubstitutionError("'${' begins no reference", "write ${NAME}, ${NAME:-default}, or $${ for itself")
        if default is not None:
            return environ.get(name) or default[2:]
        if name not in environ:
            raise SubstitutionError(f"environment variable {name} is not set", f"set it, or write ${{{name}:-default}}")
        return environ[name]

    return _REFERENCE.sub(value, text)
