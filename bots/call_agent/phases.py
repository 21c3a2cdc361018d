"""A call as the agent lives it: its phases, what may happen in each, and until when. Pure: the time is an argument.

The service's own states (invited, ringing, connected, ended) say what two accounts agree on. These say what the agent
is at: talking, letting the caller wait, ringing a human. All legal moves are in ``MOVES``, in one place.

Every phase but the last has a deadline, and what happens at it leads on; so each call is over at the latest
``ring_seconds + max_seconds + wrap_up_seconds`` after it began, whatever handlers, callers and humans do or leave.
"""

import math
from enum import Enum
from typing import Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace


class Phase(Enum):
    """Where a call is, for the agent. Only ``OVER`` is terminal."""

    RINGING = "ringing"
    """Somebody calls; not answered yet."""
    DIALLING = "dialling"
    """The agent calls somebody; not answered yet."""
    TALKING = "talking"
    """The flow, or the handler, has the caller."""
    QUEUED = "queued"
    """The caller waits for a human."""
    OFFERED = "offered"
    """A human's phone rings for the caller."""
    BRIEFED = "briefed"
    """A human has answered, and is told who it is before taking over."""
    BRIDGED = "bridged"
    """A human has taken over; the agent passes on what either side sends."""
    CLOSING = "closing"
    """Farewell is said, and the call is being ended."""
    OVER = "over"


class Happening(Enum):
    """What can happen to a call."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"
    """The call is lost: the connection, or an answer that did not go through."""
    HUNG_UP = "hung_up"
    """The other side has ended it, or taken its invitation back."""
    ACTIVITY = "activity"
    """Something was said or pressed: the call is not idle."""
    ENQUEUED = "enqueued"
    LEFT_QUEUE = "left_queue"
    """The queue was full, or the wait too long: the flow goes on."""
    OFFERING = "offering"
    """A human is being called."""
    DECLINED = "declined"
    """The human is offline, has refused, or did not answer in time."""
    BRIEFING = "briefing"
    """The human has answered, and is to confirm."""
    TAKEN = "taken"
    """The human has the caller now."""
    RELEASED = "released"
    """The human has hung up, the caller has not."""
    FINISHED = "finished"
    """The flow, or the handler, has come to its end."""
    STOPPED = "stopped"
    """The agent is stopped."""
    CLOSED = "closed"
    """The end was said to the service."""
    TIME_UP = "time_up"
    """The deadline of the phase."""
    TOO_LONG = "too_long"
    """The deadline of the whole call."""


CallOutcome: TypeAlias = Literal[
    "completed",
    "transferred",
    "hung_up",
    "abandoned",
    "no_input",
    "wrong_input",
    "idle",
    "too_long",
    "withdrawn",
    "refused",
    "no_answer",
    "offline",
    "failed",
    "stopped",
]
"""How a call ended; the package's docstring explains each."""

_P, _H = Phase, Happening

_UNANSWERED: dict[Happening, Phase] = {
    **dict.fromkeys((_H.HUNG_UP, _H.FAILED, _H.STOPPED, _H.REFUSED, _H.TIME_UP), _P.OVER),
    _H.ANSWERED: _P.TALKING,
}
_IN_CALL: dict[Happening, Phase] = {
    **dict.fromkeys((_H.HUNG_UP, _H.FAILED), _P.OVER),
    **dict.fromkeys((_H.FINISHED, _H.STOPPED, _H.TOO_LONG), _P.CLOSING),
}

MOVES: dict[Phase, dict[Happening, Phase]] = {
    _P.RINGING: _UNANSWERED,
    _P.DIALLING: _UNANSWERED,
    _P.TALKING: {
        **_IN_CALL,
        _H.ACTIVITY: _P.TALKING,
        _H.ENQUEUED: _P.QUEUED,
        _H.OFFERING: _P.OFFERED,
        _H.TIME_UP: _P.CLOSING,
    },
    _P.QUEUED: {
        **_IN_CALL,
        _H.ACTIVITY: _P.QUEUED,
        _H.LEFT_QUEUE: _P.TALKING,
        _H.OFFERING: _P.OFFERED,
    },
    _P.OFFERED: {
        **_IN_CALL,
        _H.ACTIVITY: _P.OFFERED,
        _H.DECLINED: _P.TALKING,
        _H.BRIEFING: _P.BRIEFED,
        _H.TAKEN: _P.BRIDGED,
        _H.TIME_UP: _P.TALKING,
    },
    _P.BRIEFED: {
        **_IN_CALL,
        _H.ACTIVITY: _P.BRIEFED,
        _H.DECLINED: _P.TALKING,
        _H.TAKEN: _P.BRIDGED,
        _H.TIME_UP: _P.TALKING,
    },
    _P.BRIDGED: {
        **_IN_CALL,
        _H.ACTIVITY: _P.BRIDGED,
        _H.RELEASED: _P.TALKING,
    },
    _P.CLOSING: dict.fromkeys((_H.HUNG_UP, _H.FAILED, _H.CLOSED, _H.TIME_UP), _P.OVER),
    _P.OVER: {},
}
"""Every legal move. What is not here is refused with :class:`IllegalMove`, and changes nothing."""

ACCEPTED = frozenset({_P.TALKING, _P.QUEUED, _P.OFFERED, _P.BRIEFED, _P.BRIDGED})
"""The phases of a call that was answered and is not about to end."""


class IllegalMove(Exception):
    """Something that cannot happen in the phase that the call is in."""

    def __init__(self, phase: Phase, happening: Happening) -> None:
        self.phase, self.happening = phase, happening
        super().__init__(f"{happening.value} is not possible in a call that is {phase.value}")


class CallLimits(Struct, frozen=True, kw_only=True):
    """How long each phase may last, in seconds; all of them finite.

    ``ring_seconds``: until it is answered, by the agent or by whom it calls. ``max_seconds``: from the answer, all
    phases together. ``idle_seconds``: in a talk, since something was said or pressed. A human who is rung and briefed
    has ``offer_seconds`` in all, more than twice the longest ``ring_seconds`` of a transfer. ``wrap_up_seconds``: for
    farewell and the call's end.
    """

    ring_seconds: float = 10
    max_seconds: float = 3_600
    idle_seconds: float = 180
    offer_seconds: float = 75
    wrap_up_seconds: float = 5


class CallMachine(Struct, frozen=True, kw_only=True):
    """One call: a value; ``after`` gives the next one. Times are seconds of one clock, whichever it is.

    ``since`` is when its phase began, ``heard`` when something was last said or pressed; ``answered`` is None before
    the answer. ``outcome`` is there from ``CLOSING`` on, and does not change after that.
    """

    began: float
    limits: CallLimits = field(default_factory=CallLimits)
    phase: Phase = Phase.RINGING
    since: float = 0
    heard: float = 0
    answered: float | None = None
    outcome: CallOutcome | None = None

    @classmethod
    def incoming(cls, now: float, limits: CallLimits) -> "CallMachine":
        """Somebody calls."""
        return cls(began=now, since=now, heard=now, limits=limits)

    @classmethod
    def outgoing(cls, now: float, limits: CallLimits) -> "CallMachine":
        """The agent calls somebody."""
        return cls(began=now, since=now, heard=now, limits=limits, phase=Phase.DIALLING)

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.phase is Phase.OVER

    @property
    def due(self) -> tuple[float, Happening]:
        """When the next deadline is, and which of the two; infinite for a call that is over, and for no other."""
        limits, ends = self.limits, (math.inf, Happening.TIME_UP)
        match self.phase:
            case Phase.RINGING | Phase.DIALLING:
                ends = (self.since + limits.ring_seconds, Happening.TIME_UP)
            case Phase.TALKING:
                ends = (self.heard + limits.idle_seconds, Happening.TIME_UP)
            case Phase.OFFERED | Phase.BRIEFED:
                ends = (self.since + limits.offer_seconds, Happening.TIME_UP)
            case Phase.CLOSING:
                ends = (self.since + limits.wrap_up_seconds, Happening.TIME_UP)
        if self.phase in ACCEPTED and self.answered is not None:
            return min(ends, (self.answered + limits.max_seconds, Happening.TOO_LONG), key=lambda one: one[0])
        return ends

    @property
    def deadline(self) -> float:
        """When ``expire`` is due."""
        return self.due[0]

    def may(self, happening: Happening) -> bool:
        """Whether that can happen now."""
        return happening in MOVES[self.phase]

    def after(self, happening: Happening, now: float, outcome: CallOutcome | None = None) -> "CallMachine":
        """The call after that. ``outcome`` says how it ends, for a move that ends it; each has one of its own.

        Raises :class:`IllegalMove`.
        """
        if not self.may(happening):
            raise IllegalMove(self.phase, happening)
        phase = MOVES[self.phase][happening]
        ends = phase in (Phase.CLOSING, Phase.OVER)
        return replace(
            self,
            phase=phase,
            since=self.since if phase in (self.phase, Phase.BRIEFED) else now,
            heard=now if happening is Happening.ACTIVITY or phase is not self.phase else self.heard,
            answered=now if happening is Happening.ANSWERED else self.answered,
            outcome=self.outcome or (outcome or self._usual(happening) if ends else None),
        )

    def expire(self, now: float) -> "CallMachine":
        """The call at ``now``, after what was due by then."""
        machine = self
        while machine.deadline <= now:
            when, happening = machine.due
            machine = machine.after(happening, when)
        return machine

    def _usual(self, happening: Happening) -> CallOutcome:
        return _BY_PHASE.get((self.phase, happening)) or _USUAL[happening]


_USUAL: dict[Happening, CallOutcome] = {
    _H.HUNG_UP: "hung_up",
    _H.FAILED: "failed",
    _H.REFUSED: "refused",
    _H.STOPPED: "stopped",
    _H.FINISHED: "completed",
    _H.TIME_UP: "idle",
    _H.TOO_LONG: "too_long",
}
_BY_PHASE: dict[tuple[Phase, Happening], CallOutcome] = {
    (_P.RINGING, _H.HUNG_UP): "withdrawn",
    (_P.RINGING, _H.TIME_UP): "no_answer",
    (_P.DIALLING, _H.TIME_UP): "no_answer",
    (_P.QUEUED, _H.HUNG_UP): "abandoned",
    (_P.OFFERED, _H.HUNG_UP): "abandoned",
    (_P.BRIEFED, _H.HUNG_UP): "abandoned",
    (_P.BRIDGED, _H.HUNG_UP): "transferred",
}
