"""One call from its invitation to its record, whatever happens on the way."""

import trio
from msgspec import Struct

from botkit import Call, ErrorCode, InviteFailed, SignalingError, StoreError
from bots.call_agent.conversation import CallOutcome, Conversation
from bots.call_agent.desk import Refusal
from bots.call_agent.records import CallRecords
from bots.call_agent.settings import CallAgentSettings

CLOSING_SECONDS = 2.0
"""How long the record of a call may take to be written when the bot is stopped."""


class CallClock:
    """The gateway's time since an invitation, by trio's clock: comparable with the invitation's own."""

    def __init__(self, invited_ms: int) -> None:
        self.invited_ms = invited_ms
        self._began = trio.current_time()

    def ms(self) -> int:
        """Now, in milliseconds since 1970."""
        return self.invited_ms + int((trio.current_time() - self._began) * 1000)


class Ending(Struct, frozen=True, kw_only=True):
    """How a call ended: what goes into its record."""

    outcome: CallOutcome
    digits: str = ""
    reason: str = ""


class Agent:
    """Answers calls by ``settings``, and keeps their records."""

    def __init__(self, settings: CallAgentSettings, records: CallRecords) -> None:
        self._settings, self._records = settings, records

    async def refuse(self, call: Call, reason: Refusal, clock: CallClock) -> None:
        """Refuses, with ``{"reason": …}`` for the caller, and records it.

        A caller who is gone already is recorded as refused, too. Raises ``StoreError``.
        """
        problem = ""
        try:
            await call.refuse({"reason": reason})
        except SignalingError as error:
            problem = f", but the caller may not know: {error}"
        await self._records.add_refusal(
            call.peer, call.channel, start_ms=clock.invited_ms, end_ms=clock.ms(), reason=reason + problem
        )

    async def serve(self, call: Call, clock: CallClock) -> Ending:
        """Accepts the call, holds the conversation, ends the call and closes its record; how it ended.

        Raises ``StoreError``; a call whose record cannot be opened is refused before. A cancel ends the call and
        records it as ``stopped``.
        """
        try:
            record = await self._records.open_record(call.peer, call.channel, clock.invited_ms)
        except StoreError:
            await call.refuse({"reason": "error"})
            raise
        talk = Conversation(call, self._settings)
        ending = Ending(outcome="failed", reason="the agent failed; its log says how")
        try:
            ending = await self._hold(call, talk, record, clock)
        except trio.Cancelled:
            ending = Ending(outcome="stopped", digits=talk.digits, reason="the bot was stopped")
            raise
        finally:
            with trio.move_on_after(CLOSING_SECONDS, shield=True):
                await self._records.close_record(
                    record, clock.ms(), outcome=ending.outcome, digits=ending.digits, reason=ending.reason
                )
        return ending

    async def _hold(self, call: Call, talk: Conversation, record: str, clock: CallClock) -> Ending:
        outcome: CallOutcome = "withdrawn"
        try:
            async with call.accepted():
                outcome = "hung_up"  # stays so when the caller's end cancels what follows
                await self._records.answer(record, clock.ms())
                outcome = await talk.hold()
        except InviteFailed as error:
            unanswered = outcome == "withdrawn" and error.code is not ErrorCode.INVITE_E_NET
            return Ending(outcome="withdrawn" if unanswered else "failed", digits=talk.digits, reason=str(error))
        except SignalingError as error:
            return Ending(outcome="failed", digits=talk.digits, reason=str(error))
        return Ending(outcome=outcome, digits=talk.digits)
