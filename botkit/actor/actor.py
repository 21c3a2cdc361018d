"""An actor: a state that only one task touches, and that handles one message at a time."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar, TypeVarTuple

import trio

from botkit.actor.child import DEFAULT_STOP_SECONDS, ChildSpec, Lifetime, Restart
from botkit.actor.exits import Exit, without_needless_groups
from botkit.actor.kinds import Kind
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.ref import ActorRef, PendingAsk
from botkit.actor.tree import TreeNode
from botkit.errors import ActorDead, ActorError

M = TypeVar("M")
Ts = TypeVarTuple("Ts")


class Actor(ABC, Generic[M]):
    """The base of actors; ``M`` is what they take.

    A subclass writes ``on_receive`` and, where it needs them, ``on_start`` and ``on_stop``, or ``lifespan``
    when it holds context managers for its whole life. Each life is a new instance. What raises in any of
    them, or in a task started with ``start_soon``, ends this life; the supervisor decides what follows.
    ``ref`` is its own ref, there from ``on_start`` on: ``self.ref.watch(other)``.
    """

    ref: ActorRef[M]
    _life: "_Life"

    async def on_start(self) -> None:
        """Called first. The actor counts as started when it returns."""

    @abstractmethod
    async def on_receive(self, message: M) -> object:
        """Called with each message, one at a time. What it returns answers a ``Question``.

        Where there is much to do, others run after 0.1 ms or 256 messages. ``stop``, and a cancel that came while it
        slept, are seen before the next message; one that it makes itself in a scope of others, at the end of the turn.
        """

    async def on_stop(self) -> None:
        """Called last, after an error too. It has the rest of ``stop_seconds``, then it is cancelled."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Around the whole life: calls ``on_start`` and ``on_stop``."""
        await self.on_start()
        try:
            yield
        finally:
            await self.on_stop()

    def start_soon(self, function: Callable[[*Ts], Awaitable[object]], *args: *Ts) -> None:
        """Run a task beside the message loop, from the end of ``on_start`` until the actor stops.

        It is cancelled before ``on_stop``. When it raises, the actor ends with that error.
        """
        self._life.start_soon(lambda: function(*args))

    def stop(self) -> None:
        """End this actor normally, once the current step is at its next checkpoint."""
        self._life.stop()

    def below(self) -> tuple[TreeNode, ...]:
        """What runs below it, for the tree: the ``nodes()`` of its own supervisors, if it has any. To be overridden."""
        return ()


class _Life:
    """One life of an actor: its scope and its tasks."""

    def __init__(self, lifetime: Lifetime) -> None:
        self.work = lifetime.work
        self.over = False
        self._lifetime = lifetime
        self._failure: Exception | None = None
        self._nursery: trio.Nursery | None = None
        self._early: list[Callable[[], Awaitable[object]]] = []

    def start_soon(self, function: Callable[[], Awaitable[object]]) -> None:
        if self._nursery is None:
            self._early.append(function)
        else:
            self._nursery.start_soon(function)

    def open(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        for function in self._early:
            nursery.start_soon(function)

    def stop(self) -> None:
        self.over = True
        self.work.cancel()

    def fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        self.stop()

    def exit(self) -> Exit:
        """How it ended, when nothing was raised. Raises what ``fail`` was given, and for an end nobody asked for."""
        if self._failure is not None:
            raise self._failure
        if not self.work.cancel_called:
            raise ActorError("something inside of the actor cancelled it; to end it, call its stop()")
        return Exit.STOPPED if self._lifetime.stop_asked else Exit.RETURNED


@dataclass(frozen=True, slots=True)
class ActorChild(Generic[M]):
    """An actor that is ready to be supervised: ``spec`` for the supervisor, ``ref`` for everybody else."""

    ref: ActorRef[M]
    spec: ChildSpec


def actor_child(
    name: str,
    factory: Callable[[], Actor[M]],
    *,
    capacity: int = 1024,
    policy: OverflowPolicy = OverflowPolicy.BLOCK,
    restart: Restart = Restart.PERMANENT,
    stop_seconds: float = DEFAULT_STOP_SECONDS,
    kind: Kind[M] | None = None,
    tags: Iterable[str] = (),
    detail: Callable[[], str] | None = None,
) -> ActorChild[M]:
    """An actor as a child of a supervisor. ``factory`` makes the instance for each life.

    The mailbox (``capacity`` messages, ``policy`` when full) outlives a restart; the message that an actor
    ended on is not handed to its next life. A registry finds it by ``name``, ``kind`` and ``tags``; ``detail`` gives
    the tree a few words more.
    """
    ref = ActorRef[M](name, capacity, policy, kind=kind, tags=frozenset(tags))
    present: list[Actor[M]] = []

    async def run(lifetime: Lifetime) -> None:
        present[:] = [factory()]
        await _run_life(present[0], ref, lifetime)

    spec = ChildSpec(
        name=name,
        run=run,
        restart=restart,
        stop_seconds=stop_seconds,
        on_gone=ref.close,
        kind=kind.name if kind is not None else "actor",
        ref=ref,
        detail=detail,
        below=lambda: tuple(node for actor in present for node in actor.below()),
    )
    return ActorChild(ref, spec)


async def _run_life(actor: Actor[M], ref: ActorRef[M], lifetime: Lifetime) -> None:
    actor.ref, actor._life = ref, _Life(lifetime)
    ref.begin_life(actor._life)
    try:
        async with actor.lifespan():
            with lifetime.work:
                async with trio.open_nursery() as nursery:
                    actor._life.open(nursery)
                    lifetime.started()
                    await _receive_all(actor, ref)
        exit = actor._life.exit()
    except Exception as error:
        ref.end_life(Exit.RAISED, without_needless_groups(error))
        raise
    except BaseException:
        ref.end_life(Exit.KILLED)
        raise
    ref.end_life(exit)


async def _receive_all(actor: Actor[M], ref: ActorRef[M]) -> None:
    mailbox, life, task = ref.mailbox, actor._life, trio.lowlevel.current_task()
    while True:
        await mailbox.wait()
        task.custom_sleep_data = mailbox
        for message in mailbox.at_hand():
            if type(message) is PendingAsk:
                await _answer(actor, ref, message)
            else:
                await actor.on_receive(message)  # type: ignore[arg-type]  # a ref lets in nothing but M
            # Was it cancelled? Only if it has ended itself, or has slept, where trio puts None into custom_sleep_data:
            # to ask trio after each message would be 0.2 of 0.7 µs.
            if life.over or task.custom_sleep_data is not mailbox:
                await trio.lowlevel.checkpoint_if_cancelled()
                task.custom_sleep_data = mailbox


async def _answer(actor: Actor[M], ref: ActorRef[M], pending: PendingAsk) -> None:
    try:
        answer = await actor.on_receive(pending.question)  # type: ignore[arg-type]  # as above
    except BaseException as error:  # cancelled too: nobody may wait for an answer that will not come
        dead = ActorDead(ref.name)
        dead.__cause__ = error if isinstance(error, Exception) else None
        pending.fail(dead)
        raise
    pending.answer(answer)
