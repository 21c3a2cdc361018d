"""What a conversation is about: the type of its state, and how long it may rest."""

import math
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast, get_args

import msgspec
from msgspec import Struct

from botkit.app.conversations.current import current_desk
from botkit.app.conversations.whom import WithSomebody, whom_and_where
from botkit.errors import ConversationError
from botkit.events import Event
from botkit.routing.filters import Check, Filter
from botkit.stores.conversations import ConversationKey

S = TypeVar("S", bound=Struct)
S_co = TypeVar("S_co", bound=Struct, covariant=True)

DEFAULT_TIMEOUT = 86_400.0
MAX_TIMEOUT = 366 * 86_400.0
MAX_STATE_BYTES = 65_536
"""A state's bound, as JSON."""


class ConversationKind(Generic[S_co]):
    """One kind of conversation of a bot; ``Bot.conversation`` makes it.

    ``state_type`` is a frozen msgspec struct. ``timeout`` is how many seconds a conversation rests at most, counted
    from the last ``set``. Raises ``TypeError`` and ``ValueError`` for what cannot be.
    """

    def __init__(self, state_type: type[S_co], *, timeout: float = DEFAULT_TIMEOUT) -> None:
        if not issubclass(state_type, Struct):
            raise TypeError(f"a conversation's state is a msgspec Struct, not {state_type!r}")
        if not state_type.__struct_config__.frozen:
            raise TypeError(f"{state_type.__name__} must be frozen: class {state_type.__name__}(Struct, frozen=True)")
        self.state_type, self.timeout = state_type, checked_timeout(timeout)
        self._decoder = msgspec.json.Decoder(state_type)

    @property
    def open(self) -> Filter:
        """Events of which there is an open conversation: with their account, where they come from. ``~`` is: none."""
        return _InState(self, lambda _state: True)

    def where(self, predicate: "Callable[[S_co], bool]") -> Filter:
        """Events of which there is an open conversation in a state that ``predicate`` says yes to.

        It is asked when the event's turn has come, after the handlers of the events before it.
        """
        return _InState(self, cast("Callable[[Struct], bool]", predicate))

    @property
    def name(self) -> str:
        """The state's class name; a bot's stored conversations are found again by it."""
        return self.state_type.__name__

    def encode(self, key: ConversationKey, state: Struct) -> bytes:
        """A state as JSON. Raises ``ConversationError`` when it is too large, and ``TypeError`` for another type's."""
        if type(state) is not self.state_type:
            raise TypeError(f"conversation {self.name} has states of {self.state_type!r}, not of {type(state)!r}")
        encoded = msgspec.json.encode(state)
        if len(encoded) > MAX_STATE_BYTES:
            problem = f"its state takes {len(encoded)} bytes as JSON, and may take {MAX_STATE_BYTES}"
            raise ConversationError(key.kind, key.account, key.channel, problem)
        return encoded

    def adopt(self, state: Struct) -> S_co:
        """A state as one of this kind's, also where the bot's code was swapped, and it is of the class from before.

        Raises ``msgspec.ValidationError`` when it does not fit.
        """
        if type(state) is self.state_type:
            return state
        return self._decoder.decode(msgspec.json.encode(state))

    def decode(self, encoded: bytes) -> S_co:
        """A state from JSON. Raises ``msgspec.ValidationError`` for what another version of the bot wrote."""
        return self._decoder.decode(encoded)


class _InState(Filter):
    def __init__(self, kind: ConversationKind[Struct], predicate: Callable[[Struct], bool]) -> None:
        self.kind, self.predicate = kind, predicate

    @property
    def late(self) -> bool:
        return True

    def compile(self, event_type: type[Event]) -> Check:
        """See ``Filter.compile``; ``ValueError`` for an event that is about nobody, who could have no conversation."""
        if not issubclass(event_type, get_args(WithSomebody)):
            raise ValueError(f"the filter is about a conversation, and {event_type.__name__} is about nobody")
        kind, predicate = self.kind, self.predicate

        def check(event: Event) -> bool:
            state = current_desk.get().state(ConversationKey(kind.name, *whom_and_where(event)))
            return state is not None and predicate(kind.adopt(state))

        return check


def check_kinds(kinds: Sequence[ConversationKind[Struct]]) -> None:
    """Raise ``ValueError`` when two have states of one name: what is stored could not be told apart."""
    names = [kind.name for kind in kinds]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"there are two kinds of conversations named {name}: rename one of the classes")


def checked_timeout(seconds: float) -> float:
    """``seconds``, if a conversation can rest so long. Raises ``ValueError``."""
    if not (math.isfinite(seconds) and 0 < seconds <= MAX_TIMEOUT):
        raise ValueError(f"timeout: more than 0 and at most {MAX_TIMEOUT:g} s expected, got {seconds!r}")
    return seconds
