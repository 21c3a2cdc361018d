"""Which module imports which, read from the sources; and which are to be executed anew when some have changed. Pure."""

import ast
from collections.abc import Collection, Iterator, Mapping


def read_imports(name: str, source: str, *, is_package: bool) -> frozenset[str]:
    """The modules that the source of module ``name`` may import, at its top or within its functions.

    For ``from package import thing`` both ``package`` and ``package.thing`` are named: one of them is a module. Raises
    ``SyntaxError``.
    """
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.update(_with_parents(alias.name))
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, name, is_package)
            found.update(_with_parents(base))
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return frozenset(found - {name})


def find_affected(
    imports: Mapping[str, Collection[str]], changed: Collection[str], holders: Collection[str]
) -> frozenset[str]:
    """The modules to execute anew: those that have ``changed``, and all that import one of these, directly or not.

    ``holders`` have bots or routers in them, which other modules fill with handlers. Those that an affected module can
    reach are affected, too: else it would add its handlers to those that it has added before.
    """
    affected = _reach(_turned_round(imports), changed)
    while True:
        filled = _reach(imports, affected) & set(holders)
        wider = _reach(_turned_round(imports), affected | filled)
        if wider == affected:
            return frozenset(affected)
        affected = wider


def _base(node: ast.ImportFrom, name: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    package = name.split(".")
    up = node.level - is_package
    package = package[: len(package) - up] if up else package
    return ".".join([*package, *([node.module] if node.module else [])])


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _turned_round(imports: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    importers: dict[str, set[str]] = {}
    for importer, names in imports.items():
        for name in names:
            importers.setdefault(name, set()).add(importer)
    return importers


def _reach(edges: Mapping[str, Collection[str]], start: Collection[str]) -> set[str]:
    reached, to_do = set(start), list(start)
    while to_do:
        for name in edges.get(to_do.pop(), ()):
            if name not in reached:
                reached.add(name)
                to_do.append(name)
    return reached
