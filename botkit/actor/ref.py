"""What others hold of an actor: a name to send messages to, the same one through all restarts."""

from typing import Generic, Never, Protocol, TypeVar, cast

import trio

from botkit.actor.exits import Exit, Terminated
from botkit.actor.kinds import Kind
from botkit.actor.mailbox import Mailbox, MailboxStatistics, OverflowPolicy
from botkit.actor.timeouts import of_this_run
from botkit.errors import ActorDead, LinkBroken, MailboxFull

M_contra = TypeVar("M_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Question(Generic[R_co]):
    """The base of messages that have an answer of type ``R_co``: what ``on_receive`` returns for it."""


class PendingAsk:
    """A question on its way, and the asker who waits for the answer. Only the first answer or failure counts."""

    __slots__ = ("_answer", "_asker", "_error", "_settled", "question")

    def __init__(self, question: object) -> None:
        self.question = question
        self._asker: trio.lowlevel.Task | None = None
        self._settled = False
        self._answer: object = None
        self._error: Exception | None = None

    def answer(self, value: object) -> None:
        """Hand the answer to the asker."""
        self._settle(value, None)

    def fail(self, error: Exception) -> None:
        """Raise ``error`` in the asker."""
        self._settle(None, error)

    def _settle(self, value: object, error: Exception | None) -> None:
        if self._settled:
            return
        self._settled, self._answer, self._error = True, value, error
        asker, self._asker = self._asker, None
        if asker is not None:
            trio.lowlevel.reschedule(asker)

    async def wait(self, seconds: float) -> object:
        """The answer; raises what ``fail`` was given, and ``trio.TooSlowError``. For the one asker."""
        if self._settled:
            await trio.lowlevel.checkpoint()
        else:
            self._asker, timeouts = trio.lowlevel.current_task(), of_this_run()
            timeouts.begin(self, seconds)
            try:
                await trio.lowlevel.wait_task_rescheduled(self._give_up)
            finally:
                timeouts.end(self, seconds)
        if self._error is not None:
            raise self._error
        return self._answer

    def _give_up(self, _: object) -> trio.lowlevel.Abort:
        self._asker = None
        return trio.lowlevel.Abort.SUCCEEDED


class LinkedLife(Protocol):
    """What a ref can do to the present life of its actor."""

    def fail(self, error: Exception) -> None:
        """End it with this error."""

    def stop(self) -> None:
        """End it normally."""


class ActorRef(Generic[M_contra]):
    """The way to an actor. It holds through restarts; once the actor has ended for good, it raises ``ActorDead``.

    Messages that come while the actor restarts wait in its mailbox, from which only whoever runs it takes them: a
    ``PendingAsk`` where it was asked. ``kind`` and ``tags`` are what a registry finds it by, besides its name.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        policy: OverflowPolicy,
        *,
        kind: Kind[M_contra] | None = None,
        tags: frozenset[str] = frozenset(),
    ) -> None:
        self.name, self.kind, self.tags = name, kind, tags
        self.mailbox = Mailbox[object](name, capacity, policy, on_drop=self._give_up)
        self._life: LinkedLife | None = None
        self._watchers: dict[ActorRef[Terminated], None] = {}  # in the order in which they came
        self._links: dict[ActorRef[Never], None] = {}
        self._end: Terminated | None = None

    def __repr__(self) -> str:
        return f"<ActorRef {self.name}>"

    async def tell(self, message: M_contra) -> bool:
        """Send a message and wait for nothing but room (policy ``BLOCK``); False when the policy dropped it.

        A cancel while it waits leaves the message unsent. Raises ``ActorDead``, and ``MailboxFull`` under
        the policy ``FAIL``.
        """
        return await self.mailbox.put(message)

    def tell_nowait(self, message: M_contra) -> bool:
        """Like ``tell``; a full mailbox with the policy ``BLOCK`` raises ``trio.WouldBlock``."""
        return self.mailbox.put_nowait(message)

    async def ask(self, question: Question[R_co], *, timeout: float = 5.0) -> R_co:
        """Send a question and wait for the answer, at most ``timeout`` seconds.

        Raises ``ActorDead`` at once when the actor has stopped, or when it ends before it answers (its error
        is the cause); ``MailboxFull`` when the mailbox's policy drops or refuses the question; and
        ``trio.TooSlowError``. After a timeout or a cancel the actor may still work on the question.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not timeout > 0:
            raise trio.TooSlowError
        pending, seconds = PendingAsk(question), timeout
        try:
            taken = self.mailbox.put_nowait(pending)
        except trio.WouldBlock:
            deadline = trio.current_time() + timeout
            with trio.fail_at(deadline):
                taken = await self.mailbox.put(pending)
            seconds = deadline - trio.current_time()
        if not taken:
            raise MailboxFull(self.name, self.mailbox.capacity)
        # on_receive is declared to return R for a Question[R]; that cannot be written as a type.
        return cast("R_co", await pending.wait(seconds))

    def watch(self: "ActorRef[Terminated]", other: "ActorRef[Never]") -> None:
        """Have this actor told, once, by a ``Terminated`` in its mailbox, when ``other`` has ended for good.

        A full mailbox takes it all the same. When ``other`` has ended already, it is told at once. Watching twice is
        watching once; a restart of either changes nothing.
        """
        if other._end is None:
            other._watchers[self] = None
        else:
            self.mailbox.put_notice(other._end)

    def unwatch(self: "ActorRef[Terminated]", other: "ActorRef[Never]") -> None:
        """Watch ``other`` no more. What is in the mailbox already stays there."""
        other._watchers.pop(self, None)

    def link(self, other: "ActorRef[Never]") -> None:
        """Tie the present lives of the two together, in both directions (OTP's links).

        When one ends by an error, or is killed, the other one ends with ``LinkBroken``; when one is stopped by its
        supervisor, the other one stops, too; a normal end breaks nothing. What follows is for their supervisors. A
        new life begins without links: to link in each, do it in ``on_start``. Who links to an actor that has no life
        now is ended at once.
        """
        if self._life is not None and other._life is not None:
            self._links[other] = None
            other._links[self] = None
        elif self._life is not None:
            self._life.fail(LinkBroken(self.name, other.name))
        elif other._life is not None:
            other._life.fail(LinkBroken(other.name, self.name))

    def unlink(self, other: "ActorRef[Never]") -> None:
        """Untie the two."""
        self._links.pop(other, None)
        other._links.pop(self, None)

    @property
    def ended(self) -> bool:
        """True once the actor has ended for good, unless its supervisor's own supervisor brings it back."""
        return self._end is not None

    def statistics(self) -> MailboxStatistics:
        """The mailbox's counters, now."""
        return self.mailbox.statistics()

    def begin_life(self, life: LinkedLife) -> None:
        """For whoever runs the actor: a life begins, maybe another one after ``close``."""
        self._life, self._end = life, None
        self.mailbox.open()

    def end_life(self, exit: Exit, error: Exception | None = None) -> None:
        """For whoever runs the actor: this life is over. Ends those that are linked to it, as ``link`` says."""
        self._life = None
        links, self._links = self._links, {}
        for other in links:
            other._links.pop(self, None)
            if other._life is None or exit is Exit.RETURNED:
                continue
            if exit is Exit.STOPPED:
                other._life.stop()
            else:
                other._life.fail(LinkBroken(other.name, self.name, error))

    def close(self, end: Terminated | None = None) -> None:
        """For whoever runs the actor: it has ended for good. Those who wait for an answer get ``ActorDead``."""
        end = end or Terminated(actor=self.name, exit=Exit.STOPPED)
        for message in self.mailbox.close():
            if isinstance(message, PendingAsk):
                message.fail(ActorDead(self.name))
        self._end = end
        watchers, self._watchers = self._watchers, {}
        for watcher in watchers:
            watcher.mailbox.put_notice(end)

    def _give_up(self, message: object) -> None:
        if isinstance(message, PendingAsk):
            message.fail(MailboxFull(self.name, self.mailbox.capacity))
