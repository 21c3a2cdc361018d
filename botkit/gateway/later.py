"""An answer that is not known yet when its request has been handled."""

from collections.abc import Callable

from botkit.wire.replies import Failure, Ok


class Later:
    """What a handler returns instead of a reply; whoever comes to know the reply calls ``resolve``, once."""

    __slots__ = ("_reply", "_send")

    def __init__(self) -> None:
        self._reply: Ok | Failure | None = None
        self._send: Callable[[Ok | Failure], None] | None = None

    def then(self, send: Callable[[Ok | Failure], None]) -> None:
        """Give the reply to ``send`` as soon as there is one."""
        if self._reply is not None:
            send(self._reply)
        else:
            self._send = send

    def resolve(self, reply: Ok | Failure) -> None:
        """The reply is known."""
        self._reply = reply
        if self._send is not None:
            self._send(reply)
