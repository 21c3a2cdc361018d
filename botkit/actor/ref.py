"""What others hold of an actor: a name to send messages to, the same one through all restarts."""

from typing import Generic, TypeVar, cast

import trio

from botkit.actor.mailbox import Mailbox, MailboxStatistics, OverflowPolicy
from botkit.errors import ActorDead, ActorError, MailboxFull

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Question(Generic[R_co]):
    """The base of messages that have an answer of type ``R_co``: what ``on_receive`` returns for it."""


class PendingAsk:
    """A question on its way, and the asker who waits for the answer."""

    __slots__ = ("_answer", "_error", "_settled", "question")

    def __init__(self, question: object) -> None:
        self.question = question
        self._settled = trio.Event()
        self._answer: object = None
        self._error: ActorError | None = None

    def answer(self, value: object) -> None:
        """Hand the answer to the asker."""
        self._answer = value
        self._settled.set()

    def fail(self, error: ActorError) -> None:
        """Raise ``error`` in the asker."""
        self._error = error
        self._settled.set()

    async def wait(self) -> object:
        """The answer; raises what ``fail`` was given."""
        await self._settled.wait()
        if self._error is not None:
            raise self._error
        return self._answer


class ActorRef(Generic[M_contra]):
    """The way to an actor. It holds through restarts; once the actor has ended for good, it raises ``ActorDead``.

    Messages that come while the actor restarts wait in its mailbox.
    """

    def __init__(self, name: str, capacity: int, policy: OverflowPolicy) -> None:
        self.name = name
        self._mailbox = Mailbox[object](name, capacity, policy, on_drop=self._give_up)

    def __repr__(self) -> str:
        return f"<ActorRef {self.name}>"

    async def tell(self, message: M_contra) -> bool:
        """Send a message and wait for nothing but room (policy ``BLOCK``); False when the policy dropped it.

        A cancel while it waits leaves the message unsent. Raises ``ActorDead``, and ``MailboxFull`` under
        the policy ``FAIL``.
        """
        return await self._mailbox.put(message)

    def tell_nowait(self, message: M_contra) -> bool:
        """Like ``tell``; a full mailbox with the policy ``BLOCK`` raises ``trio.WouldBlock``."""
        return self._mailbox.put_nowait(message)

    async def ask(self, question: Question[R_co], *, timeout: float = 5.0) -> R_co:
        """Send a question and wait for the answer, at most ``timeout`` seconds.

        Raises ``ActorDead`` at once when the actor has stopped, or when it ends before it answers (its error
        is the cause); ``MailboxFull`` when the mailbox's policy drops or refuses the question; and
        ``trio.TooSlowError``. After a timeout or a cancel the actor may still work on the question.
        """
        pending = PendingAsk(question)
        with trio.fail_after(timeout):
            if not await self._mailbox.put(pending):
                raise MailboxFull(self.name, self._mailbox.capacity)
            # on_receive is declared to return R for a Question[R]; that cannot be written as a type.
            return cast("R_co", await pending.wait())

    def statistics(self) -> MailboxStatistics:
        """The mailbox's counters, now."""
        return self._mailbox.statistics()

    async def next_message(self) -> object:
        """For whoever runs the actor: the next message, or a ``PendingAsk``. Raises ``trio.EndOfChannel``."""
        return await self._mailbox.get()

    def open(self) -> None:
        """For whoever runs the actor: a life begins, maybe another one after ``close``."""
        self._mailbox.open()

    def close(self) -> None:
        """For whoever runs the actor: it has ended for good. Those who wait for an answer get ``ActorDead``."""
        for message in self._mailbox.close():
            if isinstance(message, PendingAsk):
                message.fail(ActorDead(self.name))

    def _give_up(self, message: object) -> None:
        if isinstance(message, PendingAsk):
            message.fail(MailboxFull(self.name, self._mailbox.capacity))
