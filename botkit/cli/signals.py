"""Ctrl-C and SIGTERM: the first one asks, the second does not, and neither does the deadline. SIGHUP: read again."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import trio

EXIT_AT_ONCE = 130
EXIT_TOO_LATE = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(
    scope: trio.CancelScope,
    *,
    within: float | None = None,
    too_late: str = "",
    on_asked: Callable[[], None] = lambda: None,
    ask: Callable[[], None] | None = None,
) -> Iterator[Callable[[], None]]:
    """Inside, SIGINT and SIGTERM cancel ``scope``, or call ``ask``; a second one ends the process at once, with 130.

    ``within`` seconds after the first one the process ends in any case, with 1 and the line ``too_late`` on
    standard error (not on Windows, which has no timer for it). Who has good reason to take longer calls what this
    gives: from then on it is ``within`` seconds again. ``on_asked`` is called with the first one, when the loop turns.
    For the main thread.

    Plain handlers rather than ``trio.open_signal_receiver``: both must work when a bot's handler blocks the loop,
    and no task of ours would run then.
    """
    token = trio.lowlevel.current_trio_token()
    asked = False

    def put_off() -> None:
        if asked and within is not None and sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, within)

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            sys.stdout.flush()
            os._exit(EXIT_AT_ONCE)
        asked = True
        put_off()
        token.run_sync_soon(stop)

    def stop() -> None:
        on_asked()
        (scope.cancel if ask is None else ask)()

    def give_up(_number: int, _frame: FrameType | None) -> None:
        os.write(2, f"{too_late}\n".encode())  # sys.stderr may be in the middle of a line
        os._exit(EXIT_TOO_LATE)

    handlers = dict.fromkeys(SIGNALS, handle)
    if sys.platform != "win32":
        handlers[signal.SIGALRM] = give_up
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield put_off
    finally:
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def hangups() -> Iterator[AsyncIterator[int]]:
    """Inside, SIGHUP ends nothing: each comes out here, several that nobody has taken yet as one.

    There is none on Windows: there, none ever comes. For the main thread.
    """
    if sys.platform == "win32":
        sender, receiver = trio.open_memory_channel[int](0)
        with sender, receiver:
            yield receiver
        return
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        yield signals


async def call_at_each(signals: AsyncIterator[int], call: Callable[[], Awaitable[None]]) -> None:
    """Call at each signal, one call at a time, until cancelled."""
    async for _ in signals:
        await call()
