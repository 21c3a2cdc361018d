"""What led to what: every event that handlers are given has an id, every call of a handler, and every effect.

The chain from an effect back to its event is in the task that runs the handler, and in all tasks that it starts. Log
lines carry it; the effect log keeps it; ``botkit trace`` prints it. Ids are unique within a run of the process.
"""

import itertools
from collections.abc import Mapping
from contextvars import Token

import trio

from botkit.app.signatures import Place
from botkit.events import ChannelMessage, Event, InstantMessage
from botkit.observability.about import ABOUT, About
from botkit.routing.loops import LoopBreaker
from botkit.signaling import Effect
from botkit.signaling.effects import SendInstant, SendToChannel

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u
_numbers = itertools.count(1)

EVENT, HANDLER, EFFECT = "e", "h", "x"


def next_number() -> int:
    """The number of another event, call or effect."""
    return next(_numbers)


def id_of(kind: str, number: int) -> str:
    """A number as people read it: ``e-4k``, ``h-4m``, ``x-4n``."""
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return f"{kind}-{digits or '0'}"


class Cause:
    """One call of a handler: which one, of which bot, for which event. ``event`` is None for a beat of ``every``.

    What is said because of a message is told to ``loops``.
    """

    __slots__ = ("_loops", "bot", "event", "event_number", "number", "place")

    def __init__(
        self, bot: str, place: Place, event: Event | None, event_number: int, loops: LoopBreaker | None = None
    ) -> None:
        self.bot, self.place, self.event, self.event_number = bot, place, event, event_number
        self._loops = loops
        self.number = next(_numbers)

    @property
    def event_id(self) -> str:
        """The id of the event."""
        return id_of(EVENT, self.event_number)

    @property
    def handler_id(self) -> str:
        """The id of this call."""
        return id_of(HANDLER, self.number)

    def led_to(self, effect: Effect) -> None:
        """The handler does something to others."""
        if (
            self._loops is not None
            and isinstance(self.event, ChannelMessage | InstantMessage)
            and isinstance(effect, SendToChannel | SendInstant)
        ):
            self._loops.answered(self.event.account, trio.current_time())

    def facts(self) -> Mapping[str, str]:
        """What log lines of the handler carry."""
        return {"event_id": self.event_id, "handler_id": self.handler_id}


class handling:  # noqa: N801 - used as ``with handling(cause):``, and too often for a generator
    """While the body runs, here and in the tasks that it starts, ``cause`` is what effects and log lines come from."""

    __slots__ = ("_cause", "_token")

    def __init__(self, cause: Cause) -> None:
        self._cause = cause
        self._token: Token[About | None] | None = None

    def __enter__(self) -> None:
        self._token = ABOUT.set(self._cause)

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        ABOUT.reset(self._token)


def current_cause() -> Cause | None:
    """The handler that this task is at work for; None outside of handlers."""
    about = ABOUT.get()
    return about if isinstance(about, Cause) else None
