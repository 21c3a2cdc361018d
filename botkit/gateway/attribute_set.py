"""The attributes of one channel or one user, and the room that there is for them.

They are counted in the bytes that they take in the answer that carries them all, where a quote takes four and a
control character seven: nobody can make a channel that is too large to be joined.
"""

from collections.abc import Iterator, Mapping

from botkit.errors import ErrorCode, SignalingError
from botkit.observability.metrics import Counter
from botkit.wire.replies import nested_size

MAX_ATTRIBUTES = 100
"""How many attributes one user or one channel may have; the vendor names no number, but everything is bounded."""


class AttributeRoom:
    """The bounds for all channels, or all users, of an app: bytes of ``each`` one (``owner``, for words).

    ``depth`` is how many strings of JSON their values are in when they are all told; ``refused`` counts.
    """

    def __init__(self, owner: str, *, depth: int, each: int, refused: Counter) -> None:
        self.owner, self.depth, self.each = owner, depth, each
        self.refused = refused

    def size_of(self, name: str, value: str) -> int:
        """The bytes that one attribute takes in the answer."""
        return nested_size(name, self.depth) + nested_size(value, self.depth) + len(":,")

    def refuse(self, whose: str, reason: str) -> SignalingError:
        """Count a refusal, and return it."""
        self.refused.add_for(whose)
        return SignalingError(ErrorCode.GENERAL_E_LARGE_PARAM, reason)


class AttributeSet(Mapping[str, str]):
    """Attributes by name, in the order in which they were set first; ``size`` is what they take in the answer."""

    __slots__ = ("_named", "_room", "size")

    def __init__(self, room: AttributeRoom, named: Mapping[str, str] | None = None) -> None:
        self._room = room
        self._named = dict(named or {})
        self.size = sum(room.size_of(name, value) for name, value in self._named.items())

    def __getitem__(self, name: str) -> str:
        return self._named[name]

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def check_room(self, name: str, value: str) -> None:
        """Raises ``SignalingError`` (1005) when setting ``name`` would be too much; what makes it less never is."""
        room = self._room
        if name not in self._named and len(self._named) >= MAX_ATTRIBUTES:
            raise room.refuse("number", f"a {room.owner} has at most {MAX_ATTRIBUTES} attributes")
        more = room.size_of(name, value) - self._size_of(name)
        if more > 0 and self.size + more > room.each:
            reason = f"the attributes of a {room.owner} are too large: {self.size + more} bytes, at most {room.each}"
            raise room.refuse(room.owner, f"{reason}, where a quote counts as several")

    def put(self, name: str, value: str) -> None:
        """Set an attribute, whether there is room for it or not."""
        self.size += self._room.size_of(name, value) - self._size_of(name)
        self._named[name] = value

    def remove(self, name: str) -> None:
        """Remove an attribute, if it is there."""
        self.size -= self._size_of(name)
        self._named.pop(name, None)

    def clear(self) -> None:
        """Remove them all."""
        self.size = 0
        self._named.clear()

    @property
    def crowded(self) -> bool:
        """Whether they do not all fit into the answer: they were set under wider bounds than today's."""
        return self.size > self._room.each

    def fitting(self) -> dict[str, str]:
        """A copy of those that fit into the answer, all unless it is ``crowded``."""
        if not self.crowded:
            return dict(self._named)
        fitting: dict[str, str] = {}
        left = self._room.each
        for name, value in self._named.items():
            left -= self._room.size_of(name, value)
            if left < 0:
                break
            fitting[name] = value
        return fitting

    def _size_of(self, name: str) -> int:
        value = self._named.get(name)
        return self._room.size_of(name, value) if value is not None else 0
