"""Types and style, so that a plain ``pytest`` says what CI would say."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("botkit", "bots", "tests")

LONGEST_FUNCTION = 60
"""Lines, apart from its docstring and from functions inside of it: it can be seen at once."""

LISTS = {"botkit/gateway/counters.py: __init__"}
"""Functions that are lists of meters, with nothing to follow in them."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.slow
@pytest.mark.parametrize("command", ["mypy", "ruff check", "ruff format --check"])
def test_tool_finds_nothing(command: str) -> None:
    tool, *arguments = command.split()
    result = subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def length(function: Function) -> int:
    """The lines of its body that are its own."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    lines = (function.end_lineno or 0) - body[0].lineno + 1
    return lines - sum((inner.end_lineno or 0) - first_line(inner) + 1 for inner in inside(function))


def first_line(function: Function) -> int:
    """The line of its first decorator, if it has one."""
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def inside(node: ast.AST) -> Iterator[Function]:
    """The functions in a function, but not those in these."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child
        else:
            yield from inside(child)


@pytest.mark.slow
def test_functions_can_be_seen_at_once() -> None:
    long = set()
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function) and length(node) > LONGEST_FUNCTION:
                long.add(f"{path.relative_to(ROOT)}: {node.name}")
    assert long - LISTS == set()
