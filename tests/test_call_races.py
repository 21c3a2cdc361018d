"""Races in calls: every interleaving of both ends, through the state machines that gateways and clients run.

Two ends do what their scripts say; between them is the gateway's ``Calls``, and at each end the client's. What travels
waits in queues, as on the wire: requests on their way up, an inbox that is fetched, answers and pages on their way
down. A schedule is an order in which these move on. All schedules are walked; two that have led to the same state
everywhere go on together.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import msgspec
import pytest
import trio

from botkit.errors import InviteFailed, SignalingError
from botkit.events import CallEnded, CallFailed, CallRefused, Event
from botkit.gateway.calls import CallDelivery
from botkit.gateway.calls import Calls as GatewayCalls
from botkit.gateway.counters import Counters as GatewayCounters
from botkit.gateway.ledger import Ledger
from botkit.gateway.session import Session, new_rate
from botkit.gateway.timers import Timer, Timers
from botkit.observability.metrics import Meters
from botkit.signaling.call import Call
from botkit.signaling.calls import Calls
from botkit.signaling.connection import Connection
from botkit.signaling.outgoing import OPEN, Outgoing
from botkit.signaling.pending import Answerable
from botkit.signaling.requests import Requests
from botkit.signaling.settings import SignalSettings
from botkit.signaling.statistics import Counters
from botkit.types import Account, AppId, ChannelName, Uid
from botkit.wire import requests as ask
from botkit.wire.messages import CallContent
from botkit.wire.replies import OK, Invited, Ok, encode_reply, failure
from botkit.wire.request import Request
from botkit.wire.states import CallAction, CallState

ROOM = ChannelName("room")
COUNTERS = GatewayCounters(Meters())
Op: TypeAlias = Callable[["End"], Coroutine[object, object, None]]
Step: TypeAlias = tuple[int, str]


@dataclass
class End:
    """One account: the client's calls, the gateway's session of it, and what travels between them."""

    account: Account
    peer: Account
    script: Sequence[Op]
    events: list[Event] = field(default_factory=list)
    up: deque[tuple[Request, Answerable]] = field(default_factory=deque)
    inbox: list[tuple[int, object, str, CallContent]] = field(default_factory=list)
    down: deque[Callable[[], None]] = field(default_factory=deque)
    labels: deque[str] = field(default_factory=deque)
    version: int = 0
    fetched: int = 0
    next_op: int = 0
    ops_running: int = 0
    invitations: int = 0
    call: Call | None = None

    def __post_init__(self) -> None:
        self.session = Session(AppId("app"), self.account, Uid(1), new_rate())
        settings, counters = SignalSettings(), Counters()
        requests = Requests(settings, counters)
        requests.open(cast("Connection", self))
        self.calls = Calls(Outgoing(self.account, requests, OPEN), self.events.append, settings, counters)

    requests_waiting = 0
    over = False

    def put(self, request: Request, slot: Answerable) -> None:
        """A request goes out: what a connection is for."""
        self.up.append((request, slot))

    def find_call(self) -> Call | None:
        """The call that this end has, or had."""
        return self.call or self.calls.get(1)

    def receive(self, label: str, take: Callable[[], None]) -> None:
        """Something is on its way to this end."""
        self.down.append(take)
        self.labels.append(label)

    def key(self) -> object:
        """All that what follows at this end depends on."""
        return (
            self.next_op,
            self.ops_running,
            *((call.state, call.incoming) for call in map(self.calls.get, range(1, 5)) if call),
            tuple((type(request).__name__, getattr(request, "call", 0)) for request, _ in self.up),
            tuple((kind, content.call) for _, _, kind, content in self.inbox),
            tuple(self.labels),
            tuple(type(event).__name__ for event in self.events),
        )


class World:
    """Two ends and the gateway's calls; all state of one schedule."""

    def __init__(self, scripts: tuple[Sequence[Op], Sequence[Op]]) -> None:
        ann, bob = Account("ann"), Account("bob")
        self.ends = (End(ann, bob, scripts[0]), End(bob, ann, scripts[1]))
        self.timers: list[Timer] = []
        self.gateway = GatewayCalls(
            cast("CallDelivery", self), cast("Ledger", self), cast("Timers", self), COUNTERS, ring_timeout=60
        )

    # What the gateway's calls need of a hub, a ledger and a clock.

    def session_of(self, account: Account) -> Session | None:
        """Both are online."""
        return self._end(account).session

    def uid_of(self, _account: Account) -> int:
        """A number."""
        return 1

    def deliver_call(self, to: Session, call: object, kind: str, content: CallContent) -> int:
        """Into the inbox."""
        end = self._end(to.account)
        end.version += 1
        end.inbox.append((end.version, call, kind, content))
        return end.version

    def was_fetched(self, account: Account, version: int) -> bool:
        """Whether it is out of the inbox."""
        return version <= self._end(account).fetched

    def withdraw_call(self, account: Account, call: object) -> None:
        """Out of the inbox, as if it had never been there."""
        end = self._end(account)
        end.inbox = [one for one in end.inbox if one[1] is not call]

    def has_room(self, _account: Account) -> bool:
        """Always."""
        return True

    def append(self, *_facts: object, **_more: object) -> None:
        """The ledger keeps nothing here."""

    def after(self, _seconds: float, callback: Callable[[], None]) -> Timer:
        """A deadline that is due whenever the schedule says so."""
        self.timers.append(Timer(callback))
        return self.timers[-1]

    # The schedule.

    def enabled(self) -> list[Step]:
        """What can move on now."""
        steps: list[Step] = [(0, "time")] if any(timer.pending for timer in self.timers) else []
        for number, end in enumerate(self.ends):
            has_op = end.next_op < len(end.script) and (end.next_op > 0 or end.script[0] is invite or end.find_call())
            steps += [(number, "op")] if has_op and not end.ops_running else []
            steps += [(number, what) for what, queue in _queues(end) if queue]
        return steps

    async def take(self, step: Step, nursery: trio.Nursery) -> None:
        """Let one thing move on."""
        end = self.ends[step[0]]
        match step[1]:
            case "op":
                end.ops_running += 1
                nursery.start_soon(self._run, end, end.script[end.next_op])
                end.next_op += 1
            case "up":
                self._handle(end, *end.up.popleft())
            case "fetch":
                page, end.inbox, end.fetched = end.inbox, [], end.version
                label = "+".join(f"{kind} {content.call}" for _, _, kind, content in page)
                end.receive(label, lambda: _read(end, page))
            case "down":
                end.labels.popleft()
                end.down.popleft()()
            case _:
                for timer in self.timers:
                    timer.fire()
        for _ in range(3):  # whoever waits for that goes on
            await trio.lowlevel.checkpoint()

    def key(self) -> object:
        """All that what follows depends on."""
        gateway = tuple((call.state, call.number) for call in self.gateway._calls.values())
        fetched = tuple(
            self.was_fetched(call.callee_account, call.invite_version) for call in self.gateway._calls.values()
        )
        pending = sum(timer.pending for timer in self.timers)
        return (*(end.key() for end in self.ends), gateway, fetched, pending)

    async def _run(self, end: End, op: Op) -> None:
        try:
            await op(end)
        except InviteFailed:
            pass  # refused by the other end or the gateway: part of the race
        finally:
            end.ops_running -= 1

    def _handle(self, end: End, request: Request, slot: Answerable) -> None:
        assert isinstance(request, ask.CallRequest)
        reply: Ok = OK
        try:
            if isinstance(request, ask.Invite):
                reply = Invited(call=self.gateway.invite(end.session, ROOM, end.peer, request.extra))
            else:
                action = CallAction(request.function)
                self.gateway.act(end.session, action, ROOM, end.peer, request.extra, number=request.call)
        except SignalingError as error:
            answer = encode_reply(1, failure(error.code, error.reason))
        else:
            answer = encode_reply(1, reply)
        end.receive(f"answer to {type(request).__name__}", lambda: slot.settle(answer.body))

    def _end(self, account: Account) -> End:
        return next(end for end in self.ends if end.account == account)


def _queues(end: End) -> list[tuple[str, object]]:
    return [("up", end.up), ("fetch", end.inbox), ("down", end.down)]


def _read(end: End, page: Sequence[tuple[int, object, str, CallContent]]) -> None:
    for _, _, kind, content in page:
        end.calls.on_message(kind, content, 0)


async def invite(end: End) -> None:
    """Call the other end."""
    end.invitations += 1
    extra = msgspec.json.encode({"_timeout": 5, "number": end.invitations, "from": end.account}).decode()
    end.call = await end.calls.invite(ROOM, end.peer, extra)


async def accept(end: End) -> None:
    """Take the call."""
    if (call := end.find_call()) is not None:
        await call.accept()


async def accept_latest(end: End) -> None:
    """Take what has come last."""
    if calls := [call for call in map(end.calls.get, range(1, 5)) if call and call.incoming]:
        await calls[-1].accept()


async def refuse(end: End) -> None:
    """Decline it."""
    if (call := end.find_call()) is not None:
        await call.refuse()


async def hang_up(end: End) -> None:
    """End it, or take the invitation back."""
    if (call := end.find_call()) is not None:
        await call.end()


async def press(end: End) -> None:
    """Send a digit."""
    if (call := end.find_call()) is not None:
        await call.press("1")


RACES: dict[str, tuple[Sequence[Op], Sequence[Op]]] = {
    "both end at once": ([invite, hang_up], [accept, hang_up]),
    "accept after cancel, end after time-out": ([invite, hang_up], [accept]),
    "refuse against cancel and time-out": ([invite, hang_up], [refuse]),
    "a digit into the end": ([invite, press], [accept, hang_up]),
    "nobody answers": ([invite], [hang_up]),
}
AGAIN: dict[str, tuple[Sequence[Op], Sequence[Op]]] = {
    "each calls the other": ([invite, hang_up], [invite]),
    "each calls the other, and takes what comes": ([invite, accept_latest], [invite, hang_up]),
    "called once more, against the answer": ([invite, hang_up, invite], [accept]),
    "called once more, against the refusal": ([invite, hang_up, invite], [refuse]),
    "called back, against the end": ([invite, hang_up], [hang_up, invite]),
}
"""Two calls of the same two, in the same channel: what is on its way for the one must not reach the other."""

RINGING: Sequence[Step] = (
    *((0, "op"), (0, "up"), (0, "down")),
    *((1, "fetch"), (1, "down"), (1, "up"), (1, "down")),
    *((0, "fetch"), (0, "down")),
)
"""The way to an invitation that both ends know of; what is left of a race from there on."""


Ending: TypeAlias = tuple[CallState | None, CallState | None]
"""How a call ended for the caller, and for the other side; None: it has never heard of it."""


async def walk(scripts: tuple[Sequence[Op], Sequence[Op]], beginning: Sequence[Step]) -> set[Ending]:
    """Walk all schedules with this beginning; the endings that calls come to."""
    seen: set[object] = set()
    endings: set[Ending] = set()
    todo: list[tuple[Step, ...]] = [tuple(beginning)]
    while todo:
        async with trio.open_nursery() as nursery:
            world, schedule = World(scripts), todo.pop()
            for step in schedule:
                await world.take(step, nursery)
            while (key := world.key()) not in seen:  # on along the first branch; the others are for later
                seen.add(key)
                steps = world.enabled()
                if not steps:
                    endings |= endings_of(world, schedule)
                    break
                todo += [(*schedule, step) for step in steps[1:]]
                schedule = (*schedule, steps[0])
                await world.take(steps[0], nursery)
            nursery.cancel_scope.cancel()
    assert len(seen) > 20
    return endings


def endings_of(world: World, schedule: Sequence[Step]) -> set[Ending]:
    """How calls ended at both ends: all of them, each told at most once to each end."""
    assert not world.gateway._calls, schedule
    assert not any(timer.pending for timer in world.timers), schedule
    found: dict[tuple[str, bool], CallState] = {}
    for end in world.ends:
        assert end.ops_running == 0, schedule
        assert len(end.calls) == 0, schedule
        for call in filter(None, map(end.calls.get, range(1, 5))):
            assert call.state.terminal, (schedule, call)
            found[call.extra, call.incoming] = call.state
        ends = [event.call for event in end.events if isinstance(event, CallEnded | CallFailed | CallRefused)]
        assert len(ends) == len(set(ends)), (schedule, end.events)
    return {(state, found.get((extra, True))) for (extra, incoming), state in found.items() if not incoming}


SAME: set[Ending] = {
    (CallState.ENDED, CallState.ENDED),
    (CallState.REFUSED, CallState.REFUSED),
    (CallState.FAILED, CallState.ENDED),  # a time-out: nobody ended it, and the invited side is told that it is over
    (CallState.ENDED, CallState.REFUSED),  # each has declined it by itself, and for both there is no call
    (CallState.ENDED, None),  # taken back before the other side knew
    (CallState.FAILED, None),
}
"""One outcome: never is one end in a call that the other one is not in, or has been in one that never was."""


@pytest.mark.row("F03")
@pytest.mark.parametrize("race", [race for race in RACES if "digit" not in race])
async def test_a_race_has_one_outcome_at_both_ends(race: str) -> None:
    endings = await walk(RACES[race], RINGING)
    assert endings <= SAME
    assert len(endings) > 1


@pytest.mark.slow
@pytest.mark.row("F03")
@pytest.mark.parametrize("race", RACES)
async def test_a_race_that_begins_with_the_invitation_has_one_outcome_too(race: str) -> None:
    endings = await walk(RACES[race], ())
    assert endings <= SAME
    assert len(endings) > 1


@pytest.mark.row("F03")
@pytest.mark.parametrize(
    "race", [pytest.param(race, marks=[] if race == "each calls the other" else pytest.mark.slow) for race in AGAIN]
)
async def test_what_is_meant_for_one_call_never_reaches_the_next(race: str) -> None:
    endings = await walk(AGAIN[race], RINGING)
    assert endings <= SAME
    assert len(endings) > 1


@pytest.mark.slow
@pytest.mark.row("F03")
async def test_two_that_call_each_other_at_once_have_one_call() -> None:
    endings = await walk(AGAIN["each calls the other"], ())
    assert endings <= SAME
    assert len(endings) > 1
