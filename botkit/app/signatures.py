"""What a function asks for, read from its signature when it is registered.

Parameters are told apart by type alone; ``injection`` says where their values come from.
"""

import inspect
import types
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Never, NoReturn, TypeAlias, Union, get_args, get_origin

from botkit.errors import HandlerError
from botkit.events import Event

HandlerFunction: TypeAlias = Callable[..., Awaitable[None]]
EventTypes: TypeAlias = tuple[type[Event], ...]

NO_DEFAULT = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Place:
    """A function and where it is written."""

    name: str
    file: str
    line: int

    def error(self, problem: str) -> HandlerError:
        """The complaint about it."""
        return HandlerError(self.name, self.file, self.line, problem)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's name and type. ``default`` is ``NO_DEFAULT`` when it has none."""

    name: str
    annotation: object
    keyword_only: bool = False
    variadic: bool = False
    default: object = NO_DEFAULT


@dataclass(frozen=True, slots=True)
class Signature:
    """A function that was read: where it is written, what it asks for, what it returns."""

    function: Callable[..., object]
    place: Place
    parameters: tuple[Parameter, ...]
    returns: object

    def without(self, names: frozenset[str]) -> "Signature":
        """The signature without these parameters, whose values come otherwise."""
        rest = tuple(one for one in self.parameters if one.name not in names)
        return Signature(self.function, self.place, rest, self.returns)


def read_signature(function: Callable[..., object], *, variadic: bool = False) -> Signature:
    """Read the signature of a function. Raises ``HandlerError``, with file and line, for what has no type.

    ``variadic``: it may have an ``*arguments`` parameter.
    """
    place = place_of(function)
    signature = _inspected(function, place)
    parameters = []
    for one in signature.parameters.values():
        star = one.kind is inspect.Parameter.VAR_POSITIONAL
        if one.kind is inspect.Parameter.VAR_KEYWORD or (star and not variadic):
            raise place.error(f"parameter {one}: a handler gets what it names, nothing else")
        if one.annotation is inspect.Parameter.empty:
            raise place.error(f"parameter {one.name} has no type; parameters are told apart by type")
        keyword_only = one.kind is inspect.Parameter.KEYWORD_ONLY
        parameters.append(Parameter(one.name, one.annotation, keyword_only, star, one.default))
    return Signature(function, place, tuple(parameters), signature.return_annotation)


def read_handler(function: HandlerFunction, *, variadic: bool = False) -> Signature:
    """Read a handler: an ``async def`` that returns nothing. Raises ``HandlerError`` with file and line."""
    place = place_of(function)
    if not inspect.iscoroutinefunction(function):
        raise place.error("must be written with async def")
    signature = read_signature(function, variadic=variadic)
    require_no_value(signature)
    return signature


def require_no_value(signature: Signature) -> None:
    """Raise ``HandlerError`` for a function that says it returns something."""
    if signature.returns not in (inspect.Signature.empty, None, NoReturn, Never):
        raise signature.place.error(f"must return None, not {describe(signature.returns)}: nobody reads it")


def place_of(function: Callable[..., object]) -> Place:
    """Where a function, a method or what wraps one is written."""
    inner: object = inspect.unwrap(function)
    while hasattr(inner, "func"):  # functools.partial
        inner = inner.func
    code = getattr(inner, "__code__", None)
    if not isinstance(code, types.CodeType):
        return Place(repr(function), "<unknown>", 0)
    return Place(code.co_name, code.co_filename, code.co_firstlineno)


def _inspected(function: Callable[..., object], place: Place) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        raise place.error(f"an annotation cannot be read: {error}; import it at the top of the module") from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise place.error(f"an annotation cannot be read: {error}") from None


def members_of(annotation: object) -> tuple[object, ...]:
    """The members of a union; of anything else, itself."""
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def is_event(annotation: object) -> bool:
    """Whether the annotation is an event's class, or a union of such."""
    return all(isinstance(one, type) and issubclass(one, Event) for one in members_of(annotation))


def takes(annotation: object, event_type: type[Event]) -> bool:
    """Whether a parameter of this type can be given an event of ``event_type``."""
    members = members_of(annotation)
    return any(isinstance(one, type) and issubclass(one, Event) and issubclass(event_type, one) for one in members)


def describe(annotation: object) -> str:
    """The name of a type as a person would write it."""
    members = members_of(annotation)
    if len(members) > 1:
        return " | ".join("None" if member is type(None) else describe(member) for member in members)
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    origin = get_origin(annotation)
    if isinstance(origin, type) and origin.__module__.startswith("botkit."):
        return f"{origin.__name__}[{', '.join(describe(one) for one in get_args(annotation))}]"
    return str(annotation).replace("typing.", "")


def describe_all(event_types: EventTypes) -> str:
    """The names of several types, as a union."""
    return " | ".join(one.__name__ for one in event_types)
