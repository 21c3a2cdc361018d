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
from tests.benchmarks.launching import ProgramFailed
from tests.benchmarks.machine import this_machine
from tests.benchmarks.model import Benchmark, Size
from tests.benchmarks.report import MARKDOWN, Failure, Report, as_markdown, shown, write_report
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

    What is written grows with each benchmark, so that an end before the last loses none. Exits with 1 when a target is
    missed or a benchmark has failed.
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
    report = Report(this_machine(), runs, means_something=not tiny)
    size = Size.TINY if tiny else Size.FULL
    for number, one in enumerate(benchmarks, start=1):
        report = report.with_one_more(_run(console, one, runs, size, f"{number} of {len(benchmarks)}"))
        write_report(report, output)
    _draw(console, report, benchmarks, output)
    console.print(as_markdown(report), highlight=False, markup=False, soft_wrap=True)
    console.print(f"written to {output / MARKDOWN}", highlight=False)
    if report.failures or (not tiny and not all(result.met for result in report.results)):
        raise typer.Exit(1)


def _run(console: Console, benchmark: Benchmark, runs: int, size: Size, place: str) -> Result | Failure:
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"{place}, {benchmark.id} {benchmark.title}", total=None)

        def tell(step: str) -> None:
            progress.update(task, description=f"{place}, {benchmark.id}: {step}")

        try:
            result = run_benchmark(benchmark, runs, size, tell)
        except Exception as error:  # noqa: BLE001  # whatever one of them fails with, the others are measured
            problem = str(error) or type(error).__name__
            console.print(f"{benchmark.id} FAILED: {type(error).__name__}: {error}", style="red", markup=False)
            if not isinstance(error, CannotInstall | ProgramFailed):
                console.print_exception()
            return Failure(benchmark.id, benchmark.title, problem)
    _tell(console, result)
    return result


def _tell(console: Console, result: Result) -> None:
    for outcome in result.outcomes:
        verdict = "met" if outcome.met else "MISSED"
        measured = f"{result.id} {outcome.of.measure}: {shown(outcome.value)} ({outcome.bound})"
        console.print(f"{measured}, {verdict}, {result.seconds:.0f} s", highlight=False)


def _draw(console: Console, report: Report, benchmarks: list[Benchmark], folder: Path) -> None:
    try:
        from tests.benchmarks.chart import draw_charts
    except ModuleNotFoundError as error:
        console.print(f"no charts without {error.name}: pip install -e '.[plot]'", highlight=False, markup=False)
        return
    if report.results:
        draw_charts(report, benchmarks, folder)


if __name__ == "__main__":
    app(prog_name="python -m tests.benchmarks")
