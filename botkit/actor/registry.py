"""The registry: live actors by name, kind and tag. Owned by whoever runs their supervisors; there is no global one."""

from collections.abc import Iterator
from typing import Never, TypeVar, cast, overload

from botkit.actor.kinds import Kind
from botkit.actor.ref import ActorRef
from botkit.errors import NameTaken

M = TypeVar("M")


class Registry:
    """Finds the actors of the supervisors that were given it.

    An actor is found until it has ended for good: a name finds the same ref before a crash, while the actor waits for
    its restart, and after it. Its name is taken for as long as its supervisor runs. A registry is as long as the
    supervisors' lists of children, and needs no bound of its own.
    """

    def __init__(self) -> None:
        self._refs: dict[str, ActorRef[Never]] = {}

    def __len__(self) -> int:
        return len(list(self._alive()))

    @overload
    def find(self, name: str) -> ActorRef[Never] | None: ...

    @overload
    def find(self, name: str, kind: Kind[M]) -> ActorRef[M] | None: ...

    def find(self, name: str, kind: Kind[M] | None = None) -> ActorRef[M] | ActorRef[Never] | None:
        """The actor of this name, if there is one (OTP's ``whereis``).

        With ``kind`` only an actor of this kind, whose ref then is known to take the kind's messages; without, the ref
        is good for ``watch`` and ``link``.
        """
        ref = self._refs.get(name)
        return ref if ref is not None and not ref.ended and kind in (None, ref.kind) else None

    def of_kind(self, kind: Kind[M], *, tag: str | None = None) -> tuple[ActorRef[M], ...]:
        """All actors of this kind, with ``tag`` those that have it, by name."""
        found = (ref for ref in self._alive() if ref.kind is kind and (tag is None or tag in ref.tags))
        # An actor of a kind takes what the kind says; that this holds for a dict of refs cannot be written as a type.
        return tuple(cast("ActorRef[M]", ref) for ref in found)

    def tagged(self, tag: str) -> tuple[ActorRef[Never], ...]:
        """All actors with this tag, of whatever kind, by name."""
        return tuple(ref for ref in self._alive() if tag in ref.tags)

    def add(self, ref: ActorRef[Never]) -> None:
        """For supervisors: this actor is run from now on. Raises ``NameTaken``."""
        if ref.name in self._refs:
            raise NameTaken(ref.name)
        self._refs[ref.name] = ref

    def remove(self, ref: ActorRef[Never]) -> None:
        """For supervisors: this actor is run no more."""
        del self._refs[ref.name]

    def _alive(self) -> Iterator[ActorRef[Never]]:
        return (self._refs[name] for name in sorted(self._refs) if not self._refs[name].ended)
