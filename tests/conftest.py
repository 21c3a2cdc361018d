"""What every test has: the table of feature rows (``--rows``), and no skipped test on a CI machine."""

import os
import re
from collections.abc import Generator, Iterable
from enum import IntEnum

import hypothesis
import pytest

hypothesis.settings.register_profile("botkit", deadline=None)  # timings are never asserted
hypothesis.settings.load_profile("botkit")

pytest_plugins = ["pytester", "tests.processes"]

_ROW_ID = re.compile(r"[A-Z]\d{2}[a-z]?")


class RowResult(IntEnum):
    """What the tests of a row came to; the worst one counts."""

    PASSED = 0
    SKIPPED = 1
    FAILED = 2


class Rows:
    """Which feature rows were run, by which tests, and with what result."""

    def __init__(self) -> None:
        self._results: dict[str, RowResult] = {}
        self._tests: dict[str, set[str]] = {}

    def record(self, row: str, test: str, result: RowResult) -> None:
        """Note one phase (set-up, call, tear-down) of one test of ``row``."""
        self._results[row] = max(result, self._results.get(row, RowResult.PASSED))
        self._tests.setdefault(row, set()).add(test)

    def table(self) -> list[str]:
        """The lines of the table: row, result, tests; then the totals."""
        rows = sorted(self._results)
        lines = [f"{row:<6}{self._results[row].name.lower():<9}{', '.join(sorted(self._tests[row]))}" for row in rows]
        counts = ", ".join(
            f"{sum(result is wanted for result in self._results.values())} {wanted.name.lower()}"
            for wanted in RowResult
        )
        return [*lines, f"{len(rows)} rows: {counts}"]


_rows = pytest.StashKey[Rows]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--rows``."""
    parser.addoption("--rows", action="store_true", help="print the feature rows, their results and their tests")


def pytest_configure(config: pytest.Config) -> None:
    """Start an empty table."""
    config.stash[_rows] = Rows()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a row mark that can be no row id: a typing error must not make a row vanish."""
    for item in items:
        for row in rows_of(item):
            if not _ROW_ID.fullmatch(str(row)):
                raise pytest.UsageError(f"{item.nodeid}: row({row!r}) is no row id, e.g. row('M10', 'M12a')")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note the result for the item's rows; on CI a skip is a failure."""
    report = yield
    if report.skipped and on_ci() and not hasattr(report, "wasxfail"):
        fail_skipped(report)
    for row in rows_of(item):
        item.config.stash[_rows].record(row, item.nodeid.partition("[")[0], RowResult[report.outcome.upper()])
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """On CI a module that skips itself is a failure as well."""
    report = yield
    if report.skipped and on_ci():
        fail_skipped(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table when ``--rows`` asked for it."""
    if config.getoption("rows"):
        terminalreporter.section("feature rows")
        for line in config.stash[_rows].table():
            terminalreporter.write_line(line)


def rows_of(item: pytest.Item) -> Iterable[str]:
    """The row ids of all ``row`` marks on a test, its class and its module."""
    return [row for mark in item.iter_markers("row") for row in mark.args]


def on_ci() -> bool:
    """True on a CI machine, where everything that a test needs must be there."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def fail_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that says what was missing."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"skipped, which CI does not allow: {reason.removeprefix('Skipped: ')}"
