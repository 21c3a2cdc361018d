"""Every row of the signaling API is shown by a real client at a real gateway, and not by one end against a script."""

import re
from pathlib import Path

import pytest

from tests.rows import read_wanted

TESTS = Path(__file__).parent
BOTH_ENDS = (
    "vendor_api/*.py",
    "vendor/*.py",
    "signaling/test_with_gateway.py",
    "wire/test_golden_both_ends.py",
    "gateway/test_large_channel.py",
)
"""Tests in which botkit's or the vendor's client meets botkit's gateway over a WebSocket."""

ROWS = [row for row in read_wanted(TESTS / "wanted_rows.toml")[0].ids() if row[0] in "PMCW"]

_MARK = re.compile(r"pytest\.mark\.row\(([^)]*)\)")
_ROW = re.compile(r'"([A-Z]\d{2}[a-z]?)"')


def rows_in(path: Path) -> set[str]:
    """The rows that a file's tests are marked with."""
    return {row for marks in _MARK.findall(path.read_text()) for row in _ROW.findall(marks)}


SHOWN = set[str]().union(*(rows_in(path) for pattern in BOTH_ENDS for path in TESTS.glob(pattern)))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_test_with_both_ends(row: str) -> None:
    assert row in SHOWN


def test_all_files_are_there() -> None:
    assert [pattern for pattern in BOTH_ENDS if not list(TESTS.glob(pattern))] == []
