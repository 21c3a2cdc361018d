"""Two versions of a module: which of its functions and classes do the same in both."""

import sys
from types import ModuleType

import pytest

from botkit.app.sameness import renew_class, same

BEFORE = """
import dataclasses, functools, enum, re
from msgspec import Struct
import structlog

LIMIT = 3
PATTERN = re.compile("a+")
_log = structlog.get_logger("x")

class Colour(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Entry:
    name: str
    count: int = LIMIT

class Base:
    def __init__(self):
        self.entries = [Entry("x")]
    def grow(self):
        return helper(len(self.entries))

class Store(Base):
    "What is kept."
    kinds = {"a": (1, 2)}
    def __init__(self):
        super().__init__()
        self.colour = Colour.RED
    @property
    def first(self):
        return self.entries[0]
    @staticmethod
    def plain():
        return LIMIT
    @classmethod
    def make(cls):
        _log.info("made")
        return cls()

class Settings(Struct, frozen=True):
    path: str = "here"

def helper(number):
    return max((one for one in range(number)), default=LIMIT)

bound = functools.partial(helper, 7)

async def store(settings: Settings, *, most: int = LIMIT):
    while not PATTERN.match(settings.path):
        bound()
    yield Store.make()

def recursive(number):
    return recursive(number - 1) if number else store
"""

PARTS = ("Entry", "Base", "Store", "Settings", "helper", "bound", "store", "recursive", "Colour")

CHANGES = [
    ("\nLIMIT = 3", "\n\n\n# a comment\nLIMIT = 3", set[str]()),
    ('"What is kept."', '"What we keep."', set[str]()),
    ("LIMIT = 3", "LIMIT = 4", {"Entry", "Base", "Store", "helper", "bound", "store", "recursive"}),
    ('"a+"', '"b+"', {"store", "recursive"}),
    ("RED = 1", "RED = 2", {"Colour", "Store", "store", "recursive"}),
    ("name: str", "name: bytes", {"Entry", "Base", "Store", "store", "recursive"}),
    ("(1, 2)", "(1, 3)", {"Store", "store", "recursive"}),
    ("return self.entries[0]", "return self.entries[-1]", {"Store", "store", "recursive"}),
    ("class Store(Base)", "class Store(Base, dict)", {"Store", "store", "recursive"}),
    ('path: str = "here"', 'path: str = "there"', {"Settings", "store", "recursive"}),
    ("helper, 7", "helper, 8", {"bound", "store", "recursive"}),
    ("number - 1", "number - 2", {"recursive"}),
    ("default=LIMIT", "default=-LIMIT", {"helper", "bound", "Base", "Store", "store", "recursive"}),
    ("most: int", "most: float", {"store", "recursive"}),
    ("range(number)", "len(number)", {"helper", "bound", "Base", "Store", "store", "recursive"}),
]


def module(text: str) -> ModuleType:
    made = ModuleType("sameness_example")
    sys.modules["sameness_example"] = made
    exec(compile(text, "example.py", "exec"), made.__dict__)
    return made


@pytest.fixture(autouse=True)
def _forget() -> None:
    sys.modules.pop("sameness_example", None)


@pytest.mark.parametrize(("old", "new", "changed"), CHANGES)
def test_what_is_written_alike_and_all_that_it_names_is_the_same(old: str, new: str, changed: set[str]) -> None:
    assert old in BEFORE
    before, after = module(BEFORE), module(BEFORE.replace(old, new, 1))
    assert {part for part in PARTS if not same(getattr(before, part), getattr(after, part))} == changed


def test_what_nobody_knows_is_not_the_same() -> None:
    assert not same(object(), object())
    assert not same(ModuleType("m"), ModuleType("m"))
    assert not same(lambda: 1, print)

    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ValueError("no")

        __hash__ = None  # type: ignore[assignment]

    assert not same(Odd(), Odd())
    assert not same({"a": 1}, {"b": 1})
    assert not same([1], [1, 2])


def test_a_value_becomes_one_of_the_new_class() -> None:
    before = module(BEFORE)
    value = before.Store()
    after = module(BEFORE.replace("LIMIT = 3", "LIMIT =  3"))
    renew_class(value)
    assert type(value) is after.Store
    assert isinstance(value, after.Base)
    assert value.grow.__func__.__globals__ is after.__dict__


def test_a_value_of_a_class_that_has_changed_stays_what_it_is() -> None:
    before = module(BEFORE)
    store, settings, number = before.Store(), before.Settings(), 7
    module(BEFORE.replace("LIMIT = 3", "LIMIT = 4"))
    for value in (store, settings, number):
        renew_class(value)
    assert type(store) is before.Store
    assert number == 7
