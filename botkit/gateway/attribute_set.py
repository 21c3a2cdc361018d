"""The attributes of one channel or one user, and the room that there is for them.

They are counted in the bytes that they take in the answer that carries them all, where a quote takes four and a
control character seven: nobody can make a channel that is too large to be joined. What all channels, or all users, of
an app have is bounded too, and so is what one account has set in channels, so that nobody takes the room of others.
"""

from collections.abc import Iterator, Mapping

from botkit.errors import ErrorCode, SignalingError
from botkit.gateway.quota import NOBODY, Quota
from botkit.observability.metrics import Counter
from botkit.wire.replies import nested_size

MAX_ATTRIBUTES = 100
"""How many attributes one user or one channel may have; the vendor names no number, but everything is bounded."""


class AttributeRoom:
    """The bounds for all channels, or all users (``owner``, for words), of an app.

    ``each`` may have so many bytes; ``quota`` is for all of them and for those who set them. ``depth`` is how many
    strings of JSON the values are in when they are all told; ``refused`` counts.
    """

    def __init__(self, owner: str, quota: Quota, *, depth: int, each: int, refused: Counter) -> None:
        self.owner, self.quota, self.each = owner, quota, each
        self._depth, self._refused = depth, refused

    def size_of(self, name: str, value: str) -> int:
        """The bytes that one attribute takes in the answer."""
        return nested_size(name, self._depth) + nested_size(value, self._depth) + len(":,")

    def check(self, setter: str, more: int, by_setter: int) -> None:
        """Raises ``SignalingError`` when ``more`` bytes are too many, or ``by_setter`` for the one who sets them."""
        passed = self.quota.passed(setter, more, by_setter)
        if passed is not None:
            what, most = f"the attributes of all {self.owner}s are", self.quota.together
            if passed == "by account":
                what, most = f"what {setter} has set in {self.owner}s is", self.quota.by_account
            raise self.refuse(passed, f"{what} too large: at most {most} bytes")

    def refuse(self, bound: str, reason: str) -> SignalingError:
        """Count a refusal, and return it (1005)."""
        self._refused.add_for(bound)
        return SignalingError(ErrorCode.GENERAL_E_LARGE_PARAM, reason)


class AttributeSet(Mapping[str, str]):
    """Attributes by name, in the order in which they were set first; ``size`` is what they take in the answer."""

    __slots__ = ("_named", "_room", "_setters", "size")

    def __init__(self, room: AttributeRoom, named: Mapping[str, str] | None = None) -> None:
        self._room = room
        self._named: dict[str, str] = {}
        self._setters: dict[str, str] = {}
        self.size = 0
        for name, value in (named or {}).items():
            self.put(name, value)

    def __getitem__(self, name: str) -> str:
        return self._named[name]

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)

    def check_room(self, name: str, value: str, setter: str = NOBODY) -> None:
        """Raises ``SignalingError`` (1005) when ``setter`` setting ``name`` would be too much of anything."""
        room = self._room
        if name not in self._named and len(self._named) >= MAX_ATTRIBUTES:
            raise room.refuse("number", f"a {room.owner} has at most {MAX_ATTRIBUTES} attributes")
        size, before = room.size_of(name, value), self._size_of(name)
        if size > before and self.size + size - before > room.each:
            reason = f"the attributes of a {room.owner} are too large: {self.size + size - before} bytes"
            raise room.refuse("each", f"{reason}, at most {room.each}; a quote counts as several")
        own = before if self._setters.get(name, NOBODY) == setter else 0
        room.check(setter, size - before, size - own)

    def put(self, name: str, value: str, setter: str = NOBODY) -> None:
        """Set an attribute, whether there is room for it or not."""
        self._forget(name)
        self._named[name] = value
        if setter:
            self._setters[name] = setter
        self._take(setter, self._room.size_of(name, value))

    def remove(self, name: str) -> None:
        """Remove an attribute, if it is there."""
        self._forget(name)
        self._named.pop(name, None)

    def clear(self) -> None:
        """Remove them all."""
        for name in self._named:
            self._forget(name)
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

    def _forget(self, name: str) -> None:
        self._take(self._setters.pop(name, NOBODY), -self._size_of(name))

    def _take(self, setter: str, size: int) -> None:
        self.size += size
        self._room.quota.take(setter, size)
