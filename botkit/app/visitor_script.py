"""The script of the demo's cast: accounts that log in, chat and call by a written script, through real sessions.

The script comes from the YAML (``demo: {visitors: […]}``), so that a configuration can show what its bots do
without anybody there::

    demo:
      visitors:
        - account: ann
          steps:
            - {at: 1, do: join, channel: lobby}
            - {at: 2, do: say, text: "Good morning!"}
            - {at: 5, do: call, account: support, channel: support-1, press: "1"}
            - {at: 9, do: log_out}

Here are the values that a script is made of; ``visitors`` plays them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from botkit.wire.limits import Violation, account_violation, channel_violation, digits_violation, message_violation

_Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=86_400)]


class BaseStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """What every step has: ``at``, when it is done, in seconds after the script began."""

    at: _Seconds


class LogIn(BaseStep, frozen=True, kw_only=True, tag="log_in"):
    """Logs in. Any other step does so by itself; this one is for somebody who is only there."""


class Join(BaseStep, frozen=True, kw_only=True, tag="join"):
    """Joins ``channel``, leaving the one before."""

    channel: str

    def __post_init__(self) -> None:
        _check(channel_violation(self.channel))


class Say(BaseStep, frozen=True, kw_only=True, tag="say"):
    """Sends ``text`` to the channel."""

    text: str

    def __post_init__(self) -> None:
        _check(message_violation(self.text))


class Tell(BaseStep, frozen=True, kw_only=True, tag="tell"):
    """Sends ``text`` to ``account``, as an instant message."""

    account: str
    text: str

    def __post_init__(self) -> None:
        _check(account_violation(self.account))
        _check(message_violation(self.text))


class MakeCall(BaseStep, frozen=True, kw_only=True, tag="call"):
    """Calls ``account`` in ``channel``, presses the digits of ``press`` one by one, each ``pause_seconds`` after
    what was before, and hangs up if the other side has not within ``hang_up_after`` seconds after the last one.
    """

    account: str
    channel: str
    press: str = ""
    pause_seconds: _Seconds = 1.5
    hang_up_after: _Seconds = 5

    def __post_init__(self) -> None:
        _check(account_violation(self.account))
        _check(channel_violation(self.channel))
        if self.press:
            _check(digits_violation(self.press))


class Leave(BaseStep, frozen=True, kw_only=True, tag="leave"):
    """Leaves the channel."""


class LogOut(BaseStep, frozen=True, kw_only=True, tag="log_out"):
    """Logs out. A later step logs in again."""


Step: TypeAlias = LogIn | Join | Say | Tell | MakeCall | Leave | LogOut


class Visitor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the cast: an account and its steps, in the order of their times.

    It logs in at its first step and stays until a ``log_out``, or until the round is over for all.
    """

    account: str
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=1_000)]

    def __post_init__(self) -> None:
        _check(account_violation(self.account))
        for before, after in pairwise(self.steps):
            if after.at < before.at:
                raise ValueError(f"`steps` go back from {before.at:g} s to {after.at:g} s: write them in order")
        in_channel = False
        for step in self.steps:
            if isinstance(step, Say | Leave) and not in_channel:
                raise ValueError(f"the step at {step.at:g} s is in no channel: write a `join` before it")
            if isinstance(step, Join | Leave | LogOut):
                in_channel = isinstance(step, Join)


class Demo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section ``demo``. The script is played once, or in rounds of ``repeat_seconds`` if that is not 0."""

    visitors: Annotated[tuple[Visitor, ...], Meta(max_length=100)] = ()
    repeat_seconds: _Seconds = 0

    def __post_init__(self) -> None:
        accounts = [visitor.account for visitor in self.visitors]
        for account in accounts:
            if accounts.count(account) > 1:
                raise ValueError(f"`visitors` has {account!r} twice: one account cannot be logged in twice at once")
        last = max((visitor.steps[-1].at for visitor in self.visitors), default=0)
        if 0 < self.repeat_seconds <= last:
            raise ValueError(f"`repeat_seconds` is {self.repeat_seconds:g}, but the last step is at {last:g} s")


def visits(steps: Sequence[Step]) -> list[list[Step]]:
    """The steps of each stay: a stay ends with a ``log_out``, the last one perhaps without."""
    stays: list[list[Step]] = [[]]
    for step in steps:
        stays[-1].append(step)
        if isinstance(step, LogOut):
            stays.append([])
    return [stay for stay in stays if stay]


def _check(violation: Violation | None) -> None:
    if violation is not None:
        raise ValueError(violation.reason)
