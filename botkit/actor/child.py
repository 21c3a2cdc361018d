"""How a supervisor starts, restarts and stops one child."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Never, TypeAlias

import trio

from botkit.actor.exits import Terminated
from botkit.actor.ref import ActorRef
from botkit.actor.tree import TreeNode

DEFAULT_STOP_SECONDS = 5.0
"""How long a child may take to clean up, unless its spec says otherwise."""


class Restart(Enum):
    """When a child that ended by itself is started again (OTP's restart types)."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """When it raised; a return is a normal end."""
    TEMPORARY = "temporary"
    """Never, not even when a sibling's end stopped it."""


class Lifetime:
    """What whoever runs a child hands to it.

    The child does its work under ``with lifetime.work:``, calls ``started()`` when it is ready, and cleans up
    after the block. To stop it, ``work`` is cancelled; what is outside of it goes on undisturbed, for at most
    the child's ``stop_seconds``. A child that has not said ``started()`` yet is cancelled as a whole.
    """

    def __init__(self, on_started: Callable[[], None]) -> None:
        self.work = trio.CancelScope()
        self.stop_asked = False
        """True once the supervisor stops this life."""
        self._on_started = on_started

    def started(self, _value: None = None) -> None:
        """Say that the child is ready: the next one may start. Takes what ``trio.TaskStatus`` takes."""
        self._on_started()


ChildRun: TypeAlias = Callable[[Lifetime], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One child of a supervisor.

    ``name`` is unique within the supervisor. ``run`` is called for each life of the child, with a new
    ``Lifetime``. ``stop_seconds`` bounds its cleaning up (``math.inf`` for a supervisor, whose own children
    have bounds). ``on_gone`` is called once the child has ended for good, with how.

    What else is there is for those who look: ``kind`` says in a word what it is, ``ref`` is the actor's, ``detail``
    and ``below`` are asked for a few words more and for what runs below it whenever the tree is looked at.
    """

    name: str
    run: ChildRun
    restart: Restart = Restart.PERMANENT
    stop_seconds: float = DEFAULT_STOP_SECONDS
    on_gone: Callable[[Terminated], None] | None = None
    kind: str = "task"
    ref: ActorRef[Never] | None = None
    detail: Callable[[], str] | None = None
    below: Callable[[], tuple[TreeNode, ...]] | None = None


def task_child(
    name: str,
    function: Callable[[], Awaitable[None]],
    *,
    restart: Restart = Restart.PERMANENT,
    stop_seconds: float = DEFAULT_STOP_SECONDS,
) -> ChildSpec:
    """A child that is just an async function: ready at once, cancelled to stop it."""

    async def run(lifetime: Lifetime) -> None:
        with lifetime.work:
            lifetime.started()
            await function()

    return ChildSpec(name=name, run=run, restart=restart, stop_seconds=stop_seconds)
