"""Every row of the signaling API is shown by a real client at a real gateway, and not by one end against a script."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
BOTH_ENDS = (
    "vendor_api/*.py",
    "vendor/*.py",
    "signaling/test_with_gateway.py",
    "wire/test_golden_both_ends.py",
    "gateway/test_large_channel.py",
)
"""Tests in which botkit's or the vendor's client meets botkit's gateway over a WebSocket."""

LETTERS = {"M03": "abcd", "M12": "abcd", "M13": "abc", "M15": "abcdefg"}
COUNTS = {"P": 5, "M": 24, "C": 27, "W": 8}
NUMBERED = [f"{kind}{number:02}" for kind, count in COUNTS.items() for number in range(1, count + 1)]
ROWS = [row + letter for row in NUMBERED for letter in ("", *LETTERS.get(row, ""))]

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
