"""One life of one child: its task, whether it has started, how it ended, and how to stop it."""

from collections.abc import Callable
from typing import TypeAlias

import trio

from botkit.actor.child import ChildSpec, Lifetime
from botkit.actor.exits import Exit, without_needless_groups
from botkit.errors import ActorError


class Life:
    """One life of a child. ``run`` is its task, in the supervisor's nursery.

    The task is shielded: when the supervisor is cancelled, its children go on until it stops them, in order.
    """

    def __init__(self, spec: ChildSpec, on_exit: "OnExit") -> None:
        self.spec = spec
        self.error: Exception | None = None
        self.started_at: float | None = None
        self.overran = False
        self._on_exit = on_exit
        self._stopping = False
        self._lifetime = Lifetime(self._mark_started)
        self._everything = trio.CancelScope(shield=True)
        self._settled, self._ended = trio.Event(), trio.Event()

    @property
    def exit(self) -> Exit:
        """How it ended, or would be said to end if it did now."""
        if self._stopping:
            return Exit.KILLED if self.overran else Exit.STOPPED
        if self.error is None:
            return Exit.RETURNED
        return Exit.NOT_STARTED if self.started_at is None else Exit.RAISED

    @property
    def ended(self) -> bool:
        """True when its task is done."""
        return self._ended.is_set()

    def _mark_started(self) -> None:
        if self.started_at is None:
            self.started_at = trio.current_time()
            self._settled.set()

    async def run(self) -> None:
        """The child's task. What it raises the supervisor is told, except a Ctrl-C, which is for the process."""
        try:
            await self._run()
        finally:
            self._ended.set()
            self._settled.set()
            if not self._stopping:
                self._on_exit(self)

    async def _run(self) -> None:
        try:
            with self._everything:
                await self.spec.run(self._lifetime)
        except Exception as error:  # noqa: BLE001 - the supervisor's border: it logs, counts and decides
            self.error = without_needless_groups(error)
        except BaseException as error:  # sys.exit() in a bot, say: that ends the bot, and nobody else
            if _is_for_the_process(error):
                raise
            self.error = ActorError(f"raised {type(_innermost(error)).__name__}, which ends nothing but this child")
            self.error.__cause__ = error
        self.overran = self._stopping and self._everything.cancelled_caught and self.started_at is not None

    async def wait_settled(self) -> None:
        """Wait until the child has started, or has ended before that."""
        await self._settled.wait()

    async def stop(self) -> None:
        """Cancel the child's work, after its ``stop_seconds`` all of it, and wait until it has ended.

        An end that was asked for is not reported to the supervisor. A cancel leaves the child ending.
        """
        if not self._stopping:
            self._stopping = self._lifetime.stop_asked = True
            self._begin_to_stop()
        await self._ended.wait()

    def _begin_to_stop(self) -> None:
        if self.started_at is None:
            self._everything.cancel()
        else:
            self._lifetime.work.cancel()
            self._everything.deadline = trio.current_time() + self.spec.stop_seconds


OnExit: TypeAlias = Callable[[Life], None]


def _innermost(error: BaseException) -> BaseException:
    """The first error inside of nested groups that is no plain ``Exception``."""
    while isinstance(error, BaseExceptionGroup):
        error = next(one for one in error.exceptions if not isinstance(one, Exception))
    return error


def _is_for_the_process(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_for_the_process(one) for one in error.exceptions)
    return isinstance(error, KeyboardInterrupt | trio.Cancelled)
