"""A stop has one deadline for everything, a second signal means now, and the exit code tells which it was."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

Start: TypeAlias = Callable[..., Any]
"""The fixture of conftest.py."""

pytestmark = [pytest.mark.slow, pytest.mark.row("O07")]

# Not one long sleep: a signal that comes in the moment before it begins does not wake it.
BLOCKS = "while True: time.sleep(0.05)"
STOPPED = "stopped: every session is logged out"
TOO_LATE = "botkit: not stopped within 5 s: a bot does not let go; ended by force\n"

BOT = '''"""Waits for its handler to be busy."""
import time
import trio
from botkit import Bot, ChannelMessage, Context

bot = Bot("busy")

@bot.on_channel_message()
async def work(message: ChannelMessage, ctx: Context) -> None:
    print("working", flush=True)
    {work}
    print("worked to the end", flush=True)
'''

CONFIG = """\
app: {id: the-app}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
bots:
  - {bot: "busy_bot:bot", account: busy, channels: [lobby]}
demo:
  visitors:
    - account: ann
      steps:
        - {at: 0.1, do: join, channel: lobby}
        - {at: 0.2, do: say, text: work}
"""


class Case(NamedTuple):
    """What the handler is at when the signals come, and what comes of it."""

    work: str
    signals: tuple[signal.Signals, ...]
    code: int
    last: str
    err: str = ""
    finishes: bool = False


CASES = {
    "an idle bot": Case("pass", (signal.SIGTERM,), 0, STOPPED, finishes=True),
    "Ctrl-C is the same": Case("pass", (signal.SIGINT,), 0, STOPPED, finishes=True),
    "a handler that waits is cancelled": Case("await trio.sleep_forever()", (signal.SIGTERM,), 0, STOPPED),
    "a handler that must finish may, within the deadline": Case(
        "with trio.CancelScope(shield=True): await trio.sleep(0.2)", (signal.SIGTERM,), 0, STOPPED, finishes=True
    ),
    "a handler that does not let go is ended by force": Case(
        "with trio.CancelScope(shield=True): await trio.sleep_forever()", (signal.SIGTERM,), 1, "working", TOO_LATE
    ),
    "a handler that blocks the loop is ended by force": Case(BLOCKS, (signal.SIGTERM,), 1, "working", TOO_LATE),
    "the second signal does not wait": Case(BLOCKS, (signal.SIGTERM, signal.SIGINT), 130, "working"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_stop(case: Case, start_botkit: Start, tmp_path: Path) -> None:
    (tmp_path / "busy_bot.py").write_text(BOT.replace("{work}", case.work))
    (tmp_path / "busy.yaml").write_text(CONFIG)
    running = start_botkit("run", "busy.yaml")
    lines = running.read_until("working")
    if not any("ready:" in line for line in lines) and case.code == 0:
        lines += running.read_until("ready:")
    for number in case.signals[:-1]:
        os.kill(running.process.pid, number)
    code, out, err = running.stop(case.signals[-1])
    lines += out.splitlines()
    printed = [line for line in lines if line.startswith(("working", "worked", "stopped"))]
    assert (code, printed[-1], err) == (case.code, case.last, case.err)
    assert ("worked to the end" in printed) == case.finishes
