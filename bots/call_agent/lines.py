"""What a handler has of a call: the way to talk in it. Public, for bots whose calls are handled in Python."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import trio

from bots.call_agent.desk import facts_of
from bots.call_agent.digits import Collected, Gathering, GatherSpec
from bots.call_agent.flow.steps import Mode
from bots.call_agent.flow.walking import Enqueue, Handoff, HandOver
from bots.call_agent.live import LiveCall
from bots.call_agent.switchboard import Switchboard

Handler: TypeAlias = Callable[["Line"], Awaitable[None]]
"""Handles a call that was answered; the call ends when it returns."""


class Line:
    """A call that was answered.

    Everything here ends with the call: when the caller hangs up, or a deadline of the settings is reached, what the
    handler is at is cancelled. Whatever a handler does, its call ends in time and is recorded.
    """

    def __init__(self, live: LiveCall, switchboard: Switchboard) -> None:
        self._live, self._switchboard = live, switchboard

    @property
    def caller(self) -> str:
        """The other side, also where the agent has called it."""
        return self._live.call.peer

    @property
    def channel(self) -> str:
        """The channel that the invitation is to."""
        return self._live.call.channel

    @property
    def extra(self) -> dict[str, str]:
        """What the invitation's JSON carries, as texts; empty when it carries none."""
        return dict(facts_of(self._live.call.extra))

    async def say(self, text: str) -> None:
        """Say something: an instant message of at most 8192 bytes. Raises ``SignalingError``."""
        await say(self._live, text)

    async def gather(
        self,
        prompt: str = "",
        *,
        min_digits: int = 1,
        max_digits: int = 1,
        finish: str = "",
        timeout: float = 10,
        next_timeout: float = 3,
        retries: int = 0,
        on_silence: str = "",
        on_invalid: str = "",
        answers: Sequence[str] = (),
        barge_in: bool = True,
        secret: bool = False,
    ) -> Collected:
        """Ask for digits; what came, however it ended. ``GatherSpec`` explains each parameter.

        With ``secret`` nobody but the handler sees them. Raises ``SignalingError``.
        """
        spec = GatherSpec(
            prompt=prompt,
            min_digits=min_digits,
            max_digits=max_digits,
            finish=finish,
            first_seconds=timeout,
            next_seconds=next_timeout,
            retries=retries,
            on_silence=on_silence,
            on_invalid=on_invalid,
            answers=tuple(answers),
            barge_in=barge_in,
            secret=secret,
        )
        return await gather(self._live, spec)

    async def queue(self, name: str, *, priority: int = 0) -> Handoff:
        """Let the caller wait for a human of a queue, and be with one; returns when the human has hung up, or when
        nobody took the caller. Raises ``KeyError`` for a queue that is none, and ``SignalingError``.
        """
        return await self._switchboard.enqueue(self._live, Enqueue(name, priority))

    async def transfer(self, human: str, *, ring_seconds: float = 20, text: str = "", briefing: str = "") -> Handoff:
        """Hand the caller to ``human``; with a ``briefing`` the human hears it first, and presses 1 to take the caller.

        Returns when the human has hung up, or has not taken the caller. Raises ``SignalingError``.
        """
        mode: Mode = "announced" if briefing else "blind"
        return await self._switchboard.hand_over(
            self._live, HandOver(to=human, mode=mode, ring_seconds=ring_seconds, text=text, briefing=briefing)
        )

    def note(self, text: str) -> None:
        """Write something into the call's record."""
        self._live.timeline.add(self._live.at, "note", text)

    def set_result(self, result: str) -> None:
        """Say in a word of your own, for the record, what came of the call."""
        self._live.result = result


async def say(live: LiveCall, text: str) -> None:
    """Say something to the caller; nothing for an empty text. Raises ``SignalingError``."""
    if text:
        await live.call.say(text)
        live.touch()
        live.timeline.add(live.at, "said", text)


async def gather(live: LiveCall, spec: GatherSpec) -> Collected:
    """Ask for digits, and again, as ``spec`` has it. Raises ``SignalingError``."""
    gathering = Gathering(spec, trio.current_time())
    while True:
        if words := gathering.take_words():
            for text in words:
                await say(live, text)
            if not spec.barge_in:
                await live.forget_digits()
            gathering.restart(trio.current_time())
        if gathering.done is not None:
            break
        await _listen(live, gathering)
    if spec.secret:
        await live.forget_digits()  # what was pressed too many is no answer to the next question, and no less secret
    return gathering.done


async def _listen(live: LiveCall, gathering: Gathering) -> None:
    """Take one digit, or what time brings."""
    digit = await live.call.gather_dtmf(timeout=max(0.0, gathering.deadline - trio.current_time()))
    now = trio.current_time()
    if digit:
        live.touch()
        live.timeline.press(live.at, digit, secret=gathering.secret)
        gathering.press(digit, now)
    elif live.call.state.terminal:
        await trio.sleep_forever()  # the call's end cancels what is at work on it
    else:
        gathering.expire(max(now, gathering.deadline))
