"""A child in its supervisor: its spec, its present life, when the next one is due, and how it all looks."""

import trio
from msgspec import Struct

from botkit.actor.child import ChildSpec
from botkit.actor.exits import Exit, Terminated
from botkit.actor.life import Life
from botkit.actor.tree import MailboxLevel, TreeNode, error_line


class ChildStatus(Struct, frozen=True, kw_only=True):
    """One child, now. ``restarts`` counts all of them, ``last_error`` is the error it last ended with."""

    name: str
    state: str
    restarts: int
    last_error: Exception | None


class Entry:
    """What a supervisor knows of one child, over all of its lives."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.life: Life | None = None
        self.restart_at: float | None = None
        self.restarts = 0
        self.last_error: Exception | None = None
        self._attempt = 0
        self._gone = False

    @property
    def running(self) -> bool:
        """True while it has a life, ready or not."""
        return self.life is not None and not self.life.ended

    @property
    def state(self) -> str:
        """``starting``, ``running``, ``waiting`` (for its restart) or ``ended``."""
        if self.running and self.life is not None:
            return "starting" if self.life.started_at is None else "running"
        return "ended" if self.restart_at is None else "waiting"

    def begin(self, life: Life) -> None:
        """A life begins."""
        self.life, self.restart_at, self._gone = life, None, False

    def end_for_good(self) -> None:
        """There will be no further life; whoever waits for that is told, once."""
        self.restart_at = None
        if self._gone:
            return
        self._gone = True
        if self.spec.on_gone is not None:
            exit, error = (Exit.STOPPED, None) if self.life is None else (self.life.exit, self.life.error)
            self.spec.on_gone(Terminated(actor=self.spec.name, exit=exit, error=error))

    def next_attempt(self, now: float, stable_seconds: float) -> int:
        """The number of this attempt to restart; it counts from 1 again after a stable life."""
        started = self.life.started_at if self.life is not None else None
        if started is not None and now - started >= stable_seconds:
            self._attempt = 0
        self._attempt += 1
        return self._attempt

    def status(self) -> ChildStatus:
        """The child, now."""
        return ChildStatus(name=self.spec.name, state=self.state, restarts=self.restarts, last_error=self.last_error)

    def node(self) -> TreeNode:
        """The child and what runs below it, now."""
        spec, started = self.spec, None
        if self.running and self.life is not None:
            started = self.life.started_at
        mailbox = None
        if spec.ref is not None:
            statistics = spec.ref.statistics()
            mailbox = MailboxLevel(waiting=statistics.waiting, capacity=statistics.capacity)
        return TreeNode(
            kind=spec.kind,
            name=spec.name,
            state=self.state,
            detail=spec.detail() if spec.detail is not None else "",
            uptime=None if started is None else trio.current_time() - started,
            restarts=self.restarts,
            mailbox=mailbox,
            last_error=error_line(self.last_error),
            children=spec.below() if spec.below is not None else (),
        )
