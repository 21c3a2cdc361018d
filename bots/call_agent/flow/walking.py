"""The way through a flow, one question and answer at a time. Pure: a generator that yields what is to be done next."""

from collections.abc import Generator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from bots.call_agent.digits import Collected, GatherSpec
from bots.call_agent.flow.flows import Flow
from bots.call_agent.flow.steps import (
    Block,
    Branch,
    End,
    Gather,
    Go,
    Menu,
    Mode,
    Queue,
    Say,
    Set,
    Step,
    Target,
    Transfer,
)
from bots.call_agent.flow.texts import fill

HandoffOutcome: TypeAlias = Literal["accepted", "offline", "refused", "timeout", "full", "failed"]
"""How it went with a human. ``accepted``: the caller was with one. ``full``: there was no room in the queue."""


class SayText(Struct, frozen=True):
    """Say this."""

    text: str


class Ask(Struct, frozen=True):
    """Ask this; the answer is a ``Collected``."""

    spec: GatherSpec


class Enqueue(Struct, frozen=True):
    """Let the caller wait for a human; the answer is a ``Handoff``."""

    queue: str
    priority: int


class HandOver(Struct, frozen=True, kw_only=True):
    """Hand the caller to a human; the answer is a ``Handoff``."""

    to: str
    mode: Mode = "blind"
    ring_seconds: float = 20
    text: str = ""
    briefing: str = ""


class Handoff(Struct, frozen=True):
    """How it went with a human: ``human`` is who had the caller, ``waited`` the seconds until then."""

    outcome: HandoffOutcome
    human: str = ""
    waited: float = 0


class Finish(Struct, frozen=True):
    """The flow is over."""

    outcome: Literal["completed", "no_input", "wrong_input"]
    result: str = ""


Action: TypeAlias = SayText | Ask | Enqueue | HandOver
Answer: TypeAlias = Collected | Handoff | None
Where: TypeAlias = str | Finish | None
"""Where a step leads: to a block, to the end, or straight on."""

Walk: TypeAlias = Generator[Action, Answer, Where]


def walk_flow(flow: Flow, variables: Mapping[str, str]) -> Generator[Action, Answer, Finish]:
    """Walk through ``flow``: yields actions, is sent their answers, and returns how it ended.

    ``variables`` are those that there are at the beginning.
    """
    walker, where = _Walker(dict(variables)), flow.start
    while True:
        found = yield from walker.block(flow.blocks[where])
        if isinstance(found, Finish):
            return found
        assert found is not None, "a flow that was checked has no dead end"
        where = found


class _Walker:
    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables

    def block(self, block: Block) -> Walk:
        """Walk through the steps of a block; where they lead to in the end."""
        for step in block:
            where = yield from self._step(step)
            if where is not None:
                return where
        return None

    def _step(self, step: Step) -> Walk:
        match step:
            case Say(text=text):
                yield SayText(self._fill(text))
            case Menu() | Gather():
                return (yield from self._ask(step))
            case Set(values=values):
                self._variables.update({name: self._fill(text) for name, text in values.items()})
            case Branch(on=on, cases=cases, otherwise=otherwise):
                return (yield from self._target(cases.get(self._fill(on), otherwise)))
            case Queue(to=to, priority=priority, otherwise=otherwise):
                return (yield from self._with_human(Enqueue(to, priority), otherwise))
            case Transfer():
                hand_over = HandOver(
                    to=self._fill(step.to),
                    mode=step.mode,
                    ring_seconds=step.ring_seconds,
                    text=self._fill(step.text),
                    briefing=self._fill(step.briefing),
                )
                return (yield from self._with_human(hand_over, step.otherwise))
            case End(text=text, result=result):
                yield SayText(self._fill(text))
                return Finish("completed", result)
            case Go(to=to):
                return to
        return None

    def _ask(self, step: Menu | Gather) -> Walk:
        spec = step.spec()
        texts = {name: self._fill(getattr(spec, name)) for name in ("prompt", "on_silence", "on_invalid")}
        answer = yield Ask(replace(spec, **texts))
        assert isinstance(answer, Collected)
        if isinstance(step, Gather):
            self._variables[step.into] = answer.digits
        if answer.ending == "complete":
            return (yield from self._target(step.choices[answer.digits] if isinstance(step, Menu) else None))
        if step.otherwise is None:
            return Finish("no_input" if answer.ending == "silence" else "wrong_input")
        return (yield from self._target(step.otherwise))

    def _with_human(self, action: Enqueue | HandOver, otherwise: Target) -> Walk:
        answer = yield action
        assert isinstance(answer, Handoff)
        self._variables.update(outcome=answer.outcome, human=answer.human, waited=f"{answer.waited:.0f}")
        return None if answer.outcome == "accepted" else (yield from self._target(otherwise))

    def _target(self, target: Target | None) -> Walk:
        if target is None or isinstance(target, str):
            return target
        return (yield from self.block(target))

    def _fill(self, text: str) -> str:
        return fill(text, self._variables)
