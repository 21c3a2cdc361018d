"""What can be written in a flow: blocks of steps. Each step says what it does under ``do``.

A **target** is the name of a block, where the flow goes on and does not come back from, or steps of its own, after
which the flow goes on behind the step that they are part of.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from bots.call_agent.digits import GatherSpec

MAX_TEXT_BYTES = 8_192
"""The service's limit for one message."""

Text: TypeAlias = Annotated[str, Meta(max_length=MAX_TEXT_BYTES)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=3_600)]
Wait: TypeAlias = Annotated[float, Meta(ge=0, le=3_600)]
Retries: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
Mode: TypeAlias = Literal["blind", "announced"]
Digits: TypeAlias = Annotated[int, Meta(ge=0, le=128)]


class BaseStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """What all steps are."""


class Say(BaseStep, frozen=True, kw_only=True, tag="say"):
    """Says ``text``."""

    text: Text


class Menu(BaseStep, frozen=True, kw_only=True, tag="menu"):
    """Asks which of the ``choices``; each is one or more digits.

    Without a digit for ``timeout_seconds``, or with one that is no choice, the caller is told (``on_timeout``,
    ``on_invalid``) and asked again, ``retries`` times. Then the flow goes to ``otherwise``, or without one the call
    ends as ``no_input`` or ``wrong_input``.
    """

    prompt: Text
    choices: dict[str, "Target"]
    timeout_seconds: Seconds = 10
    next_seconds: Seconds = 2
    prompt_seconds: Wait = 0
    barge_in: bool = True
    retries: Retries = 2
    on_timeout: Text = "I did not get that."
    on_invalid: Text = "That is not one of the choices."
    otherwise: "Target | None" = None

    def spec(self) -> GatherSpec:
        """What it comes to for the collector."""
        lengths = [len(choice) for choice in self.choices]
        return GatherSpec(
            prompt=self.prompt,
            min_digits=min(lengths),
            max_digits=max(lengths),
            first_seconds=self.timeout_seconds,
            next_seconds=self.next_seconds,
            prompt_seconds=self.prompt_seconds,
            barge_in=self.barge_in,
            answers=tuple(self.choices),
            retries=self.retries,
            on_silence=self.on_timeout,
            on_invalid=self.on_invalid,
        )


class Gather(BaseStep, frozen=True, kw_only=True, tag="gather"):
    """Asks for ``min_digits`` to ``max_digits`` digits and keeps them in the variable ``into``.

    ``finish`` is the key that ends them early. With ``secret: true`` nobody but the flow sees them: no log, record or
    trace has them, and no text may say them. Retries and ``otherwise`` are as in a menu; what was pressed is kept in
    ``into`` then, too.
    """

    prompt: Text
    into: str
    min_digits: Digits = 1
    max_digits: Annotated[int, Meta(ge=1, le=128)] = 32
    finish: str = "#"
    timeout_seconds: Seconds = 10
    next_seconds: Seconds = 4
    prompt_seconds: Wait = 0
    barge_in: bool = True
    retries: Retries = 2
    on_timeout: Text = "I did not get that."
    on_invalid: Text = "That was too short."
    secret: bool = False
    otherwise: "Target | None" = None

    def spec(self) -> GatherSpec:
        """What it comes to for the collector."""
        return GatherSpec(
            prompt=self.prompt,
            min_digits=self.min_digits,
            max_digits=self.max_digits,
            finish=self.finish,
            first_seconds=self.timeout_seconds,
            next_seconds=self.next_seconds,
            prompt_seconds=self.prompt_seconds,
            barge_in=self.barge_in,
            retries=self.retries,
            on_silence=self.on_timeout,
            on_invalid=self.on_invalid,
            secret=self.secret,
        )


class Set(BaseStep, frozen=True, kw_only=True, tag="set"):
    """Gives variables values, which are texts with variables in them."""

    values: dict[str, Text]


class Branch(BaseStep, frozen=True, kw_only=True, tag="branch"):
    """Goes by what ``on``, a text with variables, comes to: to its case, or to ``otherwise``, or just on."""

    on: Text
    cases: dict[str, "Target"]
    otherwise: "Target | None" = None


class Queue(BaseStep, frozen=True, kw_only=True, tag="queue"):
    """Lets the caller wait for a human of the queue ``to``; when the human has hung up again the flow goes on.

    Callers of a higher ``priority`` are served first. ``otherwise`` is where it goes on when the queue is full, or the
    wait was too long; the variable ``outcome`` says which (``full``, ``timeout``).
    """

    to: str
    otherwise: "Target"
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0


class Transfer(BaseStep, frozen=True, kw_only=True, tag="transfer"):
    """Hands the caller to the human ``to``, who is rung for ``ring_seconds``; after that it goes on.

    ``blind``: who answers has the caller at once. ``announced``: who answers is told ``briefing`` first, and presses 1
    to take the caller. ``otherwise`` is where it goes on when the human is ``offline``, ``refused`` or did not answer
    in time (``timeout``): the variable ``outcome`` says which. The caller is never dropped meanwhile.
    """

    to: Text
    otherwise: "Target"
    mode: Mode = "blind"
    ring_seconds: Annotated[float, Meta(ge=1, le=30)] = 20
    text: Text = "One moment, I am connecting you."
    briefing: Text = "{caller} is on the line. Press 1 to take the call, 2 to decline."


class End(BaseStep, frozen=True, kw_only=True, tag="end"):
    """Says ``text``, and ends the call. ``result`` is a word of your own for the record."""

    text: Text = "Goodbye."
    result: Annotated[str, Meta(max_length=100)] = ""


class Go(BaseStep, frozen=True, kw_only=True, tag="go"):
    """Goes on in the block ``to``."""

    to: str


Step: TypeAlias = Say | Menu | Gather | Set | Branch | Queue | Transfer | End | Go
Block: TypeAlias = tuple[Step, ...]
Target: TypeAlias = str | tuple[Step, ...]


def targets_of(step: Step) -> list[tuple[str, Target]]:
    """Where a step can lead besides straight on, each with its key below the step."""
    match step:
        case Menu(choices=ways):
            found = [(f"choices.{choice}", target) for choice, target in ways.items()]
        case Branch(cases=ways):
            found = [(f"cases.{case}", target) for case, target in ways.items()]
        case Go(to=to):
            return [("to", to)]
        case _:
            found = []
    otherwise = step.otherwise if isinstance(step, Menu | Gather | Branch | Queue | Transfer) else None
    return found if otherwise is None else [*found, ("otherwise", otherwise)]


def texts_of(step: Step) -> list[tuple[str, str]]:
    """What a step says or computes, each with its key below the step."""
    match step:
        case Set(values=values):
            return [(f"values.{name}", text) for name, text in values.items()]
        case Branch(on=on):
            return [("on", on)]
        case _:
            names = ("text", "prompt", "on_timeout", "on_invalid", "briefing")
            found = [(name, getattr(step, name)) for name in names if hasattr(step, name)]
            return [*found, ("to", step.to)] if isinstance(step, Transfer) else found
