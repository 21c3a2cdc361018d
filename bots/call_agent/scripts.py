"""Scripted callers: what they do and hear, as it is written in YAML.

``config/flows/support_callers.yaml`` is an example; ``rehearsal`` plays them.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from botkit import ConfigError
from bots.call_agent.digits import DIGITS

Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=86_400)]


class BaseDeed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """What all that a caller does is."""


class Hear(BaseDeed, frozen=True, kw_only=True, tag="hear"):
    """Is told something that matches the pattern ``text``, within so many seconds."""

    text: str
    within: Seconds = 15


class Press(BaseDeed, frozen=True, kw_only=True, tag="press"):
    """Presses ``digits``, one each ``every_seconds`` (0: all at once)."""

    digits: Annotated[str, Meta(min_length=1, max_length=128)]
    every_seconds: Seconds = 0

    def __post_init__(self) -> None:
        if not set(self.digits) <= set(DIGITS):
            raise ConfigError(f"{self.digits!r} cannot be pressed", key="digits", hint="write 0 to 9, * and #")


class Wait(BaseDeed, frozen=True, kw_only=True, tag="wait"):
    """Does nothing for a while."""

    seconds: Seconds


class HangUp(BaseDeed, frozen=True, kw_only=True, tag="hang_up"):
    """Ends the call."""


class IsEnded(BaseDeed, frozen=True, kw_only=True, tag="ended"):
    """The agent ends the call, within so many seconds."""

    within: Seconds = 15


class IsRefused(BaseDeed, frozen=True, kw_only=True, tag="refused"):
    """The call is not taken, for this ``reason``. It can only be the first step."""

    reason: str


Deed: TypeAlias = Hear | Press | Wait | HangUp | IsEnded | IsRefused


class Human(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who callers are handed to: what this one does with an invitation, ``after_seconds``.

    Who accepts presses ``press`` and stays for ``stay_seconds``. Who is in no script is offline.
    """

    answer: Literal["accept", "refuse", "ignore"] = "accept"
    after_seconds: Seconds = 1
    press: str = ""
    stay_seconds: Seconds = 10


class Caller(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One caller, who calls ``at_seconds`` after the beginning and does the ``steps`` in their order.

    At the end the caller hangs up, if the call is not over. Then its record must have this ``outcome``, ``digits`` and
    ``human``, where they are given.
    """

    caller: Annotated[str, Meta(min_length=1, max_length=128)]
    steps: Annotated[tuple[Deed, ...], Meta(max_length=1_000)]
    at_seconds: Seconds = 0
    channel: str = ""
    extra: dict[str, str | int | float | bool] = {}
    outcome: str | None = None
    digits: str | None = None
    human: str | None = None

    def __post_init__(self) -> None:
        for index, step in enumerate(self.steps):
            if isinstance(step, IsRefused) and len(self.steps) > 1:
                hint = "leave the other steps out: there is no call"
                raise ConfigError("can only be the one step", key=f"steps[{index}]", hint=hint)


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens in one rehearsal. At most ``max_calls`` calls go on at once."""

    callers: Annotated[tuple[Caller, ...], Meta(min_length=1, max_length=200)]
    humans: dict[str, Human] = {}
    max_calls: Annotated[int, Meta(ge=1, le=1_000)] = 100

    def __post_init__(self) -> None:
        names = [caller.caller for caller in self.callers]
        for index, name in enumerate(names):
            if name in names[:index] or name in self.humans or name == AGENT:
                raise ConfigError(
                    f"{name} is somebody already", key=f"callers[{index}].caller", hint="one account each"
                )


AGENT = "agent"
"""The account of the agent in a rehearsal."""
