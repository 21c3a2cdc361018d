"""The resources of one life of a bot while they are open: each in a task of its own, so that each can be closed alone.

A version of the bot's code takes over what the one before it has opened, as far as that is made the same way.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog
import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit.app.binding import Injected
from botkit.app.context import BotInfo
from botkit.app.injection import Offer, Wired
from botkit.app.resources import Resource, enter_resource
from botkit.app.sameness import renew_class, same
from botkit.errors import ActorError

_log: FilteringBoundLogger = structlog.get_logger("botkit.app")


class Holding:
    """One resource of ``bot`` that is open, with its value."""

    def __init__(self, bot: BotInfo, resource: Resource, on_failure: Callable[[Exception], None]) -> None:
        self.bot, self.place = bot, resource.signature.place
        self._resource, self._on_failure = resource, on_failure
        self.value: object = None
        self.error: Exception | None = None
        """What it raised when it was closed."""
        self.scope, self.closing, self.closed = trio.CancelScope(), trio.Event(), trio.Event()

    async def run(self, arguments: Sequence[object], *, task_status: trio.TaskStatus[None]) -> None:
        """Open it; then keep it open until it is told to close.

        Raises what opening it raises; ``on_failure`` gets what it raises of itself after that, until it is closed.
        """
        started = False
        try:
            with self.scope:
                async with enter_resource(self._resource, arguments) as self.value:
                    started = True
                    task_status.started()
                    await self.closing.wait()
            if not self.closing.is_set() and not self.scope.cancel_called:
                raise ActorError(f"something inside of the actor cancelled it: resource {self.place.name}()")
        except Exception as error:
            if not started:
                raise
            if self.closing.is_set():
                self.error = error
            else:
                self._on_failure(error)
        finally:
            self.closed.set()

    async def close(self) -> None:
        """Close it, and wait until that is done. A cancel cancels what it does on the way, and is passed on."""
        self.closing.set()
        try:
            await self.closed.wait()
        except trio.Cancelled:
            self.scope.cancel()
            with trio.CancelScope(shield=True):
                await self.closed.wait()
            raise


class Part(NamedTuple):
    """A resource as one version of the code has it, and what is open for it."""

    resource: Resource
    wired: Wired
    holding: Holding


class Opened:
    """What one version of the code holds: the values of all that it offers, and which of them are resources."""

    def __init__(self, values: Injected, parts: Sequence[Part]) -> None:
        self.values, self.parts = values, tuple(parts)

    @property
    def holdings(self) -> list[Holding]:
        """What is open for it, in the order of opening."""
        return [part.holding for part in self.parts]

    def take_over(self) -> None:
        """It is in force now: what it has of the version before is made to be of its own classes, where it can be."""
        for part in self.parts:
            renew_class(part.holding.value)


class Holdings:
    """All resources of ``bot`` that are open, in the order of their opening."""

    def __init__(self, bot: BotInfo) -> None:
        self._bot = bot
        self._open: list[Holding] = []
        self._nursery: trio.Nursery | None = None
        self._work = trio.CancelScope()
        self._opening: trio.CancelScope | None = None
        self._failure: Exception | None = None

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Inside, resources can be opened; at the end all are closed, the latest first, also on a cancel.

        A resource that fails meanwhile cancels the block, and what it raised comes out.
        """
        over = trio.Event()
        async with trio.open_nursery() as nursery:
            with trio.CancelScope(shield=True):  # or a cancel now would leave it where `started` is not listened to
                self._nursery = await nursery.start(_keep_open, over)
            try:
                with self._work:
                    yield
            finally:
                self._nursery = None
                if self._opening is not None:
                    self._opening.cancel()
                try:
                    await self._close_all()
                finally:
                    over.set()
        if self._failure is not None:
            raise self._failure

    async def open(
        self, resources: Sequence[tuple[Resource, Wired]], known: Mapping[Offer, object], before: Opened | None = None
    ) -> Opened:
        """Open what ``resources`` name, in order, with ``known`` for what they ask for besides.

        What ``before`` holds and is made in the same way is taken over. When one cannot be opened, or on a cancel,
        those that were opened here are closed again. Raises what it raises; ``ActorError`` when the block has ended.
        """
        values = dict(known)
        parts: list[Part] = []
        fresh: list[Holding] = []
        try:
            with trio.CancelScope() as self._opening:
                for resource, wired in resources:
                    holding = None if before is None else _counterpart(resource, wired, values, before)
                    if holding is None:
                        holding = Holding(self._bot, resource, self._failed)
                        fresh.append(holding)
                        await self._start(holding, [values[one] for one in wired.sources if isinstance(one, Offer)])
                    values[resource] = holding.value
                    parts.append(Part(resource, wired, holding))
                return Opened(values, parts)
        except BaseException:
            await self.close(fresh)
            raise
        raise ActorError("the bot has ended meanwhile")

    async def _start(self, holding: Holding, arguments: Sequence[object]) -> None:
        if self._nursery is None:
            raise ActorError("the bot has ended meanwhile")
        self._open.append(holding)
        try:
            await self._nursery.start(holding.run, arguments)
        except BaseException:
            holding.closed.set()  # also where it has not come so far as to begin
            if holding in self._open:
                self._open.remove(holding)
            raise

    async def close(self, holdings: Sequence[Holding]) -> None:
        """Close these, the latest first. What one raises is logged."""
        for holding in reversed(holdings):
            if holding in self._open:
                self._open.remove(holding)
                await holding.close()
                if holding.error is not None:
                    name = holding.place.name
                    _log.error(
                        "a resource failed when it was closed",
                        bot=self._bot.name,
                        resource=name,
                        exc_info=holding.error,
                    )

    def _failed(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._work.cancel()

    async def _close_all(self) -> None:
        errors: list[Exception] = []
        while self._open:
            holding = self._open.pop()
            try:
                await holding.close()
            except trio.Cancelled:
                pass  # the others are to be closed, too; it is raised again below
            if holding.error is not None:
                errors.append(holding.error)
        await trio.lowlevel.checkpoint_if_cancelled()
        if errors:
            raise errors[0] if len(errors) == 1 else ExceptionGroup("resources failed when they were closed", errors)


async def _keep_open(over: trio.Event, *, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Where resources live: no cancel from outside comes here, so that they end in order, after those who use them."""
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await over.wait()


def _counterpart(resource: Resource, wired: Wired, values: Injected, before: Opened) -> Holding | None:
    """What ``before`` holds and is made like this one, of the same values."""
    for part in before.parts:
        if (
            same(part.resource.provides, resource.provides)
            and same(part.resource.function, resource.function)
            and _same_sources(part.wired, before.values, wired, values)
        ):
            return part.holding
    return None


def _same_sources(before: Wired, old: Injected, after: Wired, new: Injected) -> bool:
    pairs = zip(before.sources, after.sources, strict=True)
    return all(
        isinstance(a, Offer) and isinstance(b, Offer) and (old[a] is new[b] or _same_settings(old[a], new[b]))
        for a, b in pairs
    )


def _same_settings(a: object, b: object) -> bool:
    return isinstance(a, Struct) and isinstance(b, Struct) and same(a, b)
