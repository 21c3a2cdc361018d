"""Which object of the application an event is about. No I/O."""

from collections import deque
from typing import Generic, TypeVar

from botkit.signaling.vendor.call import Call
from botkit.signaling.vendor.channel import Channel

CallbackT = TypeVar("CallbackT")


class Channels(Generic[CallbackT]):
    """A session's channels: those that it has asked to join, in order, and the one that it is in."""

    def __init__(self) -> None:
        self._joining: deque[tuple[Channel, CallbackT]] = deque()
        self.current: tuple[Channel, CallbackT] | None = None

    def joining(self, channel: Channel, callback: CallbackT) -> None:
        """The session asks to join."""
        self._joining.append((channel, callback))

    def failed(self, channel: Channel) -> None:
        """It did not get in."""
        self._joining = deque(entry for entry in self._joining if entry[0] is not channel)

    def joined(self, name: str) -> tuple[Channel, CallbackT] | None:
        """It is in ``name`` now: the channel that waited longest for that; None when none did."""
        for entry in self._joining:
            if entry[0].name == name:
                self._joining.remove(entry)
                self.current = entry
                return entry
        return None

    def left(self, name: str) -> tuple[Channel, CallbackT] | None:
        """It is out of ``name``: the channel that it was in; None when that was not told."""
        entry = self.current
        if entry is None or entry[0].name != name:
            return None
        self.current = None
        return entry


class Followed(Generic[CallbackT]):
    """A call and who is told of it."""

    def __init__(self, call: Call, callback: CallbackT) -> None:
        self.call = call
        self.callback = callback


class Calls(Generic[CallbackT]):
    """A session's calls by the client's numbers, and those whose number is not known yet."""

    def __init__(self) -> None:
        self._inviting: list[Followed[CallbackT]] = []
        self._open: dict[int, Followed[CallbackT]] = {}

    def inviting(self, call: Call, callback: CallbackT) -> None:
        """An invitation is about to go out."""
        self._inviting.append(Followed(call, callback))

    def invited(self, call: Call, number: int | None) -> None:
        """It is out as ``number``, or failed (None)."""
        for followed in self._inviting:
            if followed.call is call:
                self._inviting.remove(followed)
                if number is not None:
                    self._open[number] = followed
                return

    def came_in(self, number: int, call: Call, callback: CallbackT) -> None:
        """Somebody invites this session."""
        self._open[number] = Followed(call, callback)

    def follow(self, call: Call, callback: CallbackT) -> None:
        """From now on ``callback`` is told of ``call``; of one that is over there is nothing to tell."""
        for followed in (*self._open.values(), *self._inviting):
            if followed.call is call:
                followed.callback = callback

    def find(self, number: int, channel: str, peer: str) -> Followed[CallbackT] | None:
        """The call of an event. One of an invitation may come before the answer to it: then the oldest one is meant."""
        followed = self._open.get(number)
        if followed is not None:
            return followed
        for followed in self._inviting:
            if (followed.call.channel, followed.call.peer) == (channel, peer):
                self._inviting.remove(followed)
                self._open[number] = followed
                return followed
        return None

    def over(self, number: int) -> None:
        """All is told of it."""
        self._open.pop(number, None)
