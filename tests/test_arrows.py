"""Imports go one way. The table below is the architecture; the tests read the imports of every module with ``ast``."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

DIRECT: dict[str, set[str]] = {
    "_codes": set(),
    "errors": {"_codes"},
    "types": set(),
    "backoff": {"errors", "types"},
    "clock": {"errors", "types"},
    "events": {"errors", "types"},
    "irc_log": {"errors", "types"},
    "wire": {"errors", "types"},
    "stores": {"errors", "types"},
    "observability": {"errors", "types"},
    "transport": {"wire"},
    "actor": {"backoff", "clock"},
    "routing": {"events"},
    "signaling": {"events", "backoff", "transport"},
    "app": {"signaling", "routing", "actor", "stores", "observability"},
    "gateway": {"clock", "transport", "stores", "observability"},
    "config": {"app", "gateway"},
    "operations": {"config"},
    "testing": {"app", "gateway"},
    "cli": {"operations", "irc_log"},
    "__main__": {"cli"},
}
"""What each room of botkit may import. Arrows chain: who may import a room may import what that room may."""

PRIVATE = {"_codes": {"errors"}}
"""Modules that belong to one other module, and are for nobody else."""


OPEN_TO_BOTS = {"botkit", "botkit.testing", "botkit.irc_log"}
"""What bots may import of botkit: its front door, its test kit, which scripts of theirs are rehearsed with, and its
reader of IRC logs, which rules are tried on."""


class Import(NamedTuple):
    """One imported module, and the place of the statement."""

    importer: str
    module: str
    place: str
    nested: bool

    def __str__(self) -> str:
        return f"{self.place}: {self.importer} imports {self.module}"


class Tree:
    """The modules of one package folder under ``root``, with their imports resolved to modules."""

    def __init__(self, root: Path, package: str) -> None:
        self.root, self.package = root, package
        self.files = {module_name(root, path): path for path in sorted((root / package).rglob("*.py"))}
        self.imports = [found for module in self.files for found in self._imports_of(module)]

    def _imports_of(self, module: str) -> Iterator[Import]:
        path = self.files[module]
        tree = ast.parse(path.read_text(), str(path))
        nested = nested_nodes(tree)
        for node in ast.walk(tree):
            place = f"{path.relative_to(self.root)}:{getattr(node, 'lineno', 0)}"
            for target in self._targets(node, module):
                yield Import(module, target, place, nested=node in nested)

    def _targets(self, node: ast.AST, module: str) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = self._base(node, module)
            # `from package import name` means the submodule when there is one.
            yield from (
                f"{base}.{alias.name}" if self._is_module(f"{base}.{alias.name}") else base for alias in node.names
            )

    def _base(self, node: ast.ImportFrom, module: str) -> str:
        if not node.level:
            return node.module or ""
        is_package = self.files[module].name == "__init__.py"
        parents = module.split(".")[: len(module.split(".")) - node.level + is_package]
        return ".".join([*parents, *filter(None, [node.module])])

    def _is_module(self, name: str) -> bool:
        path = self.root.joinpath(*name.split("."))
        return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def module_name(root: Path, path: Path) -> str:
    """The dotted name of a file: ``botkit/wire/__init__.py`` is ``botkit.wire``."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def nested_nodes(tree: ast.Module) -> set[ast.AST]:
    """All nodes inside of functions."""
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    return {inner for function in functions for inner in ast.walk(function)} - set[ast.AST](functions)


def room_of(module: str) -> str:
    """The room of a module of botkit; the front door's is empty."""
    return module.split(".")[1] if "." in module else ""


def allowed_rooms(room: str) -> set[str]:
    """What a room may import: what the table says, and so on along the chain."""
    allowed, todo = set[str](), [room]
    while todo:
        fresh = DIRECT[todo.pop()] - allowed
        allowed |= fresh
        todo += fresh
    return {other for other in allowed if room in PRIVATE.get(other, {room})}


def wrong_arrows(tree: Tree) -> list[str]:
    """Imports inside of botkit that the table does not allow, the front door and bots among them."""
    return [str(found) for found in tree.imports if is_wrong(found)]


def is_wrong(found: Import) -> bool:
    """Whether an import of a module of botkit goes against the table."""
    here, there = room_of(found.importer), room_of(found.module)
    package = found.module.split(".")[0]
    if not here or package != "botkit":
        return package == "bots"
    return there != here and there not in allowed_rooms(here)


def wrong_bot_imports(tree: Tree) -> list[str]:
    """Imports of bots that reach past botkit's front door, or into another bot."""
    wrong = []
    for found in tree.imports:
        package = found.module.split(".")[0]
        own = ".".join(found.importer.split(".")[:2])
        other_bot = package == "bots" and found.module != own and not found.module.startswith(f"{own}.")
        if (package == "botkit" and found.module not in OPEN_TO_BOTS) or other_bot:
            wrong.append(str(found))
    return wrong


def ring_in(tree: Tree) -> str:
    """A ring of modules that import one another (``a <- b <- a``), or nothing."""
    graph: dict[str, set[str]] = {module: set() for module in tree.files}
    for found in tree.imports:
        if found.module in tree.files and found.module != found.importer:
            graph[found.importer].add(found.module)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return ""


@pytest.fixture(scope="module")
def botkit() -> Tree:
    return Tree(ROOT, "botkit")


@pytest.fixture(scope="module")
def bots() -> Tree:
    return Tree(ROOT, "bots")


def test_every_room_of_botkit_is_in_the_table(botkit: Tree) -> None:
    assert {room_of(module) for module in botkit.files} - {""} <= set(DIRECT)


def test_arrows_of_botkit_point_one_way(botkit: Tree) -> None:
    assert wrong_arrows(botkit) == []


def test_gateway_and_signaling_do_not_know_each_other() -> None:
    assert "signaling" not in allowed_rooms("gateway")
    assert "gateway" not in allowed_rooms("signaling")


def test_bots_use_the_front_door(bots: Tree) -> None:
    assert wrong_bot_imports(bots) == []


def test_no_modules_import_one_another_in_a_ring(botkit: Tree, bots: Tree) -> None:
    assert ring_in(botkit) == ""
    assert ring_in(bots) == ""


def test_no_import_hides_in_a_function(botkit: Tree, bots: Tree) -> None:
    assert [str(found) for found in botkit.imports + bots.imports if found.nested] == []


PLANTED = {
    "botkit/wire/frames.py": ("from botkit.transport import base", "botkit.transport.base"),
    "botkit/gateway/hub.py": ("from ..signaling.session import LoginSession", "botkit.signaling.session"),
    "botkit/signaling/call.py": ("def answer():\n    import botkit.gateway", "botkit.gateway"),
    "botkit/app/bot.py": ("from botkit import Bot", "botkit"),
    "botkit/routing/table.py": ("import bots.moderation", "bots.moderation"),
    "botkit/stores/sqlite.py": ("from botkit._codes import CODE_TEXTS", "botkit._codes"),
    "botkit/testing/kit.py": ("from .. import cli", "botkit.cli"),
}


@pytest.mark.parametrize("file", PLANTED)
def test_a_wrong_arrow_is_found(tmp_path: Path, file: str) -> None:
    source, module = PLANTED[file]
    tree = planted(tmp_path, {file: source, "botkit/transport/base.py": "", "botkit/cli/__init__.py": ""})
    assert [place.partition(" imports ")[2] for place in wrong_arrows(tree)] == [module]


def test_the_arrows_that_chain_are_fine(tmp_path: Path) -> None:
    tree = planted(tmp_path, {"botkit/cli/run.py": "from botkit.wire.frames import Call\nimport botkit.errors, trio"})
    assert [found.module for found in tree.imports] == ["botkit.wire.frames", "botkit.errors", "trio"]
    assert wrong_arrows(tree) == []


def test_a_hidden_import_and_a_ring_are_found(tmp_path: Path) -> None:
    tree = planted(
        tmp_path,
        {
            "botkit/wire/a.py": "from botkit.wire import b",
            "botkit/wire/b.py": "async def f():\n    if True:\n        from . import a",
        },
    )
    assert [found.place for found in tree.imports if found.nested] == ["botkit/wire/b.py:3"]
    assert set(ring_in(tree).split(" <- ")) == {"botkit.wire.a", "botkit.wire.b"}


def test_a_bot_past_the_front_door_is_found(tmp_path: Path) -> None:
    source = "from botkit import filters as f\nfrom . import rules\nimport botkit.events\nimport bots.presence"
    planted(tmp_path, {"bots/moderation/handlers.py": source, "bots/moderation/rules.py": ""})
    wrong = wrong_bot_imports(Tree(tmp_path, "bots"))
    assert [place.partition(" imports ")[2] for place in wrong] == ["botkit.events", "bots.presence"]


def planted(root: Path, files: dict[str, str]) -> Tree:
    """A small botkit with these files."""
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return Tree(root, "botkit")
