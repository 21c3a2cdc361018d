"""What a bot holds for its whole life: databases, files, models. Opened before its sessions, closed after them."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias, get_args, get_origin

from botkit.app.signatures import Injected, Place, describe, place_of, signature_of

ResourceFunction: TypeAlias = Callable[..., AsyncIterator[object]]


@dataclass(frozen=True, slots=True)
class Resource:
    """A checked resource function: what it provides, and what it asks for, in order."""

    function: ResourceFunction
    place: Place
    provides: object
    needs: tuple[object, ...]


def read_resource(function: ResourceFunction, known: Collection[object]) -> Resource:
    """Check a resource function and read what it provides. Raises ``HandlerError`` with file and line."""
    place = place_of(function)
    if not inspect.isasyncgenfunction(function):
        raise place.error("a resource is an async def with one yield, and without @asynccontextmanager")
    signature = signature_of(function, place)
    arguments = get_args(signature.return_annotation)
    if get_origin(signature.return_annotation) not in (AsyncIterator, AsyncGenerator) or not arguments:
        raise place.error("a resource says what it provides: -> AsyncIterator[T]")
    provides = arguments[0]
    if provides in known:
        raise place.error(f"{describe(provides)} is provided already")
    for parameter in signature.parameters.values():
        if parameter.annotation not in known:
            offered = ", ".join(sorted(describe(one) for one in known))
            raise place.error(
                f"parameter {parameter.name}: nothing of type {describe(parameter.annotation)} is known here; "
                f"known are {offered}"
            )
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            raise place.error(f"parameter {parameter}: a resource takes plain parameters")
    return Resource(function, place, provides, tuple(one.annotation for one in signature.parameters.values()))


@asynccontextmanager
async def open_resources(resources: Sequence[Resource], injected: Injected) -> AsyncIterator[Injected]:
    """Open the resources in order, and close them in reverse; gives ``injected`` and their values."""
    values = dict(injected)
    async with AsyncExitStack() as stack:
        for resource in resources:
            arguments = [values[need] for need in resource.needs]
            opened = asynccontextmanager(resource.function)(*arguments)
            values[resource.provides] = await stack.enter_async_context(opened)
        yield values
