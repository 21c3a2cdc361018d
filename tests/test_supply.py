"""What the project rests on: few libraries, each declared, used, and with a reason; extras for those who use them."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("ml", "plot", "dev")

IMPORTED_BY_OTHERS = {"anyio"}
"""Those that are declared for the sake of their version."""


def name_of(requirement: str) -> str:
    """The normalised name of a distribution."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", requirement)[0]).lower()


def imported() -> Iterator[tuple[str, Path]]:
    """The third-party packages that botkit and bots import, and where."""
    for package in ("botkit", "bots"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                for top in {name.partition(".")[0] for name in names}:
                    if top not in sys.stdlib_module_names and top not in ("botkit", "bots"):
                        yield top, path


DISTRIBUTIONS = importlib.metadata.packages_distributions()


@pytest.mark.slow
@pytest.mark.row("O14")
def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = {name_of(one) for one in PROJECT["dependencies"]}
    used = dict[str, Path]()
    for top, path in imported():
        (distribution,) = {name_of(one) for one in DISTRIBUTIONS[top]}
        used.setdefault(distribution, path)
    assert {name: str(path) for name, path in used.items() if name not in declared} == {}
    assert declared - used.keys() == IMPORTED_BY_OTHERS


@pytest.mark.row("O14")
def test_each_dependency_has_a_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    mine = [*PROJECT["dependencies"], *(one for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra])]
    without = [one for one in mine if not any(line.strip().startswith(f'"{one}",  # ') for line in lines)]
    assert without == []


AUDIT = """
import importlib, pkgutil, sys
blocked = set(sys.argv[1].split(","))

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"no module named {name}", name=name)

sys.meta_path.insert(0, Refuse())
import botkit, bots
count = 0
for package in (botkit, bots):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith("botkit.testing"):
            importlib.import_module(module.name)
            count += 1
print(count)
"""


@pytest.mark.slow
@pytest.mark.row("O14")
def test_every_module_is_imported_without_any_extra_and_without_the_tests_libraries() -> None:
    extras = {name_of(one) for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra]}
    tests = {"pytest", "hypothesis", "mypy", "ruff", "trustme", "cryptography", "hatchling"}
    blocked = {top for top, names in DISTRIBUTIONS.items() if {name_of(one) for one in names} & (extras | tests)}
    assert {"sklearn", "matplotlib", "watchfiles", "pytest"} <= blocked
    command = [sys.executable, "-c", AUDIT, ",".join(blocked)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 200


@pytest.mark.row("O14")
def test_the_packages_are_typed() -> None:
    assert all((ROOT / package / "py.typed").exists() for package in ("botkit", "bots"))
    assert "Typing :: Typed" in PROJECT["classifiers"]
