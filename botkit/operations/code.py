"""The code of bots as it was imported: knows what of it has changed on disk, imports that anew, or puts the old back.

That is the code below the folders where bots are: neither botkit's, nor Python's, nor what is installed. It is always
compiled from its source: what Python keeps in ``__pycache__`` is told from a newer source by its size and by seconds.
"""

import importlib
import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from msgspec import Struct

from botkit.app.handler_set import HandlerSet
from botkit.operations.imports import find_affected, read_imports

_INSTALLED = tuple(
    {
        f"{Path(path)}{os.sep}"
        for path in (
            *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
            site.getusersitepackages(),
        )
    }
)


class Source(Struct, frozen=True):
    """A module's source, as it was when it was imported."""

    path: Path
    data: bytes
    is_package: bool


class Renewal:
    """Modules that were taken out, so that they are imported anew; ``put_back`` undoes that and what came of it."""

    def __init__(self, code: "ProjectCode", names: frozenset[str]) -> None:
        self.names = names
        """The modules that have changed, or depend on one that has."""
        self._code = code
        self._sources = dict(code.sources)
        self._modules = {name: sys.modules[name] for name in names if name in sys.modules}
        _forget(self._modules)
        for name in names:
            code.sources.pop(name, None)
        importlib.invalidate_caches()  # a file that is as young as this may be in none of them

    def put_back(self) -> None:
        """Have the modules again that were there before, and no others."""
        came = {name: sys.modules[name] for name in self._code.sources if name in sys.modules}
        _forget({name: module for name, module in came.items() if name not in self._sources or name in self.names})
        sys.modules.update(self._modules)
        for name, module in self._modules.items():
            _tell_parent(name, module)
        self._code.sources = self._sources


class ProjectCode:
    """Follows what is imported while it is ``installed``."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        """What was imported, by module."""

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Inside, imports are followed."""
        finder = _Finder(self)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)

    def folders(self) -> frozenset[Path]:
        """Where the sources are."""
        return frozenset(source.path.parent for source in self.sources.values())

    def changed(self) -> frozenset[str]:
        """The modules whose files are no longer as they were when they were imported."""
        return frozenset(name for name, source in self.sources.items() if _read(source.path) != source.data)

    def renew(self) -> Renewal:
        """Take out what has changed, and all that depends on it, so that the next import executes it anew.

        Handlers that are at work keep the modules that they have.
        """
        changed = self.changed()
        imports = {name: _imports(name, source) for name, source in self.sources.items()}
        return Renewal(self, find_affected(imports, changed, self._holders()) & self.sources.keys())

    def _holders(self) -> list[str]:
        modules = [(name, sys.modules[name]) for name in self.sources if name in sys.modules]
        return [
            name for name, module in modules if any(isinstance(one, HandlerSet) for one in list(vars(module).values()))
        ]


class _Finder(MetaPathFinder):
    """Finds what the others find; what is a project's own comes with a loader that tells of it."""

    def __init__(self, code: ProjectCode) -> None:
        self._code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] == "botkit":
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if type(spec.loader) is SourceFileLoader and not spec.loader.path.startswith(_INSTALLED):
                    spec.loader = _Loader(fullname, spec.loader.path, self._code)
                return spec
        return None


class _Loader(SourceFileLoader):
    """Compiles the source as it is now, and notes it."""

    def __init__(self, fullname: str, path: str, code: ProjectCode) -> None:
        super().__init__(fullname, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        data = self.get_data(self.path)
        self._code.sources[fullname] = Source(Path(self.path), data, self.is_package(fullname))
        for name in [name for name in sys.modules if name.rpartition(".")[0] == fullname]:
            _tell_parent(name, sys.modules[name])  # a package that is executed anew has the modules that stay
        code: CodeType = self.source_to_code(data, self.path)
        return code


def _imports(name: str, source: Source) -> frozenset[str]:
    """Those of its present file and of the one that was imported: it may add handlers in a new place."""
    versions = {source.data, _read(source.path) or b""}
    return frozenset().union(*(_imports_of(name, data, source.is_package) for data in versions))


@lru_cache(maxsize=4096)
def _imports_of(name: str, data: bytes, is_package: bool) -> frozenset[str]:
    try:
        return read_imports(name, data.decode(errors="replace"), is_package=is_package)
    except (SyntaxError, ValueError):
        return frozenset()  # its import will say so


def _forget(modules: dict[str, ModuleType]) -> None:
    """Have them imported anew by whoever wants them next. Packages that go with their modules keep them."""
    for name in modules:
        del sys.modules[name]
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        if getattr(sys.modules.get(parent), child, None) is module:
            delattr(sys.modules[parent], child)


def _tell_parent(name: str, module: ModuleType) -> None:
    parent, _, child = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], child, module)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
