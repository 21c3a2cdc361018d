"""The code blocks of docstrings and of the README: where they stand, and what kind each is of, by rule."""

import ast
import json
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml
from msgspec import Struct

from botkit.config.schema import ConfigFile

ROOT = Path(__file__).parents[2]
PROGRAMS = ("botkit", "sqlite3", "pytest", "python3", ".venv/bin/botkit", ".venv/bin/pytest")

_OPENS = re.compile(r"^(?P<indent> *)(?P<text>\S.*)?::$")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_IRC = re.compile(r"\[\d\d:\d\d\] |=== ")


class Block(Struct, frozen=True, kw_only=True):
    """One block: its page (a module, or the README), the line in the page's file, and its text, not indented."""

    page: str
    line: int
    text: str
    language: str = ""
    """What the fence says; docstrings say nothing."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def kind(self) -> str:
        """``shell``, ``log``, ``drawing``, ``json``, ``yaml``, ``toml``, ``python``, or ``""``: nobody knows."""
        return kind_of(self.text)


def kind_of(text: str) -> str:
    """What a text is. Nothing is a drawing that could be run: it has characters or arrows that no code has."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines[0].split()[0] in PROGRAMS:
        return "shell"
    if all(_IRC.match(line) for line in lines):
        return "log"
    if any(re.search(r"├──|(?<!\S)<-(?!\S)", line) for line in lines) or lines[0] == "botkit/":
        return "drawing"
    if _is_json(text):
        return "json"
    if _is_settings(text):
        return "yaml"
    if _is_toml(text):
        return "toml"
    return "python" if _is_python(text) else ""


def blocks_of_text(page: str, text: str, first_line: int) -> Iterator[Block]:
    """The blocks of a docstring, its text as in the file: what is indented more than a line that ends in ``::``."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        opening = _OPENS.match(lines[number])
        number += 1
        if opening is None:
            continue
        indent = len(opening["indent"])
        start = number
        while number < len(lines) and (not lines[number].strip() or _indent(lines[number]) > indent):
            number += 1
        body = textwrap.dedent("\n".join(lines[start:number])).strip("\n")
        skipped = next((n for n, line in enumerate(lines[start:number]) if line.strip()), 0)
        yield Block(page=page, line=first_line + start + skipped, text=body)


def blocks_of_module(path: Path) -> Iterator[Block]:
    """All blocks of a module's docstrings: its own, and those of its classes and functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node, clean=False)
        if text is not None:
            summary, _, rest = text.partition("\n")
            whole = f"{summary}\n{textwrap.dedent(rest)}"
            yield from blocks_of_text(str(path.relative_to(ROOT)), whole, node.body[0].lineno)


def blocks_of_readme() -> Iterator[Block]:
    """All fences of the README."""
    text = (ROOT / "README.md").read_text()
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        yield Block(page="README.md", line=line, text=match[2], language=match[1])


def all_blocks() -> list[Block]:
    """Those of botkit, of the bots and of the README, page by page, in order."""
    modules = sorted([*(ROOT / "botkit").rglob("*.py"), *(ROOT / "bots").rglob("*.py")])
    found = [block for path in modules for block in sorted(blocks_of_module(path), key=lambda block: block.line)]
    return [*found, *blocks_of_readme()]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_settings(text: str) -> bool:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(value, dict) and any(key in ConfigFile.__struct_fields__ for key in value)


def _is_toml(text: str) -> bool:
    """Tables with values: Python and TOML have much in common in a line or two."""
    try:
        return text.startswith("[") and any(tomllib.loads(text).values())
    except tomllib.TOMLDecodeError:
        return False


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
