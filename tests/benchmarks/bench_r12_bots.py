"""R12: ``botkit run`` with 200 bots on an embedded gateway: from the command to all at work, and CPU while idle."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.servers import bots

START, IDLE = "start until all are logged in", "CPU while idle"

BOT = '''"""Answers to whoever speaks to it."""
from botkit import Bot, Context, InstantMessage

bot = Bot("answerer")

@bot.on_message(text="hi")
async def answer(message: InstantMessage, ctx: Context) -> None:
    await ctx.reply("hi")
'''


def write_files(folder: Path, count: int) -> Path:
    """A module with a bot, and a file that has it run so many times."""
    (folder / "many_bots.py").write_text(BOT)
    placements = "\n".join(f'  - {{bot: "many_bots:bot", account: bot-{number}}}' for number in range(count))
    file = folder / "many.yaml"
    file.write_text(
        f'app: {{id: benchmarks}}\ngateway: {{listen: "127.0.0.1:0", http: "127.0.0.1:0"}}\nbots:\n{placements}\n'
    )
    return file


def start_and_idle(count: int, seconds: float) -> Figures:
    """Start them all, and look on for a while."""
    with tempfile.TemporaryDirectory() as folder:
        file = write_files(Path(folder), count)
        begin = time.perf_counter()
        with bots(file, ready=f"ready: {count} of {count} bots at work") as process:
            started = time.perf_counter() - begin
            time.sleep(2.0)  # what a start leaves behind is no idling
            before = process.cpu_seconds()
            time.sleep(seconds)
            return {START: started, IDLE: (process.cpu_seconds() - before) / seconds * 100}


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """Each run is a process of its own."""
    count, seconds = (200, 20.0) if size is Size.FULL else (2, 0.5)
    yield [Contestant(BOTKIT, partial(start_and_idle, count, seconds))]


BENCHMARK = Benchmark(
    id="R12",
    title="botkit run with 200 bots",
    measures=(Measure(START, "s"), Measure(IDLE, "% of a core")),
    targets=(Target(Figure(BOTKIT, START), at_most=5.0), Target(Figure(BOTKIT, IDLE), at_most=2.0)),
    contest=contest,
)
