"""What sort of actor an actor is: one of the things that a registry finds it by."""

from typing import Generic, TypeVar

M_contra = TypeVar("M_contra", contravariant=True)


class Kind(Generic[M_contra]):
    """A sort of actors, all of which take messages of type ``M`` (Akka's ``ServiceKey``).

    Make one constant for each sort, ``WORKER = Kind[Job]("worker")``: a kind is found by itself, not by its name, so
    that what is found is known to take the messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<Kind {self.name}>"
