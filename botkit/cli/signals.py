"""Ctrl-C and SIGTERM: the first one asks, the second one does not."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import trio

EXIT_AT_ONCE = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(scope: trio.CancelScope) -> Iterator[None]:
    """Inside, SIGINT and SIGTERM cancel ``scope``; a second one ends the process at once, with 130.

    Plain handlers rather than ``trio.open_signal_receiver``: the second signal must work when a bot's handler
    blocks the loop, and no task of ours would run then. For the main thread.
    """
    token = trio.lowlevel.current_trio_token()
    asked = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            sys.stdout.flush()
            os._exit(EXIT_AT_ONCE)
        asked = True
        token.run_sync_soon(scope.cancel)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
