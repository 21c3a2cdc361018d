"""Thousands of sessions in one process: URL, number of the first, how many; tells of itself in lines of JSON."""

import json
import sys
from collections import Counter

import trio

from botkit.events import Reconnected
from botkit.observability.logs import configure_logs
from botkit.signaling import LoginSession, Signal, SignalSettings
from botkit.testing import TEST_APP

ROOM_SIZE = 10
PATIENCE_SECONDS = 500


def room_of(number: int) -> str:
    """The channel of a session."""
    return f"room-{number // ROOM_SIZE}"


class Crowd:
    """The sessions, and how many of them are back."""

    def __init__(self, url: str, first: int, count: int) -> None:
        self._signal = Signal(TEST_APP, url, settings=SignalSettings(request_timeout=PATIENCE_SECONDS))
        self._numbers = range(first, first + count)
        self.all_inside, self.all_back = trio.Event(), trio.Event()
        self.sessions: dict[int, LoginSession] = {}
        self.times_back: Counter[int] = Counter()
        self.resumed = 0

    async def run(self) -> None:
        """Log all in, and stay until cancelled."""
        async with trio.open_nursery() as nursery:
            for number in self._numbers:
                nursery.start_soon(self._visit, number)

    async def _visit(self, number: int) -> None:
        async with self._signal.open_session(f"user-{number}", retry_seconds=PATIENCE_SECONDS) as session:
            await session.join(room_of(number))
            self.sessions[number] = session
            if len(self.sessions) == len(self._numbers):
                self.all_inside.set()
            async for event in session.events():
                if isinstance(event, Reconnected):
                    self.times_back[number] += 1
                    self.resumed += event.resumed
                    if len(self.times_back) == len(self._numbers):
                        self.all_back.set()

    def report(self, since: float) -> dict[str, float]:
        """What became of them since a moment."""
        return {
            "seconds": trio.current_time() - since,
            "back": len(self.times_back),
            "resumed": self.resumed,
            "more than once": sum(times > 1 for times in self.times_back.values()),
            "in their channel": sum(
                session.channel is not None and session.channel.name == room_of(number)
                for number, session in self.sessions.items()
            ),
        }


async def end_with_input(scope: trio.CancelScope) -> None:
    """Whoever started this process is gone, or wants no more of it."""
    await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
    scope.cancel()


async def main(url: str, first: int, count: int) -> None:
    """Enter, tell so; come back, tell so; end with the standard input."""
    crowd = Crowd(url, first, count)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_with_input, nursery.cancel_scope)
        nursery.start_soon(crowd.run)
        begun = trio.current_time()
        await crowd.all_inside.wait()
        print(json.dumps({"seconds": trio.current_time() - begun}), flush=True)
        lost = trio.current_time()
        await crowd.all_back.wait()
        print(json.dumps(crowd.report(lost)), flush=True)


if __name__ == "__main__":
    configure_logs("text", "error", sys.stderr)
    trio.run(main, sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
