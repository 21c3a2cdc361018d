"""Callers and humans brought together: transfers, queues, and the bridge between the two calls.

The agent stays in the middle: the caller keeps the call that it has, the human gets one of its own in the same channel,
and what either presses or sends in its call is passed on. So nobody is dropped when a human does not answer.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import trio
from msgspec import json

from botkit import Account, Call, ErrorCode, InviteRefused, LoginSession, Meters, SignalingError
from bots.call_agent.flow.flows import QueueSettings
from bots.call_agent.flow.texts import fill
from bots.call_agent.flow.walking import Enqueue, Handoff, HandoffOutcome, HandOver
from bots.call_agent.live import LiveCall
from bots.call_agent.phases import Happening, Phase
from bots.call_agent.queues import CallQueue, Humans, Ticket

OnTaken: TypeAlias = Callable[[], None]

TAKE = "1"
"""The key by which a human takes a caller who was announced."""

LEAVE_SECONDS = 2.0
"""How long the end of a human's call may take to be said."""


class Switchboard:
    """Rings humans for callers. One for all calls of an agent."""

    def __init__(self, queues: Mapping[str, QueueSettings], meters: Meters) -> None:
        self._humans = Humans()
        self.queues = {name: CallQueue(settings, self._humans) for name, settings in queues.items()}
        self._matched: dict[Ticket, trio.Event] = {}
        self._bridges: dict[int, Call] = {}
        self._session: LoginSession | None = None
        self._handoffs = meters.counter("call_agent_handoffs", "Callers handed to humans, by how it went", "outcome")
        self._left = meters.counter("call_agent_queue_left", "Callers who left a queue, by how", "how")

    def connect(self, session: LoginSession) -> None:
        """The session that humans are called from."""
        self._session = session

    def waiting(self) -> int:
        """Callers in all queues."""
        return sum(len(queue) for queue in self.queues.values())

    def other_side(self, call: int) -> Call | None:
        """The call at the other end of the bridge that a call, by its number, is in."""
        return self._bridges.get(call)

    async def hand_over(self, live: LiveCall, action: HandOver) -> Handoff:
        """Ring one human, and bridge if the human takes the caller. Raises ``SignalingError`` for the caller's side."""
        now = trio.current_time()
        if not self._humans.is_free(action.to, now):
            return self._counted(live, Handoff("refused", action.to))
        self._humans.take(action.to)
        try:
            if action.text:
                await live.call.say(action.text)
            handoff = await self._ring(live, action, waited=0)
            await live.forget_digits()
            return handoff
        finally:
            self._humans.release(action.to, trio.current_time())
            self._rematch()

    async def enqueue(self, live: LiveCall, action: Enqueue) -> Handoff:
        """Wait in a queue for a human, and bridge. Raises ``KeyError``; ``SignalingError`` for the caller's side."""
        queue = self.queues[action.queue]
        ticket = queue.join(live.call.peer, action.priority, trio.current_time())
        if ticket is None:
            self._left.add_for("overflowed")
            live.timeline.add(live.at, "queue", "full")
            return self._counted(live, Handoff("full"))
        try:
            await live.move(Happening.ENQUEUED)
            handoff = await self._wait(live, queue, ticket)
            await live.forget_digits()
            return handoff
        finally:
            if ticket in self._matched:
                del self._matched[ticket]
            if queue.leave(ticket, trio.current_time()):
                self._left.add_for("abandoned")
                live.waited += ticket.waited(trio.current_time())
            self._rematch()

    async def _wait(self, live: LiveCall, queue: CallQueue, ticket: Ticket) -> Handoff:
        settings = queue.settings
        while True:
            now = trio.current_time()
            if queue.is_due(ticket, now):
                queue.time_out(ticket, now)
                live.waited += ticket.waited(now)
                self._left.add_for("timed_out")
                live.timeline.add(live.at, "queue", "timed out")
                await live.move(Happening.LEFT_QUEUE)
                return self._counted(live, Handoff("timeout", waited=ticket.waited(now)))
            self._matched[ticket] = trio.Event()
            self._rematch()
            if ticket.human:
                handoff = await self._serve(live, queue, ticket)
                if handoff.outcome == "accepted":
                    return handoff
                await live.move(Happening.ENQUEUED)
                continue
            if (values := queue.announcement(ticket, now)) is not None:
                live.timeline.add(live.at, "queue", "announced", **values)
                await live.call.say(fill(settings.text, {**values, "caller": live.call.peer}))
                continue
            with trio.move_on_at(queue.deadline(ticket, now)):
                await self._matched[ticket].wait()

    async def _serve(self, live: LiveCall, queue: CallQueue, ticket: Ticket) -> Handoff:
        """Ring the human who was given to the caller."""
        human, settings = ticket.human, queue.settings
        waited = ticket.waited(trio.current_time())
        values = {"caller": live.call.peer, "waited": f"{waited:.0f}"}
        action = HandOver(
            to=human,
            mode=settings.mode,
            ring_seconds=settings.ring_seconds,
            briefing=fill(settings.briefing, values),
        )
        served = False

        def on_taken() -> None:
            nonlocal served
            served = True
            live.waited += ticket.waited(trio.current_time())
            queue.serve(ticket)
            self._left.add_for("served")

        try:
            handoff = await self._ring(live, action, waited=waited, on_taken=on_taken)
        finally:
            if served:
                self._humans.release(human, trio.current_time())
        if not served:
            queue.declined(ticket, trio.current_time())
        return handoff

    def _rematch(self) -> None:
        """Somebody has come, left or become free."""
        now = trio.current_time()
        for queue in self.queues.values():
            for ticket in queue.match(now):
                if ticket in self._matched:
                    self._matched[ticket].set()

    async def _ring(
        self, live: LiveCall, action: HandOver, *, waited: float, on_taken: OnTaken | None = None
    ) -> Handoff:
        await live.move(Happening.OFFERING)
        live.timeline.add(live.at, "human", "rung", human=action.to)
        leg: Call | None = None
        try:
            with trio.move_on_after(action.ring_seconds + LEAVE_SECONDS) as ringing:
                leg = await self._invite(live, action, waited)
                await leg.wait_answer()
            if leg is not None and not ringing.cancelled_caught and await self._takes(live, leg, action):
                await live.move(Happening.TAKEN)
                live.human = action.to
                if on_taken is not None:
                    on_taken()
        except SignalingError as error:  # the human's side: the caller goes on
            outcome = _outcome_of(error)
        else:
            outcome = "accepted" if live.phase is Phase.BRIDGED else "timeout"
        finally:
            if leg is not None and live.phase is not Phase.BRIDGED:
                await _hang_up(leg, "the caller is not handed over")
        handoff = self._counted(live, Handoff(outcome, action.to, waited))
        if outcome == "accepted" and leg is not None:
            await self._bridge(live, leg)
        elif live.may(Happening.DECLINED):
            live.happen(Happening.DECLINED)
        return handoff

    async def _invite(self, live: LiveCall, action: HandOver, waited: float) -> Call:
        """Call the human, who sees who it is and how long the caller has waited."""
        assert self._session is not None
        extra = {
            "_require_peer_online": 1,
            "_timeout": max(1, round(action.ring_seconds)),
            "caller": live.call.peer,
            "waited_seconds": round(waited, 1),
            "mode": action.mode,
            "context": live.call.extra,
        }
        text = json.encode(extra).decode()
        if len(text.encode()) > 8_192:
            text = json.encode({**extra, "context": ""}).decode()
        return await self._session.invite(live.call.channel, Account(action.to), text)

    async def _takes(self, live: LiveCall, leg: Call, action: HandOver) -> bool:
        """Whether the human, who has answered, takes the caller: at once, or with a key when it is announced.

        For that there are ``ring_seconds`` once more. Raises ``SignalingError`` when the human does not want to.
        """
        if action.mode == "blind":
            return live.may(Happening.TAKEN)
        await live.move(Happening.BRIEFING)
        await leg.say(action.briefing)
        digit = await leg.gather_dtmf(timeout=action.ring_seconds)
        if digit == TAKE and live.may(Happening.TAKEN):
            return True
        if not digit and not leg.state.terminal:
            return False  # not in time
        raise InviteRefused("declined after the briefing" if digit else "hung up during the briefing")

    async def _bridge(self, live: LiveCall, leg: Call) -> None:
        """Pass on what either side presses, until the human hangs up; a cancel ends the human's call."""
        await live.forget_digits()
        self._bridges[live.call.id], self._bridges[leg.id] = leg, live.call
        try:
            await _tell(live.call, {"msgtype": "transferred", "to": leg.peer})
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_pass_on, live, live.call, leg)
                nursery.start_soon(_pass_on, None, leg, live.call)
                await leg.wait_ended()
                nursery.cancel_scope.cancel()
        finally:
            del self._bridges[live.call.id], self._bridges[leg.id]
            await _hang_up(leg, "the caller has hung up")
        live.timeline.add(live.at, "human", "hung up", human=leg.peer)
        if live.may(Happening.RELEASED):
            live.happen(Happening.RELEASED)

    def _counted(self, live: LiveCall, handoff: Handoff) -> Handoff:
        self._handoffs.add_for(handoff.outcome)
        live.timeline.add(live.at, "human", handoff.outcome, human=handoff.human)
        return handoff


def _outcome_of(error: SignalingError) -> HandoffOutcome:
    if isinstance(error, InviteRefused) or error.code is ErrorCode.INVITE_E_REINVITE:
        return "refused"
    match error.code:
        case ErrorCode.INVITE_E_PEEROFFLINE:
            return "offline"
        case ErrorCode.INVITE_E_TIMEOUT:
            return "timeout"
        case _:
            return "failed"


async def _pass_on(live: LiveCall | None, source: Call, target: Call) -> None:
    """What is pressed between two humans is theirs: it is passed on, and masked in the record."""
    while not source.state.terminal and not target.state.terminal:
        digit = await source.gather_dtmf(timeout=3_600)
        if not digit:
            continue
        if live is not None:
            live.timeline.press(live.at, digit, secret=True)
        try:
            await target.press(digit)
        except SignalingError as error:
            if live is not None:
                live.timeline.add(live.at, "note", f"a digit may not have arrived: {error}")


async def _tell(call: Call, facts: dict[str, str]) -> None:
    """Say something in a call, for whoever listens to that; one that is over is looked after elsewhere."""
    try:
        await call.send_message(json.encode(facts).decode())
    except SignalingError:
        pass


async def _hang_up(leg: Call, reason: str) -> None:
    with trio.move_on_after(LEAVE_SECONDS, shield=True):
        try:
            await leg.end(json.encode({"reason": reason}).decode())
        except SignalingError:
            pass  # without an answer there is no connection; the session tells the end when it is back
