"""Which modules are executed anew when some have changed."""

import pytest

from botkit.operations.imports import find_affected, read_imports


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import json", {"json"}),
        ("import a.b.c as d, e", {"a", "a.b", "a.b.c", "e"}),
        ("from a.b import c, d as e", {"a", "a.b", "a.b.c", "a.b.d"}),
        ("from . import rules", {"bots.mod", "bots", "bots.mod.rules"}),
        ("from .rules import Rule", {"bots", "bots.mod", "bots.mod.rules", "bots.mod.rules.Rule"}),
        ("from .. import shared", {"bots", "bots.shared"}),
        ("from ..shared.words import LIST", {"bots", "bots.shared", "bots.shared.words", "bots.shared.words.LIST"}),
        ("def later():\n    import json", {"json"}),
        ("import bots.mod.handlers", {"bots", "bots.mod"}),  # itself
        ("x = 1", set[str]()),
    ],
)
def test_imports_are_read(source: str, found: set[str]) -> None:
    assert read_imports("bots.mod.handlers", source, is_package=False) == found


def test_imports_of_a_package_are_relative_to_itself() -> None:
    assert read_imports("bots.mod", "from . import rules", is_package=True) == {"bots", "bots.mod.rules"}
    assert read_imports("bots.mod", "from ..shared import x", is_package=True) == {
        "bots",
        "bots.shared",
        "bots.shared.x",
    }


IMPORTS = {
    "bots.mod": {"bots.mod.core", "bots.mod.handlers", "bots.mod.more"},
    "bots.mod.core": {"bots.mod.settings"},
    "bots.mod.handlers": {"bots.mod.core", "bots.mod.rules"},
    "bots.mod.more": {"bots.mod.core"},
    "bots.mod.rules": {"bots.words"},
    "bots.mod.settings": set[str](),
    "bots.words": set[str](),
    "bots.other": {"bots.words"},
    "bots.cycle_a": {"bots.cycle_b"},
    "bots.cycle_b": {"bots.cycle_a"},
}
HOLDERS = {"bots.mod", "bots.mod.core", "bots.mod.handlers", "bots.mod.more", "bots.other"}
MOD = {"bots.mod", "bots.mod.core", "bots.mod.handlers", "bots.mod.more"}


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        ({"bots.mod.rules"}, MOD | {"bots.mod.rules"}),
        ({"bots.mod.handlers"}, MOD),  # the bot of core would get its handlers twice, and lose those of more
        ({"bots.mod.settings"}, MOD | {"bots.mod.settings"}),
        ({"bots.mod"}, MOD),
        ({"bots.other"}, {"bots.other"}),
        ({"bots.words"}, MOD | {"bots.mod.rules", "bots.words", "bots.other"}),
        ({"bots.cycle_b"}, {"bots.cycle_a", "bots.cycle_b"}),
        (set[str](), set[str]()),
    ],
)
def test_who_depends_on_a_change_and_who_fills_the_same_bot_is_affected(changed: set[str], affected: set[str]) -> None:
    assert find_affected(IMPORTS, changed, HOLDERS) == affected
