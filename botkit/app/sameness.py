"""Whether two versions of a function or a class, before and after its module was executed anew, do the same.

They do when they are written alike, wherever in the file, and so is all of the modules' own that they name: helpers,
base classes, constants. In doubt they do not.
"""

import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct, structs

_OF_NO_CONCERN = frozenset(
    {"__dict__", "__weakref__", "__doc__", "__firstlineno__", "__annotations_cache__", "__abstractmethods__"}
    | {"_abc_impl", "__static_attributes__", "__dataclass_fields__"}
)
"""What a class has that says nothing of what it does."""

_CODE = ("co_code", "co_names", "co_varnames", "co_freevars", "co_argcount", "co_kwonlyargcount", "co_flags")


_PARTS: Mapping[type, Sequence[str]] = {
    partial: ("func", "args", "keywords"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
}
"""What wraps functions, and what of it counts."""


def same(before: object, after: object) -> bool:
    """Whether both do the same: functions, classes, or values; see above."""
    return _Comparison().same(before, after)


def renew_class(value: object) -> None:
    """Make ``value`` one of the class that its own has become, if that does the same, and can be.

    So it is what its new code takes it for, and its methods call new code.
    """
    old = type(value)
    found: object = sys.modules.get(old.__module__)
    for name in old.__qualname__.split("."):
        found = getattr(found, name, None)
    if isinstance(found, type) and found is not old and same(old, found):
        try:
            object.__setattr__(value, "__class__", found)
        except TypeError:
            return  # a layout that Python does not let change: its methods go on as they were


class _Comparison:
    """One comparison; what it has begun to compare counts as the same, so that it ends, and is compared once."""

    def __init__(self) -> None:
        self._begun: dict[tuple[int, int], tuple[object, object]] = {}  # with the objects: so no id is used again

    def same(self, a: object, b: object) -> bool:
        """Whether code that uses ``a`` would do the same with ``b``; in doubt, it would not."""
        if a is b or (id(a), id(b)) in self._begun:
            return True
        self._begun[id(a), id(b)] = a, b
        if isinstance(a, types.ModuleType) or not self.same(type(a), type(b)):
            return False  # two modules: who knows what is asked of them
        match a, b:
            case types.FunctionType(), types.FunctionType():
                return self._same_function(a, b)
            case type(), type():
                return self._same_class(a, b)
            case types.CodeType(), types.CodeType():
                return self._same_code(a, b)
            case Struct(), Struct():
                return self._same_items(structs.astuple(a), structs.astuple(b))
            case Mapping(), Mapping():
                return a.keys() == b.keys() and all(self.same(a[key], b[key]) for key in a)
            case (list() | tuple(), list() | tuple()):
                return self._same_items(a, b)
        for kind, parts in _PARTS.items():
            if isinstance(a, kind):
                return all(self.same(getattr(a, part), getattr(b, part)) for part in parts)
        return _equal(a, b)

    def _same_items(self, a: Sequence[object], b: Sequence[object]) -> bool:
        return len(a) == len(b) and all(map(self.same, a, b))

    def _same_function(self, a: types.FunctionType, b: types.FunctionType) -> bool:
        if not self._same_code(a.__code__, b.__code__):
            return False
        parts = [(one.__defaults__, one.__kwdefaults__, one.__annotations__, one.__dict__) for one in (a, b)]
        if not self._same_items(*parts) or not self._same_items(_closed_over(a), _closed_over(b)):
            return False
        return all(
            name in b.__globals__ and self.same(a.__globals__[name], b.__globals__[name])
            for name in _names(a.__code__)
            if name in a.__globals__
        )

    def _same_code(self, a: types.CodeType, b: types.CodeType) -> bool:
        return all(getattr(a, part) == getattr(b, part) for part in _CODE) and self._same_items(
            a.co_consts, b.co_consts
        )

    def _same_class(self, a: type, b: type) -> bool:
        if (a.__module__, a.__qualname__) != (b.__module__, b.__qualname__):
            return False
        if not self._same_items(a.__bases__, b.__bases__):
            return False
        if issubclass(a, Struct) and issubclass(b, Struct):
            of_structs = [(one.__struct_defaults__, _public(one.__struct_config__)) for one in (a, b)]
            if not self._same_items(*of_structs):
                return False
        own = [{name: value for name, value in vars(one).items() if name not in _OF_NO_CONCERN} for one in (a, b)]
        return self.same(*own)


def _public(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in dir(value) if not name.startswith("_")}


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _closed_over(function: types.FunctionType) -> list[object]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return [cell.cell_contents for name, cell in cells if name != "__class__"]


def _equal(a: object, b: object) -> bool:
    try:
        if a == b:
            return True
        shown = repr(a)
        return shown == repr(b) and " at 0x" not in shown
    except Exception:  # noqa: BLE001 - whatever somebody's == or repr raises: not the same
        return False
