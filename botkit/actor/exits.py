"""How a child's life ended, and what those are told who watch an actor."""

from enum import Enum

from msgspec import Struct


class Exit(Enum):
    """How one life of a child ended: the first three by itself, the others because it was asked to."""

    RETURNED = "returned"
    """It returned, or stopped itself: a normal end."""
    RAISED = "raised"
    """It raised, or was cancelled by something inside of it."""
    NOT_STARTED = "not_started"
    """It raised before it was ready."""
    STOPPED = "stopped"
    """Its supervisor stopped it, and it did in time."""
    KILLED = "killed"
    """Its supervisor stopped it, and cut it off since it passed its stop deadline."""

    @property
    def crashed(self) -> bool:
        """Whether it ended by an error of its own."""
        return self in (Exit.RAISED, Exit.NOT_STARTED)


class Terminated(Struct, frozen=True, kw_only=True):
    """The actor named ``actor`` has ended for good; ``exit`` and ``error`` say how its last life ended.

    What a watcher gets in its mailbox (Akka's ``Terminated``, OTP's ``DOWN``). A restart is not told: the ref lives on.
    """

    actor: str
    exit: Exit
    error: Exception | None = None


def without_needless_groups(error: Exception) -> Exception:
    """The one error inside of nested groups that hold nothing else; otherwise the error itself."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
