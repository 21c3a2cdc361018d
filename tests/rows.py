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
from typing import Protocol

import msgspec
import pytest

_ROW_ID = re.compile(r"[A-Z]\d{2}[a-z]?|0\.\d{1,2}")
_RANGE = re.compile(r"(?:([A-Z]|0\.)(\d+)-\1(\d+))|(?:([A-Z]\d{2})([a-z])-\4([a-z]))")


_ROWS_OF_WORKER, _REFUSED_BY_WORKER = "botkit_rows", "botkit_wrong_rows"


class _Node(Protocol):
    """What pytest-xdist says of a worker; ``workeroutput`` is there unless it has crashed."""

    config: pytest.Config


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
    """A plugin that collects the results of rows. ``whole`` says that all tests that there are were collected.

    With pytest-xdist the workers collect and run: each tells at its end which rows its tests show, and this process
    hears of each result as if the test had run here.
    """

    def __init__(self, wanted: list[WantedList], *, whole: bool, shown: bool) -> None:
        self._wanted, self._whole, self._shown = wanted, whole, shown
        self._rows_of: dict[str, list[str]] = {}
        self._outcomes: dict[str, RowResult] = {}
        self._results: dict[str, RowResult] = {}
        self._tests: dict[str, set[str]] = {}
        self._refused: set[str] = set()
        self._collected = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note every test, before some are deselected; refuse what is no id, lest a typing error make a row vanish."""
        for item in items:
            try:
                rows = [_checked(row) for mark in item.iter_markers("row") for row in mark.args]
            except pytest.UsageError as error:
                self._refuse(item, str(error))
            else:
                self._rows_of[item.nodeid] = rows
        self._collected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase (set-up, call, tear-down) of one test."""
        result = RowResult[report.outcome.upper()]
        self._outcomes[report.nodeid] = max(result, self._outcomes.get(report.nodeid, result))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: _Node) -> None:
        """A worker of pytest-xdist is done, or has crashed: then there is nothing that it could tell."""
        told = getattr(node, "workeroutput", {})
        if _ROWS_OF_WORKER in told:
            self._rows_of |= told[_ROWS_OF_WORKER]
            self._refused |= set(told[_REFUSED_BY_WORKER])
            self._collected = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A row that must have a test and has none is a failure; a worker leaves that to who sees all."""
        if (told := getattr(session.config, "workeroutput", None)) is not None:
            told[_ROWS_OF_WORKER] = {test: rows for test, rows in self._rows_of.items() if rows}
            told[_REFUSED_BY_WORKER] = sorted(self._refused)
            return
        self._add_up()
        if (self._missing() or self._refused) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table when ``--rows`` asked for it, and in any case which rows are missing."""
        if self._shown:
            terminalreporter.section("feature rows")
            for line in self.table():
                terminalreporter.write_line(line)
        if self._refused:
            terminalreporter.section("wrong rows", red=True)
            for line in sorted(self._refused):
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

    def _refuse(self, item: pytest.Item, why: str) -> None:
        """End the run, or let the process that a worker works for say it: from a worker no such error gets through."""
        if not hasattr(item.config, "workeroutput"):
            raise pytest.UsageError(f"{item.nodeid}: {why}") from None
        self._refused.add(f"{item.nodeid}: {why}")

    def _add_up(self) -> None:
        """The worst result of the tests of each row that ran."""
        for test, rows in self._rows_of.items():
            for row in rows:
                self._tests.setdefault(row, set()).add(test.partition("[")[0])
                result, before = self._outcomes.get(test, RowResult.NOT_RUN), self._results.get(row, RowResult.NOT_RUN)
                known = [each for each in (result, before) if each is not RowResult.NOT_RUN]
                self._results[row] = max(known, default=RowResult.NOT_RUN)

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
