"""Measures botkit against what people would use instead: ``python -m tests.benchmarks [ID …]``, from a checkout.

Needs the extra ``plot`` for the charts. Peers are installed at first, into ``~/.cache/botkit-benchmarks``.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.benchmarks.finding import UnknownBenchmark, find_benchmarks
from tests.benchmarks.installing import CannotInstall
from tests.benchmarks.machine import this_machine
from tests.benchmarks.model import Benchmark, Size
from tests.benchmarks.report import MARKDOWN, Report, as_markdown, shown, write_report
from tests.benchmarks.results import Result
from tests.benchmarks.running import run_benchmark

app = typer.Typer(add_completion=False)


@app.command()
def bench(
    ids: Annotated[list[str] | None, typer.Argument(help="Which to run (R1, D25, …); all if none is named.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each contestant, in turns.")] = 5,
    output: Annotated[Path, typer.Option(help="The folder for the table and the charts.")] = Path("var/benchmarks"),
    tiny: Annotated[bool, typer.Option(help="Next to no work: only to see that the programs run.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Only print what there is.")] = False,
) -> None:
    """Run benchmarks, print what came of them, and write a table (Markdown and JSON) and charts.

    Exits with 1 when a target is missed.
    """
    console = Console()
    try:
        benchmarks = find_benchmarks(ids or ())
    except UnknownBenchmark as error:
        raise typer.BadParameter(str(error)) from None
    if show:
        for one in benchmarks:
            console.print(f"{one.id:4} {one.title}", highlight=False)
        return
    machine = this_machine()
    size = Size.TINY if tiny else Size.FULL
    results = tuple(_run(console, one, runs, size) for one in benchmarks)
    report = Report(machine, runs, results)
    write_report(report, output)
    _draw(console, report, benchmarks, output)
    console.print(as_markdown(report), highlight=False, markup=False, soft_wrap=True)
    console.print(f"written to {output / MARKDOWN}", highlight=False)
    if not tiny and not all(result.met for result in results):
        raise typer.Exit(1)


def _run(console: Console, benchmark: Benchmark, runs: int, size: Size) -> Result:
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{benchmark.id} {benchmark.title}", total=None)
        try:
            result = run_benchmark(
                benchmark, runs, size, lambda step: progress.update(task, description=f"{benchmark.id}: {step}")
            )
        except CannotInstall as error:
            console.print(f"{benchmark.id}: {error}", style="red", markup=False)
            raise typer.Exit(2) from None
    for outcome in result.outcomes:
        verdict = "met" if outcome.met else "MISSED"
        measured = f"{result.id} {outcome.of.measure}: {shown(outcome.value)} ({outcome.bound})"
        console.print(f"{measured}, {verdict}, {result.seconds:.0f} s", highlight=False)
    return result


def _draw(console: Console, report: Report, benchmarks: list[Benchmark], folder: Path) -> None:
    try:
        from tests.benchmarks.chart import draw_charts
    except ModuleNotFoundError as error:
        console.print(f"no charts without {error.name}: pip install -e '.[plot]'", highlight=False, markup=False)
        return
    draw_charts(report, benchmarks, folder)


if __name__ == "__main__":
    app(prog_name="python -m tests.benchmarks")
