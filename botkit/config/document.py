"""YAML text as plain values, each with its line.

Scalars are read by the rules of YAML 1.2: only ``true`` and ``false`` are booleans, and ``no``, ``12:30`` and
``2020-01-01`` are texts. Keys are texts always. A key that stands twice is an error.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import yaml

from botkit.config.environment import SubstitutionError, substitute
from botkit.errors import ConfigError
from botkit.types import JsonObject, JsonScalar, JsonValue

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys of mappings and positions in lists, from the top."""

MAX_VALUES = 250_000
"""Values in one document. Aliases can make a short text into very many."""

MAX_DEPTH = 50

_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_-]+")
_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], JsonScalar]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda _text: None),
    (re.compile(r"true|True|TRUE"), lambda _text: True),
    (re.compile(r"false|False|FALSE"), lambda _text: False),
    (re.compile(r"[-+]?[0-9]{1,30}"), int),
    (re.compile(r"0o[0-7]{1,30}"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,30}"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{,30})?)([eE][-+]?[0-9]{1,2})?"), float),
)


def show_path(path: KeyPath) -> str:
    """``bots[0].settings.words``; a key that is no plain word is quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_WORD.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part!r}]"
    return text


def read_path(text: str) -> KeyPath:
    """The path that ``show_path`` shows as ``text``; keys are plain words."""
    return tuple(int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", text))


class Document:
    """The values of one file, and where they stand.

    ``name`` is what messages call the file; secret files are found from its folder on. ``sections`` are keys that are
    named to who wrote no mapping. Raises ``ConfigError``, with the line, for what is no YAML mapping, a key that stands
    twice, or a variable that is not set in ``environ``.
    """

    def __init__(
        self, text: str, *, name: str, environ: Mapping[str, str], sections: Iterable[str] = ("app", "bots")
    ) -> None:
        self.name = name
        self._environ = environ
        self._lines: dict[KeyPath, int] = {}
        root = self._compose(text)
        if not isinstance(root, yaml.MappingNode):
            hint = f"write sections such as {' and '.join(f'{key}:' for key in islice(sections, 2))}"
            raise self._error(root.start_mark.line + 1 if root else 0, (), "is no mapping", hint)
        self.value: JsonObject = self._mapping(root, ())

    def line(self, path: KeyPath) -> int:
        """The line, from 1, of the value at ``path``, or of the nearest one around it; 0 when there is none."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)

    def has(self, path: KeyPath) -> bool:
        """Whether something stands at ``path``, be it nothing but the key."""
        return path in self._lines

    def error(self, path: KeyPath, problem: str, hint: str = "") -> ConfigError:
        """A ``ConfigError`` about the value at ``path``, ready to be raised."""
        return self._error(self.line(path), path, problem, hint)

    def placed(self, error: ConfigError, path: KeyPath = ()) -> ConfigError:
        """``error``, which may know only its key, with file and line; its key is one below ``path``."""
        if error.file:
            return error
        return self.error((*path, *read_path(error.key)), error.problem, error.hint)

    @contextmanager
    def placing(self, path: KeyPath = ()) -> Iterator[None]:
        """A ``ConfigError`` that is raised inside is raised on as :meth:`placed`."""
        try:
            yield
        except ConfigError as error:
            raise self.placed(error, path) from None

    def _error(self, line: int, path: KeyPath, problem: str, hint: str) -> ConfigError:
        file = f"{self.name}:{line}" if line else self.name
        return ConfigError(problem, file=file, key=show_path(path), hint=hint)

    def _compose(self, text: str) -> yaml.Node | None:
        try:
            node: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line if error.problem_mark else 0
            hint = "put ${…} in quotes here" if "${" in "".join(text.splitlines()[line : line + 1]) else ""
            raise self._error(line + 1, (), f"is no YAML: {error.problem or error.context}", hint) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self._error(line, (), f"is no YAML: {error.reason}", "") from None
        except RecursionError:
            raise self._error(0, (), "is nested too deeply", f"at most {MAX_DEPTH} levels") from None
        return node

    def _value(self, node: yaml.Node, path: KeyPath) -> JsonValue:
        if len(path) > MAX_DEPTH:
            raise self.error(path[:4], "is nested too deeply", f"at most {MAX_DEPTH} levels")
        if len(self._lines) > MAX_VALUES:
            raise self.error(path, "there are too many values", f"at most {MAX_VALUES} in one file")
        self._lines.setdefault(path, node.start_mark.line + 1)
        if node.tag not in _TAGS:
            raise self.error(path, f"tag {node.tag} is not understood", "leave it out")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> JsonObject:
        values: JsonObject = {}
        for key, item in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(line, path, "a key is a list or a mapping", "keys are texts")
            here = (*path, key.value)
            if key.value in values:
                raise self._error(line, here, f"stands twice, first in line {self._lines[here]}", "leave one out")
            self._lines[here] = line
            values[key.value] = self._value(item, here)
        return values

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> JsonScalar:
        try:
            text = substitute(node.value, self._environ, Path(self.name).parent)
        except SubstitutionError as error:
            raise self.error(path, str(error), error.hint) from None
        if node.style is not None:  # quoted, or a block of text
            return text
        return next((read(text) for pattern, read in _SCALARS if pattern.fullmatch(text)), text)
