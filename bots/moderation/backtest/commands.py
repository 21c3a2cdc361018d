"""``botkit moderation backtest``."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from botkit import ConfigError, load_settings
from bots.moderation.backtest.compare import Comparison, Difference
from bots.moderation.backtest.recording import read_recording
from bots.moderation.backtest.report import as_json, difference_table, report_lines, rule_table
from bots.moderation.learning.model import LearnedScorer, load_model
from bots.moderation.rules.settings import RuleFile

PROGRESS_BYTES = 1 << 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest")(backtest)


def backtest(
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDED…", help="Recordings, or IRC logs, in order.")],
    *,
    old: Annotated[Path, typer.Option(metavar="YAML", help="The rules as they are.")],
    new: Annotated[Path, typer.Option(metavar="YAML", help="The rules as they would be.")],
    channel: Annotated[str, typer.Option(help="The channel of IRC logs, which do not tell it.")] = "replay",
    model: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE", help="The model behind a scorer that rules ask.")
    ] = None,
    show: Annotated[int, typer.Option(min=0, max=10_000, help="Differences to show.")] = 20,
    diff: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every difference there, as JSON lines.")
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare two files of rules on recorded traffic: new hits, lost hits, changed verdicts, affected accounts."""
    before, after = load_settings(old, RuleFile), load_settings(new, RuleFile)
    shown: list[Difference] = []
    with ExitStack() as stack:
        tell = _teller(shown, show, stack.enter_context(_written(diff)) if diff is not None else None)
        comparison = Comparison(before, after, tell, _models(model or ()))
        for name in comparison.missing_scorers:
            print(f"no scorer {name}: give --model {name}=FILE, or its rules get no answer", file=sys.stderr)
        advance = stack.enter_context(_progress(recordings))
        began = time.monotonic()
        for path in recordings:
            comparison.judge_all(read_recording(path, channel, advance))
    seconds = time.monotonic() - began
    if as_json_:
        print(json.dumps(as_json(comparison.tally, shown, comparison.missing_scorers)))
        return
    for line in report_lines(comparison.tally, seconds):
        print(line)
    console = Console()
    console.print(rule_table(comparison.tally))
    if shown:
        console.print(difference_table(shown))
    left = sum(comparison.tally.changes.values()) - len(shown)
    if left:
        print(f"and {left:,} more; --show N shows more of them, --diff FILE writes all")


def _teller(shown: list[Difference], show: int, file: BinaryIO | None) -> Callable[[Difference], None]:
    def tell(difference: Difference) -> None:
        if len(shown) < show:
            shown.append(difference)
        if file is not None:
            file.write(msgspec.json.encode(difference) + b"\n")

    return tell


def _models(options: list[str] | tuple[()]) -> dict[str, LearnedScorer]:
    models = {}
    for option in options:
        name, equals, file = option.partition("=")
        if not name or not equals or not file:
            raise ConfigError(f"{option!r} names no model", key="--model", hint="write NAME=FILE")
        models[name] = LearnedScorer(load_model(Path(file)))
    return models


@contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("wb") as file:
            yield file
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", file=str(path)) from None


@contextmanager
def _progress(recordings: list[Path]) -> Iterator[Callable[[int], None]]:
    total = sum(path.stat().st_size for path in recordings if path.is_file())
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("backtest", total=total)
        read = 0

        def advance(count: int) -> None:
            nonlocal read
            read += count
            if read >= PROGRESS_BYTES:
                bar.advance(task, read)
                read = 0

        yield advance
