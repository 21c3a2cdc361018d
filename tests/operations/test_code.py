"""Modules that change on disk are imported anew, or put back as they were."""

import importlib
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from botkit.operations.code import ProjectCode

NAMES = ("__init__", "a", "b", "c", "sub/__init__", "sub/d", "sub/e")


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectCode]:
    """Follows a project in ``tmp_path``, whose package is ``b22_code``."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "b22_code").mkdir()
    (tmp_path / "b22_code" / "__init__.py").write_text("")
    code = ProjectCode()
    with code.installed():
        yield code
    for name in [name for name in sys.modules if name.partition(".")[0] == "b22_code"]:
        del sys.modules[name]


def write(folder: Path, name: str, text: str) -> None:
    path = folder / "b22_code" / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def value(name: str) -> object:
    return importlib.import_module(name).VALUE


def test_only_a_projects_own_modules_are_followed(code: ProjectCode, tmp_path: Path) -> None:
    write(tmp_path, "a", "import colorsys, botkit.backoff, yaml\nfrom . import b\nVALUE = b.VALUE")
    write(tmp_path, "b", "VALUE = 1")
    assert value("b22_code.a") == 1
    assert set(code.sources) == {"b22_code", "b22_code.a", "b22_code.b"}
    assert code.folders() == {tmp_path / "b22_code"}
    assert code.changed() == set()
    assert code.renew().names == set()


def test_a_change_is_seen_whatever_python_has_cached(
    code: ProjectCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    write(tmp_path, "a", "VALUE = 1")
    path = tmp_path / "b22_code" / "a.py"
    times = path.stat()
    assert value("b22_code.a") == 1
    for number in (2, 3):
        write(tmp_path, "a", f"VALUE = {number}")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # the same second, and the same size
        assert code.changed() == {"b22_code.a"}
        code.renew()
        assert value("b22_code.a") == number


def test_what_was_there_is_put_back(code: ProjectCode, tmp_path: Path) -> None:
    write(tmp_path, "a", "from b22_code import b\nVALUE = b.VALUE")
    write(tmp_path, "b", "VALUE = 1")
    assert value("b22_code.a") == 1
    before = {name: sys.modules[name] for name in code.sources}
    write(tmp_path, "b", "from . import new\nVALUE = new.VALUE\n1 / 0")
    write(tmp_path, "new", "VALUE = 7")
    renewal = code.renew()
    assert renewal.names == {"b22_code.a", "b22_code.b"}
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("b22_code.a")
    renewal.put_back()
    assert {name: sys.modules[name] for name in code.sources} == before
    assert "b22_code.new" not in sys.modules
    assert sys.modules["b22_code"].b is before["b22_code.b"]
    assert not hasattr(sys.modules["b22_code"], "new")
    write(tmp_path, "new", "VALUE = 8")
    write(tmp_path, "b", "from . import new\nVALUE = new.VALUE")
    assert code.renew().names == {"b22_code.a", "b22_code.b"}
    assert value("b22_code.a") == 8


def test_a_module_that_is_gone_counts_as_changed(code: ProjectCode, tmp_path: Path) -> None:
    write(tmp_path, "a", "VALUE = 1")
    assert value("b22_code.a") == 1
    (tmp_path / "b22_code" / "a.py").unlink()
    renewal = code.renew()
    with pytest.raises(ModuleNotFoundError):
        value("b22_code.a")
    renewal.put_back()
    assert value("b22_code.a") == 1


def text_of(dice: random.Random, name: str, names: list[str]) -> tuple[str, int, list[str]]:
    """A module with a number of its own, that shows those of some others as it sees them."""
    number = dice.randrange(1000)
    others = [one for one in dice.sample(names, min(len(names), dice.randrange(3))) if one != name]
    lines = [f"NUMBER = {number}", f"# {'x' * dice.randrange(3)}", "SEEN = {}"]
    for other in others:
        if "." in other and dice.random() < 0.5:
            parent, _, child = other.rpartition(".")
            lines += [f"from {parent} import {child} as other", f"SEEN[{other!r}] = other.NUMBER"]
        else:
            lines += [f"from {other} import NUMBER as other", f"SEEN[{other!r}] = other"]
    return "\n".join(lines), number, others


@pytest.mark.row("B22")
@pytest.mark.parametrize("seed", range(6))
def test_a_walk_of_saves_ends_as_if_all_were_imported_for_the_first_time(
    seed: int, code: ProjectCode, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    modules = {f"b22_code.{name}".replace("/", ".").removesuffix(".__init__"): name for name in NAMES}
    order = list(modules)[::-1]
    texts, numbers = dict[str, str](), dict[str, int]()
    seen = dict[str, list[str]]()

    def save(name: str) -> None:
        # Only modules behind it: a cycle of names that do not exist yet is a mistake of another kind.
        texts[name], numbers[name], seen[name] = text_of(dice, name, order[: order.index(name)])
        write(tmp_path, modules[name], texts[name])

    for name in order:
        save(name)
    for name in order:
        importlib.import_module(name)
    for _ in range(15):
        before = {name: sys.modules[name] for name in order}
        changed = set(dice.sample(order, dice.randrange(1, 3)))
        broken = dice.choice([*order, *[""] * 10])
        for name in changed:
            save(name)
        if broken:
            write(tmp_path, modules[broken], f"{texts[broken]}\n1 / 0")
        renewal = code.renew()
        assert renewal.names >= {name for name in changed if name in renewal.names}
        try:
            for name in order:
                importlib.import_module(name)
        except ZeroDivisionError:
            assert broken
            renewal.put_back()
            assert {name: sys.modules[name] for name in order} == before
            write(tmp_path, modules[broken], texts[broken])
            renewal = code.renew()
            for name in order:
                importlib.import_module(name)
        for name in order:
            module = sys.modules[name]
            assert numbers[name] == module.NUMBER
            assert {other: numbers[other] for other in seen[name]} == module.SEEN
            assert (module is before[name]) == (name not in renewal.names)
            parent, _, child = name.rpartition(".")
            assert not parent or getattr(sys.modules[parent], child) is module
        assert code.changed() == set()
