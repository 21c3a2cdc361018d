"""What a bot holds for its whole life: databases, files, models. Opened before its sessions, closed after them."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias, get_args, get_origin

from botkit.app.injection import Offer, Scope, Wired, wire
from botkit.app.signatures import Signature, describe, place_of, read_signature

ResourceFunction: TypeAlias = Callable[..., AsyncIterator[object]]


@dataclass(frozen=True, slots=True, eq=False)
class Resource(Offer):
    """A resource function that was read."""

    function: ResourceFunction
    signature: Signature


def read_resource(function: ResourceFunction) -> Resource:
    """Read what a resource function provides. Raises ``HandlerError`` with file and line."""
    place = place_of(function)
    if not inspect.isasyncgenfunction(function):
        raise place.error("a resource is an async def with one yield, and without @asynccontextmanager")
    signature = read_signature(function)
    arguments = get_args(signature.returns)
    if get_origin(signature.returns) not in (AsyncIterator, AsyncGenerator) or not arguments:
        raise place.error("a resource says what it provides: -> AsyncIterator[T]")
    for parameter in signature.parameters:
        if parameter.keyword_only:
            raise place.error(f"parameter {parameter.name}: a resource takes plain parameters")
    return Resource(arguments[0], function, signature)


def wire_resource(resource: Resource, scope: Scope, opened: Collection[Offer]) -> Wired:
    """Find what the resource asks for; of resources, those in ``opened`` are there. Raises ``HandlerError``."""
    wired = wire(resource.signature, (), scope)
    for parameter, source in zip(resource.signature.parameters, wired.sources, strict=True):
        asked = f"parameter {parameter.name}: {describe(parameter.annotation)}"
        if not isinstance(source, Offer):
            raise resource.signature.place.error(f"{asked} comes with an event, and resources are opened before")
        if isinstance(source, Resource) and source not in opened:
            raise resource.signature.place.error(f"{asked} is opened after this: declare it above")
    return wired


def enter_resource(resource: Resource, arguments: Sequence[object]) -> AbstractAsyncContextManager[object]:
    """What opens it with these arguments, gives its value, and closes it."""
    return asynccontextmanager(resource.function)(*arguments)
