"""A flow as a whole: its blocks, and the queues that it has callers wait in."""

from typing import Annotated

from msgspec import Meta, Struct

from botkit import ConfigError
from bots.call_agent.accounts import check_account
from bots.call_agent.flow.checking import check_blocks
from bots.call_agent.flow.steps import Block, End, Mode, Say, Text

_Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class QueueSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A queue: callers wait in it until one of its ``humans`` takes them, longest waiting first.

    At most ``max_waiting`` wait, each for at most ``max_wait_seconds``. Who waits hears ``text`` at first and then each
    ``announce_seconds``; ``{position}`` and ``{waited}`` are theirs. A free human is rung for ``ring_seconds``, the one
    first who has been free for longest; who is offline, refuses or does not answer is left alone for
    ``pause_seconds``. ``mode`` and ``briefing`` are as in a ``transfer``.
    """

    humans: tuple[str, ...]
    max_waiting: Annotated[int, Meta(ge=1, le=1_000)] = 50
    max_wait_seconds: _Seconds = 600
    announce_seconds: _Seconds = 30
    ring_seconds: Annotated[float, Meta(ge=1, le=30)] = 20
    pause_seconds: _Seconds = 15
    text: Text = "Please hold the line. You are number {position}."
    mode: Mode = "blind"
    briefing: Text = "{caller} has waited for {waited} s. Press 1 to take the call, 2 to decline."

    def __post_init__(self) -> None:
        if not self.humans:
            raise ConfigError("is empty, so nobody would ever answer", key="humans", hint="name accounts")
        for index, human in enumerate(self.humans):
            check_account(human, f"humans[{index}]")


class Flow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers are led through, from the block ``start`` on; see ``steps`` for what a block may have.

    Raises ``ConfigError`` for what cannot be meant: unknown targets, steps that no way leads to, dead ends, rounds that
    never ask anything, texts that are too long for a message, secrets that would be told.
    """

    blocks: dict[str, Block]
    start: str = "main"
    queues: dict[str, QueueSettings] = {}

    def __post_init__(self) -> None:
        check_blocks(self.blocks, self.start, self.queues)


GREETING = Flow(blocks={"main": (Say(text="Hello."), End())})
"""What a call agent does that was told nothing: greet, and end."""
