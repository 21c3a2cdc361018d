"""Calls from their first ring to their record, whatever happens on the way."""

import math
from datetime import UTC, datetime

import trio
from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from botkit import Call, ErrorCode, InviteFailed, InviteRefused, Meters, SignalingError, StoreError
from bots.call_agent.desk import Desk, Visit, facts_of
from bots.call_agent.flow.flows import Flow
from bots.call_agent.flow.texts import EXTRA
from bots.call_agent.flow.walking import Answer, Ask, Enqueue, HandOver, SayText, walk_flow
from bots.call_agent.lines import Handler, Line, gather, say
from bots.call_agent.live import LiveCall
from bots.call_agent.phases import CallLimits, CallOutcome, Happening
from bots.call_agent.records import CallRecord, CallRecords, new_id
from bots.call_agent.settings import CallAgentSettings
from bots.call_agent.switchboard import Switchboard

WRITING_SECONDS = 30.0
"""How long the record of a call that is over may take to be written."""

CLOSING_SECONDS = 2.0
"""How long the record of a call may take to be written when the bot is stopped."""


class CallClock(Struct, frozen=True):
    """The gateway's time since a call began, by trio's clock: comparable with the invitation's own."""

    start_ms: int
    began: float

    def ms(self, at: float | None = None) -> int:
        """Milliseconds since 1970; ``at`` some moment of trio's clock, else now."""
        return self.start_ms + int(((trio.current_time() if at is None else at) - self.began) * 1000)


class Agent:
    """Takes calls by ``settings``, leads callers through the flow or to ``handler``, and keeps their records."""

    def __init__(
        self,
        settings: CallAgentSettings,
        records: CallRecords,
        meters: Meters,
        *,
        account: str,
        handler: Handler | None,
    ) -> None:
        self._settings, self._records, self._account, self._handler = settings, records, account, handler
        self.desk = Desk(settings.accept, settings.refuse, max_calls=settings.max_calls)
        self.switchboard = Switchboard(settings.checked_flow.queues, meters)
        self._calls = set[LiveCall]()
        self._changed = trio.Event()
        self._outcomes = meters.counter("call_agent_calls", "Calls that are over, by outcome", "outcome")
        self._refusals = meters.counter("call_agent_refusals", "Invitations that were refused, by reason", "reason")

    @property
    def going_on(self) -> int:
        """Calls that have begun, and whose record is not closed."""
        return len(self._calls)

    async def take(self, call: Call, ms: int, log: FilteringBoundLogger) -> None:
        """An invitation of ``ms``: refuse it, or take it and be done when the call is over and recorded.

        Raises ``StoreError``; a call whose record cannot be opened is refused. A cancel ends the call, and records it
        as ``stopped``.
        """
        now = datetime.fromtimestamp(ms / 1000, UTC)
        refusal = self.desk.admit(Visit(call.peer, call.channel, call.extra), now, lambda: call.state.terminal)
        if refusal is not None:
            log.info("call refused", caller=call.peer, reason=refusal)
            await self._refuse(call, ms, refusal)
            return
        log.info("call taken", caller=call.peer, going_on=self.desk.busy)
        await self.serve(call, ms, self._settings.limits, log)

    async def serve(self, call: Call, ms: int, limits: CallLimits, log: FilteringBoundLogger) -> LiveCall:
        """Be in a call that has a place, until it is over and recorded; raises and cancels as ``take`` does."""
        live, clock = LiveCall(call, limits), CallClock(ms, trio.current_time())
        first = CallRecord(
            id=new_id(),
            agent=self._account,
            direction="in" if call.incoming else "out",
            peer=call.peer,
            channel=call.channel,
            start_ms=ms,
        )
        self._calls.add(live)
        try:
            try:
                await self._records.put(first)
            except StoreError:
                await self._give_up(call)
                raise
            try:
                await self._run(live)
            finally:
                await self._close(live, first, clock)
        finally:
            self._calls.discard(live)
            self._changed.set()
        facts = {"reason": live.reason} if live.reason else {}
        log.info("call over", peer=call.peer, outcome=live.outcome, digits=live.timeline.digits, **facts)
        return live

    async def drain(self) -> None:
        """Take no calls any more, and wait until none is going on, for ``drain_seconds`` at most; a cancel ends it."""
        self.desk.close()
        with trio.move_on_after(self._settings.drain_seconds):
            while self._calls:
                self._changed = trio.Event()
                await self._changed.wait()

    async def _run(self, live: LiveCall) -> None:
        try:
            answered = await live.answer(live.call.accept if live.call.incoming else live.call.wait_answer)
        except InviteFailed as error:
            answered = False
            self._unanswered(live, error)
        except SignalingError as error:
            answered = False
            live.fail(str(error))
        except trio.Cancelled:
            await live.end()
            raise
        if not answered:
            await live.end()
            return

        async def talk() -> CallOutcome:
            return await self._talk(live)

        async def farewell() -> None:
            await say(live, self._settings.farewell)

        await live.talk(talk, farewell)

    @staticmethod
    def _unanswered(live: LiveCall, error: InviteFailed) -> None:
        live.reason = str(error)
        if live.call.incoming and error.code is not ErrorCode.INVITE_E_NET and live.may(Happening.HUNG_UP):
            live.happen(Happening.HUNG_UP)  # there is no such call any more: the caller has just given up
        elif isinstance(error, InviteRefused) and live.may(Happening.REFUSED):
            live.happen(Happening.REFUSED)
        elif live.may(Happening.FAILED):
            live.happen(Happening.FAILED, _BY_CODE.get(error.code, "failed"))

    async def note_unreached(self, peer: str, channel: str, ms: int, error: InviteFailed) -> CallOutcome:
        """Record a call of the agent's own that did not even ring; how it ended. Raises ``StoreError``."""
        outcome = _BY_CODE.get(error.code, "failed")
        self._outcomes.add_for(outcome)
        await self._records.put(
            CallRecord(
                id=new_id(),
                agent=self._account,
                direction="out",
                peer=peer,
                channel=channel,
                start_ms=ms,
                end_ms=ms,
                outcome=outcome,
                reason=str(error),
            )
        )
        return outcome

    async def _talk(self, live: LiveCall) -> CallOutcome:
        if self._handler is None:
            return await run_flow(live, self.switchboard, self._settings.checked_flow)
        await self._handler(Line(live, self.switchboard))
        return "completed"

    async def _refuse(self, call: Call, ms: int, reason: str) -> None:
        """Refuses, with ``{"reason": …}`` for the caller; one who is gone already is recorded as refused, too."""
        self._refusals.add_for(reason)
        clock, problem = CallClock(ms, trio.current_time()), ""
        try:
            await call.refuse({"reason": reason})
        except SignalingError as error:
            problem = f", but the caller may not know: {error}"
        await self._records.put(
            CallRecord(
                id=new_id(),
                agent=self._account,
                direction="in",
                peer=call.peer,
                channel=call.channel,
                start_ms=ms,
                end_ms=clock.ms(),
                outcome="refused",
                reason=reason + problem,
            )
        )

    @staticmethod
    async def _give_up(call: Call) -> None:
        """There can be no record of it: it is not taken."""
        if call.incoming:
            await call.refuse({"reason": "error"})
        else:
            await call.end()

    async def _close(self, live: LiveCall, first: CallRecord, clock: CallClock) -> None:
        outcome = live.outcome or "failed"
        self._outcomes.add_for(outcome)
        answered = live.machine.answered
        is_stopped = trio.current_effective_deadline() == -math.inf
        with trio.move_on_after(CLOSING_SECONDS if is_stopped else WRITING_SECONDS, shield=True) as scope:
            await self._records.put(
                CallRecord(
                    id=first.id,
                    agent=first.agent,
                    direction=first.direction,
                    peer=first.peer,
                    channel=first.channel,
                    start_ms=first.start_ms,
                    answered_ms=None if answered is None else clock.ms(answered),
                    end_ms=clock.ms(live.machine.since),
                    digits=live.timeline.digits,
                    human=live.human,
                    waited=round(live.waited, 3),
                    outcome=outcome,
                    reason=live.reason,
                    result=live.result,
                    timeline=live.timeline.told(),
                )
            )
        if scope.cancelled_caught:
            raise StoreError(
                self._settings.database, f"the record {first.id} of a call with {first.peer} took too long"
            )


_BY_CODE: dict[ErrorCode, CallOutcome] = {
    ErrorCode.INVITE_E_PEEROFFLINE: "offline",
    ErrorCode.INVITE_E_TIMEOUT: "no_answer",
}


async def run_flow(live: LiveCall, switchboard: Switchboard, flow: Flow) -> CallOutcome:
    """Lead the caller through a flow; how it ended. Raises ``SignalingError``; a cancel ends it where it is."""
    extra = {f"{EXTRA}{key}": value for key, value in facts_of(live.call.extra).items()}
    walk = walk_flow(flow, {"caller": live.call.peer, "channel": live.call.channel, **extra})
    answer: Answer = None
    while True:
        try:
            action = walk.send(answer)
        except StopIteration as end:
            live.result = end.value.result
            outcome: CallOutcome = end.value.outcome
            return outcome
        match action:
            case SayText(text=text):
                answer = None
                await say(live, text)
            case Ask(spec=spec):
                answer = await gather(live, spec)
            case Enqueue():
                answer = await switchboard.enqueue(live, action)
            case HandOver():
                answer = await switchboard.hand_over(live, action)
