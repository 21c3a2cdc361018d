"""A call that goes on: the phases of ``phases`` at work, with a task that keeps the deadlines."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from botkit import Call, SignalingError
from bots.call_agent.phases import ACCEPTED, CallLimits, CallMachine, CallOutcome, Happening, Phase
from bots.call_agent.timeline import Timeline

END_SECONDS = 2.0
"""How long the end of a call may take to be said when the bot is stopped."""

MOST_DIGITS = 10_000
"""More than a call keeps for whoever asks."""

Talk: TypeAlias = Callable[[], Awaitable[CallOutcome]]


class LiveCall:
    """One call. What happens to it goes through ``happen``; ``talk`` keeps its deadlines, and ends it in every case."""

    def __init__(self, call: Call, limits: CallLimits) -> None:
        self.call = call
        now = trio.current_time()
        self.machine = CallMachine.incoming(now, limits) if call.incoming else CallMachine.outgoing(now, limits)
        self.timeline = Timeline()
        self.reason = ""
        self.result = ""
        self.human = ""
        self.waited = 0.0
        self._talk_scope = trio.CancelScope()
        self._changed = trio.Event()
        self.timeline.add(0, "phase", self.phase.value)

    @property
    def phase(self) -> Phase:
        """Where the call is."""
        return self.machine.phase

    @property
    def outcome(self) -> CallOutcome | None:
        """How it ended, once that is known."""
        return self.machine.outcome

    @property
    def at(self) -> float:
        """Seconds since it began."""
        return trio.current_time() - self.machine.began

    def may(self, happening: Happening) -> bool:
        """Whether that can happen now."""
        return self.machine.may(happening)

    def happen(self, happening: Happening, outcome: CallOutcome | None = None) -> None:
        """Something happens now. Raises ``IllegalMove``, and then nothing has."""
        self._become(self.machine.after(happening, trio.current_time(), outcome))

    async def move(self, happening: Happening) -> None:
        """What the talk itself has happen. When the call has ended in this very moment, the talk is cancelled here."""
        if self.phase not in ACCEPTED:
            await trio.sleep_forever()  # the scope around it is cancelled already
        self.happen(happening)

    def touch(self) -> None:
        """Something was said or pressed: the call is not idle."""
        if self.may(Happening.ACTIVITY):
            self.happen(Happening.ACTIVITY)

    async def forget_digits(self) -> None:
        """Forget what was pressed and nobody has asked for: it is no answer to what is asked next."""
        await self.call.gather_dtmf(count=MOST_DIGITS, timeout=0)

    async def answer(self, accept: Callable[[], Awaitable[object]]) -> bool:
        """Wait until the call is answered, with ``accept`` or by the peer; False when it is over instead.

        Raises what ``accept`` raises. A cancel leaves it unanswered.
        """
        with trio.move_on_at(self.machine.deadline):
            await accept()
            if self.may(Happening.ANSWERED) and not self.call.state.terminal:
                self.happen(Happening.ANSWERED)
        self._become(self.machine.expire(trio.current_time()))
        if self.phase is Phase.RINGING and self.call.state.terminal:
            self.happen(Happening.HUNG_UP)
        return self.phase is Phase.TALKING

    async def talk(self, talk: Talk, farewell: Callable[[], Awaitable[object]]) -> None:
        """Hold the talk, and bring the call to its end: when the talk is over, at a deadline, when the peer hangs up.

        ``farewell`` is said when a deadline has ended the talk. What ``talk`` raises is raised on when the call has
        ended. A cancel ends the call as ``stopped``, which takes up to 2 s.
        """
        try:
            async with trio.open_nursery(strict_exception_groups=True) as nursery:
                nursery.start_soon(self._keep_deadlines)
                nursery.start_soon(self._follow)
                try:
                    await self._hold(talk, farewell)
                finally:
                    nursery.cancel_scope.cancel()
        finally:
            await self.end()

    async def end(self) -> None:
        """End the call here and at the peer, whatever it is at; takes up to 2 s, also on a cancel."""
        if self.may(Happening.STOPPED):
            self.happen(Happening.STOPPED)
        with trio.move_on_after(END_SECONDS, shield=True):
            try:
                await self.call.end()
            except SignalingError as error:
                self.reason = self.reason or f"the caller may not know of the end: {error}"
        if not self.machine.over:
            self.happen(Happening.CLOSED)

    def fail(self, reason: str) -> None:
        """The talk cannot go on."""
        self.reason = self.reason or reason
        if self.may(Happening.FINISHED):
            self.happen(Happening.FINISHED, "failed")
        elif self.may(Happening.FAILED):
            self.happen(Happening.FAILED)

    async def _hold(self, talk: Talk, farewell: Callable[[], Awaitable[object]]) -> None:
        try:
            with self._talk_scope:
                outcome = await talk()
                if self.may(Happening.FINISHED):
                    self.happen(Happening.FINISHED, outcome)
        except SignalingError as error:
            self.fail(str(error))
        except Exception as error:
            self.fail(f"the handler failed: {type(error).__name__}")
            raise
        if self.phase is Phase.CLOSING and self.outcome in _BY_DEADLINE:
            with trio.move_on_at(self.machine.deadline):
                try:
                    await farewell()
                except SignalingError as error:
                    self.reason = self.reason or str(error)

    async def _keep_deadlines(self) -> None:
        while not self.machine.over:
            self._changed = trio.Event()
            with trio.move_on_at(self.machine.deadline):
                await self._changed.wait()
            self._become(self.machine.expire(trio.current_time()))
        await self.end()  # whether or not the talk, which was cancelled long ago, is over

    async def _follow(self) -> None:
        """The peer hangs up, or the connection is lost, which is the same here."""
        await self.call.wait_ended()
        if self.may(Happening.HUNG_UP):
            self.happen(Happening.HUNG_UP)

    def _become(self, machine: CallMachine) -> None:
        before, self.machine = self.machine, machine
        if machine.phase is not before.phase:
            self.timeline.add(self.at, "phase", machine.phase.value)
        if before.phase in ACCEPTED and machine.phase not in ACCEPTED:
            self._talk_scope.cancel()
        self._changed.set()


_BY_DEADLINE: frozenset[CallOutcome | None] = frozenset({"idle", "too_long"})
