"""The table of feature rows (``--rows``): which are wanted, which tests show each, and with what result.

A test shows a row when it carries its id: ``@pytest.mark.row("M10")``. The wanted ones are in the file that the ini
option ``wanted_rows`` names.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import chain
from pathlib import Path

import msgspec
import pytest

_ROW_ID = re.compile(r"[A-Z]\d{2}[a-z]?|0\.\d{1,2}")
_RANGE = re.compile(r"(?:([A-Z]|0\.)(\d+)-\1(\d+))|(?:([A-Z]\d{2})([a-z])-\4([a-z]))")


class RowResult(IntEnum):
    """What the tests of a row came to; the worst one counts."""

    PASSED = 0
    NOT_RUN = 1
    SKIPPED = 2
    FAILED = 3
    MISSING = 4

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


class WantedList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that belong together. Those of a ``binding`` list must have a test."""

    title: str
    binding: bool
    rows: str

    def ids(self) -> list[str]:
        """The rows' ids, in order; ``P01-P05`` stands for five."""
        return list(chain.from_iterable(map(_expand, self.rows.split())))


class WantedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of wanted rows."""

    lists: list[WantedList]


def _expand(item: str) -> Iterator[str]:
    found = _RANGE.fullmatch(item)
    if found is None:
        yield _checked(item)
    elif (group := found[1]) is not None:
        width = 1 if group == "0." else 2
        yield from (f"{group}{number:0{width}}" for number in range(int(found[2]), int(found[3]) + 1))
    else:
        yield from (f"{found[4]}{chr(letter)}" for letter in range(ord(found[5]), ord(found[6]) + 1))


def _checked(row: object) -> str:
    if not (isinstance(row, str) and _ROW_ID.fullmatch(row)):
        raise pytest.UsageError(f"row({row!r}) is no row id, e.g. row('M10', 'M12a', '0.10')")
    return row


class Rows:
    """A plugin that collects the results of rows. ``whole`` says that all tests that there are were collected."""

    def __init__(self, wanted: list[WantedList], *, whole: bool, shown: bool) -> None:
        self._wanted, self._whole, self._shown = wanted, whole, shown
        self._rows_of: dict[str, list[str]] = {}
        self._results: dict[str, RowResult] = {}
        self._tests: dict[str, set[str]] = {}
        self._collected = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note every test, before some are deselected; refuse what is no id, lest a typing error make a row vanish."""
        for item in items:
            try:
                rows = [_checked(row) for mark in item.iter_markers("row") for row in mark.args]
            except pytest.UsageError as error:
                raise pytest.UsageError(f"{item.nodeid}: {error}") from None
            self._rows_of[item.nodeid] = rows
            for row in rows:
                self._results.setdefault(row, RowResult.NOT_RUN)
                self._tests.setdefault(row, set()).add(item.nodeid.partition("[")[0])
        self._collected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase (set-up, call, tear-down) of one test."""
        result = RowResult[report.outcome.upper()]
        for row in self._rows_of.get(report.nodeid, ()):
            before = self._results[row]
            self._results[row] = result if before is RowResult.NOT_RUN else max(result, before)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A row that must have a test and has none is a failure."""
        if self._missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table when ``--rows`` asked for it, and in any case which rows are missing."""
        if self._shown:
            terminalreporter.section("feature rows")
            for line in self.table():
                terminalreporter.write_line(line)
        if missing := self._missing():
            terminalreporter.section("rows without a test", red=True)
            terminalreporter.write_line(" ".join(missing))

    def table(self) -> list[str]:
        """The lines of the table: row, result, tests; after each list its totals, and those of all at the end."""
        groups = {
            wanted.title: [row for row in wanted.ids() if self._whole or row in self._results]
            for wanted in self._wanted
        }
        groups["Others"] = sorted(self._results.keys() - set(chain(*groups.values())))
        lines: list[str] = []
        for title, rows in groups.items():
            if rows:
                lines += [title, *map(self._line, rows), self._totals(rows), ""]
        return [*lines, self._totals(chain(*groups.values()))]

    def _missing(self) -> list[str]:
        if not (self._whole and self._collected):
            return []
        return [row for wanted in self._wanted if wanted.binding for row in wanted.ids() if row not in self._results]

    def _result(self, row: str) -> RowResult:
        return self._results.get(row, RowResult.MISSING)

    def _line(self, row: str) -> str:
        return f"{row:<6}{self._result(row)!s:<9}{', '.join(sorted(self._tests.get(row, ())))}".rstrip()

    def _totals(self, rows: Iterable[str]) -> str:
        counts = Counter(map(self._result, rows))
        return f"{counts.total()} rows: " + ", ".join(f"{counts[result]} {result}" for result in sorted(counts))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--rows``, and where the wanted ones are."""
    parser.addoption("--rows", action="store_true", help="print the feature rows, their results and their tests")
    parser.addini("wanted_rows", "TOML file of the feature rows that must have tests", type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Start an empty table."""
    wanted = [each for path in config.getini("wanted_rows") for each in read_wanted(path)]
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.getoption("lf", default=False)
    config.pluginmanager.register(Rows(wanted, whole=whole, shown=config.getoption("rows")), "feature-rows")


def read_wanted(path: Path) -> list[WantedList]:
    """The lists in a file of wanted rows."""
    try:
        lists = msgspec.toml.decode(path.read_bytes(), type=WantedFile).lists
        for each in lists:
            each.ids()
    except (OSError, msgspec.MsgspecError, pytest.UsageError) as error:
        raise pytest.UsageError(f"{path}: {error}") from None
    return lists
