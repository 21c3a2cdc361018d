"""Callers who wait, and humans who take them. Pure: the time is an argument, and who is to be told what is returned."""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from bots.call_agent.flow.flows import QueueSettings


class Humans:
    """Who of the humans is free, over all queues and transfers of the agent."""

    def __init__(self) -> None:
        self._busy = set[str]()
        self._free_since: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}

    def is_free(self, human: str, now: float) -> bool:
        """Whether ``human`` may be called."""
        return human not in self._busy and self._paused_until.get(human, -math.inf) <= now

    def take(self, human: str) -> None:
        """Somebody is handed to ``human``, from the first ring on."""
        self._busy.add(human)

    def release(self, human: str, now: float, *, pause: float = 0) -> None:
        """``human`` has nobody any more, and is left alone for ``pause`` seconds."""
        self._busy.discard(human)
        self._free_since[human] = now
        self._paused_until[human] = now + pause

    def pick(self, among: Iterable[str], now: float) -> str | None:
        """Who of them has been free for longest."""
        free = [human for human in among if self.is_free(human, now)]
        return min(free, key=lambda human: self._free_since.get(human, -math.inf), default=None)

    def next_change(self, among: Sequence[str], now: float) -> float:
        """When the next pause of them is over."""
        later = [until for human, until in self._paused_until.items() if human in among and until > now]
        return min(later, default=math.inf)


class Ticket(Struct, eq=False):
    """One caller's place in a queue."""

    caller: str
    priority: int
    since: float
    number: int
    human: str = ""
    """Who is rung for this caller."""
    announced: float = -math.inf

    def waited(self, now: float) -> float:
        """Seconds since the caller has come."""
        return now - self.since


class CallQueue:
    """One queue. Who is first: the highest priority, then the longest wait. A human who does not answer costs no place.

    Counts: ``joined``, of whom each is ``served``, ``abandoned``, ``timed_out`` or still waits; ``overflowed`` never
    came in.
    """

    def __init__(self, settings: QueueSettings, humans: Humans) -> None:
        self.settings = settings
        self._humans = humans
        self._tickets: list[Ticket] = []
        self._numbers = 0
        self.joined = self.served = self.abandoned = self.timed_out = self.overflowed = 0

    def __len__(self) -> int:
        return len(self._tickets)

    def join(self, caller: str, priority: int, now: float) -> Ticket | None:
        """A place at the end of its priority; None when the queue is full."""
        if len(self._tickets) >= self.settings.max_waiting:
            self.overflowed += 1
            return None
        self._numbers += 1
        ticket = Ticket(caller, priority, now, self._numbers)
        self._tickets.append(ticket)
        self._tickets.sort(key=lambda one: (-one.priority, one.since, one.number))
        self.joined += 1
        return ticket

    def position(self, ticket: Ticket) -> int:
        """The caller's place, from 1. Raises ``ValueError`` for one that has left."""
        return self._tickets.index(ticket) + 1

    def match(self, now: float) -> list[Ticket]:
        """Give free humans to the callers who are first: each ticket that is returned has its ``human`` now."""
        matched = []
        for ticket in self._tickets:
            if ticket.human:
                continue
            human = self._humans.pick(self.settings.humans, now)
            if human is None:
                break
            self._humans.take(human)
            ticket.human = human
            matched.append(ticket)
        return matched

    def declined(self, ticket: Ticket, now: float) -> None:
        """The human did not take the caller, and is left alone for a while; the caller keeps the place."""
        self._humans.release(ticket.human, now, pause=self.settings.pause_seconds)
        ticket.human = ""

    def serve(self, ticket: Ticket) -> None:
        """The human has the caller, who is out of the queue."""
        self._tickets.remove(ticket)
        self.served += 1

    def time_out(self, ticket: Ticket, now: float) -> None:
        """The caller has waited for too long, even if somebody is free just now."""
        self._remove(ticket, now)
        self.timed_out += 1

    def leave(self, ticket: Ticket, now: float) -> bool:
        """The caller is gone; False, and nothing happens, when that is known already."""
        if ticket not in self._tickets:
            return False
        self._remove(ticket, now)
        self.abandoned += 1
        return True

    def announcement(self, ticket: Ticket, now: float) -> dict[str, str] | None:
        """What the caller is to hear now, as variables of the queue's text; None when it is not time for it."""
        if now < ticket.announced + self.settings.announce_seconds:
            return None
        ticket.announced = now
        return {"position": str(self.position(ticket)), "waited": f"{ticket.waited(now):.0f}"}

    def deadline(self, ticket: Ticket, now: float) -> float:
        """When the queue is to be looked at again for this caller."""
        ends = ticket.since + self.settings.max_wait_seconds
        announce = ticket.announced + self.settings.announce_seconds
        return min(ends, announce, self._humans.next_change(self.settings.humans, now))

    def is_due(self, ticket: Ticket, now: float) -> bool:
        """Whether the caller has waited for too long."""
        return now >= ticket.since + self.settings.max_wait_seconds

    def _remove(self, ticket: Ticket, now: float) -> None:
        self._tickets.remove(ticket)
        if ticket.human:
            self._humans.release(ticket.human, now)
