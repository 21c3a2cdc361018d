"""The files of a new bot."""

import keyword
import secrets
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from string import Template

from botkit.errors import ConfigError
from botkit.wire.limits import account_violation

FILES = {
    "bot.py.txt": "{name}.py",
    "config.yaml.txt": "{name}.yaml",
    "test_bot.py.txt": "test_{name}.py",
    "pyproject.toml.txt": "pyproject.toml",
}
"""Templates, and what they are written as."""


def check_name(name: str) -> None:
    """Raises ``ConfigError`` unless ``name`` can be a module, and the account that it runs under."""
    if not name.isidentifier() or keyword.iskeyword(name) or not name.isascii():
        raise ConfigError(
            f"{name!r} is no name for a Python module", key="NAME", hint="write letters, digits and _, as in tea_bot"
        )
    found = find_spec(name)
    if found is not None and found.origin is not None:  # a folder of that name is no module yet
        raise ConfigError(f"there is a module {name} already, which Python would import instead", key="NAME")
    violation = account_violation(name)
    if violation is not None:
        raise ConfigError(violation.reason, key="NAME")


def write_bot(name: str, folder: Path) -> list[Path]:
    """Write the files of a bot into ``folder``, which is created; gives their paths.

    Raises ``ConfigError``, and then nothing was written, when one of them is there already; ``OSError``.
    """
    paths = {template: folder / path.format(name=name) for template, path in FILES.items()}
    for path in paths.values():
        if path.exists():
            raise ConfigError(f"{path} is there already", key="NAME", hint="choose another name, or another --into")
    check_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    values = {"name": name, "title": name.replace("_", " ").capitalize(), "app_id": secrets.token_hex(16)}
    for template, path in paths.items():
        path.write_text(_read(template, values), encoding="utf-8")
    return list(paths.values())


def _read(template: str, values: dict[str, str]) -> str:
    text = resources.files("botkit.cli.scaffold").joinpath("files", template).read_text(encoding="utf-8")
    return Template(text).substitute(values)
