"""What a handler asks for, read from its signature when it is registered, and handed over at each call.

Parameters are told apart by type alone: the event, ``Context``, ``BotInfo``, the bot's settings, a resource.
"""

import inspect
import types
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Never, NoReturn, TypeAlias, Union, get_args, get_origin

from botkit.app.context import BotInfo, Context
from botkit.errors import HandlerError
from botkit.events import Event

HandlerFunction: TypeAlias = Callable[..., Awaitable[None]]
BoundHandler: TypeAlias = Callable[[Event | None, Context], Awaitable[None]]
Injected: TypeAlias = Mapping[object, object]
"""Values by the type that a parameter asks for: ``BotInfo``, the settings' struct, resources."""


class _FromCall:
    """A parameter whose value comes with each call."""

    def __init__(self, name: str) -> None:
        self.name = name


EVENT, CONTEXT = _FromCall("event"), _FromCall("context")


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
    """A parameter's name, and what it gets: ``EVENT``, ``CONTEXT`` or the type of something injected."""

    name: str
    source: object
    keyword_only: bool


@dataclass(frozen=True, slots=True)
class Handler:
    """A checked handler function."""

    function: HandlerFunction
    place: Place
    parameters: tuple[Parameter, ...]

    def bind(self, injected: Injected) -> BoundHandler:
        """The handler as a function of event and context, with all else filled in."""
        function = self.function
        sources = [parameter.source for parameter in self.parameters if not parameter.keyword_only]
        named = {parameter.name: parameter.source for parameter in self.parameters if parameter.keyword_only}
        if not named and sources == [EVENT, CONTEXT]:
            return function
        values = [injected.get(source) for source in sources]
        named_values = {name: injected.get(source) for name, source in named.items()}
        event_at, context_at = _positions(sources, EVENT), _positions(sources, CONTEXT)
        event_names = [name for name, source in named.items() if source is EVENT]
        context_names = [name for name, source in named.items() if source is CONTEXT]

        def call(event: Event | None, context: Context) -> Awaitable[None]:
            arguments, keywords = values.copy(), named_values.copy()
            for position in event_at:
                arguments[position] = event
            for position in context_at:
                arguments[position] = context
            keywords.update(dict.fromkeys(event_names, event))
            keywords.update(dict.fromkeys(context_names, context))
            return function(*arguments, **keywords)

        return call


def _positions(sources: list[object], source: object) -> list[int]:
    return [position for position, other in enumerate(sources) if other is source]


def read_handler(function: HandlerFunction, event_type: type[Event] | None, known: Collection[object]) -> Handler:
    """Check a handler for events of ``event_type`` (None: it gets no event) and read what it asks for.

    ``known`` are the types that can be injected. Raises ``HandlerError`` with file and line.
    """
    place = place_of(function)
    if not inspect.iscoroutinefunction(function):
        raise place.error("must be written with async def")
    signature = signature_of(function, place)
    if signature.return_annotation not in (inspect.Signature.empty, None, NoReturn, Never):
        raise place.error(f"must return None, not {describe(signature.return_annotation)}: nobody reads it")
    parameters = tuple(
        Parameter(
            parameter.name,
            _source(parameter, place, event_type, known),
            parameter.kind is inspect.Parameter.KEYWORD_ONLY,
        )
        for parameter in signature.parameters.values()
    )
    return Handler(function, place, parameters)


def place_of(function: Callable[..., object]) -> Place:
    """Where a function, a method or what wraps one is written."""
    inner: object = inspect.unwrap(function)
    while hasattr(inner, "func"):  # functools.partial
        inner = inner.func
    code = getattr(inner, "__code__", None)
    if not isinstance(code, types.CodeType):
        return Place(repr(function), "<unknown>", 0)
    return Place(code.co_name, code.co_filename, code.co_firstlineno)


def signature_of(function: Callable[..., object], place: Place) -> inspect.Signature:
    """The signature with its annotations evaluated. Raises ``HandlerError`` when they cannot be."""
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        raise place.error(f"an annotation cannot be read: {error}; import it at the top of the module") from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise place.error(f"an annotation cannot be read: {error}") from None


def _source(
    parameter: inspect.Parameter, place: Place, event_type: type[Event] | None, known: Collection[object]
) -> object:
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise place.error(f"parameter {parameter}: a handler gets what it names, nothing else")
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty:
        raise place.error(f"parameter {parameter.name} has no type; parameters are told apart by type")
    if annotation is Context:
        return CONTEXT
    if event_type is not None and _takes(annotation, event_type):
        return EVENT
    if annotation in known:
        return annotation
    raise place.error(_misfit(parameter.name, annotation, event_type, known))


def _takes(annotation: object, event_type: type[Event]) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_takes(member, event_type) for member in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, Event) and issubclass(event_type, annotation)


def _misfit(name: str, annotation: object, event_type: type[Event] | None, known: Collection[object]) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Event):
        if event_type is None:
            return f"parameter {name}: {annotation.__name__} is an event, but here is none"
        return f"parameter {name}: {annotation.__name__} is not the event here, which is {event_type.__name__}"
    offered = [event_type.__name__] if event_type is not None else []
    offered += sorted({"Context", *(describe(one) for one in known)})
    return (
        f"parameter {name}: nothing of type {describe(annotation)} is known here; known are {', '.join(offered)}"
        " (a resource must be declared above its handlers)"
    )


def describe(annotation: object) -> str:
    """The name of a type as a person would write it."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


ALWAYS_KNOWN: tuple[object, ...] = (BotInfo,)
"""What every handler may ask for besides event and context."""
