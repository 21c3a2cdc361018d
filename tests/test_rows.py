"""The table of feature rows, shown on small suites of their own; and the list of the wanted ones."""

from pathlib import Path

import pytest

from tests.rows import read_wanted

CONFTEST = (Path(__file__).parent / "conftest.py").read_text()
SUITE = """
    import pytest
    pytestmark = pytest.mark.row("P01")
    def test_plain(): pass
    @pytest.mark.row("M10", "M12a")
    def test_two_rows(): pass
    @pytest.mark.row("M10")
    def test_fails(): assert 0
    @pytest.mark.row("C05")
    def test_skips(): pytest.skip("no such machine here")
    @pytest.mark.slow
    @pytest.mark.row("0.10")
    def test_slow(): pass
"""
ALONE = ["-n", "0"]
WITH_WORKER = pytest.param(["-n", "1"], marks=pytest.mark.slow)
WANTED = """
lists = [
    {title = "First", binding = true, rows = "0.9-0.10 M10-M11 M12a-M12b"},
    {title = "Second", binding = false, rows = "C05 G18"},
]
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project with our conftest and some wanted rows, not on CI."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makefile(".toml", wanted=WANTED)
    pytester.makeini(
        "[pytest]\nmarkers = row(*ids): rows\n slow: slow\naddopts = --strict-markers\ntestpaths = .\n"
        "wanted_rows = wanted.toml"
    )
    return pytester


def table_of(result: pytest.RunResult) -> list[str]:
    """The table's lines without their tests, blank ones left out."""
    lines = result.outlines
    start = next(number for number, line in enumerate(lines) if " feature rows " in line) + 1
    lines = lines[start:]
    end = next(number for number, line in enumerate(lines) if line.startswith("="))
    return [line.partition("test_it.py")[0].strip() for line in lines[:end] if line]


@pytest.mark.parametrize("arguments", [ALONE, ["-n", "1"]], ids=" ".join)
def test_the_table_has_all_wanted_rows_in_their_order_with_their_worst_results(
    suite: pytest.Pytester, arguments: list[str]
) -> None:
    suite.makepyfile(test_it=SUITE)
    result = suite.runpytest("--rows", *arguments)
    assert table_of(result) == [
        "First",
        "0.9   missing",
        "0.10  passed",
        "M10   failed",
        "M11   missing",
        "M12a  passed",
        "M12b  missing",
        "6 rows: 2 passed, 1 failed, 3 missing",
        "Second",
        "C05   skipped",
        "G18   missing",
        "2 rows: 1 skipped, 1 missing",
        "Others",
        "P01   failed",
        "1 rows: 1 failed",
        "9 rows: 2 passed, 1 skipped, 2 failed, 4 missing",
    ]
    result.stdout.fnmatch_lines(["M10 *test_it.py::test_fails, test_it.py::test_two_rows"])


@pytest.mark.parametrize("arguments", [ALONE, WITH_WORKER], ids=" ".join)
def test_a_row_whose_tests_were_left_out_is_not_missing(suite: pytest.Pytester, arguments: list[str]) -> None:
    suite.makepyfile(test_it=SUITE)
    lines = table_of(suite.runpytest("--rows", "-m", "not slow", *arguments))
    assert lines[2] == "0.10  not run"
    assert lines[-1] == "9 rows: 1 passed, 1 not run, 1 skipped, 2 failed, 4 missing"


@pytest.mark.parametrize("arguments", [ALONE, WITH_WORKER], ids=" ".join)
@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('"0.9", "0.10", "M10", "M11", "M12a", "M12b"', pytest.ExitCode.OK),
        ('"0.9", "0.10", "M10", "M12a", "M12b"', pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_the_whole_suite_fails_when_a_row_of_a_binding_list_has_no_test(
    suite: pytest.Pytester, arguments: list[str], rows: str, code: pytest.ExitCode
) -> None:
    suite.makepyfile(test_it=f"import pytest\n@pytest.mark.row({rows})\ndef test_it(): pass")
    result = suite.runpytest(*arguments)
    assert result.ret is code
    if code:
        result.stdout.fnmatch_lines(["*rows without a test*", "M11"])
    else:
        assert "rows without a test" not in result.stdout.str()


def test_a_part_of_the_suite_is_asked_for_no_other_rows(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it=SUITE)
    result = suite.runpytest("--rows", "test_it.py::test_two_rows")
    assert result.ret is pytest.ExitCode.OK
    assert table_of(result) == [
        "First",
        "M10   passed",
        "M12a  passed",
        "2 rows: 2 passed",
        "Others",
        "P01   passed",
        "1 rows: 1 passed",
        "3 rows: 3 passed",
    ]


def test_without_the_option_no_table(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it=SUITE)
    assert "feature rows" not in suite.runpytest().stdout.str()


def test_an_error_in_a_fixture_fails_the_row(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import pytest
        @pytest.fixture
        def late():
            yield
            raise OSError
        @pytest.mark.row("G09")
        def test_it(late): pass
        """
    )
    suite.runpytest("--rows").stdout.fnmatch_lines(["G09*failed*"])


@pytest.mark.slow
def test_each_case_of_a_test_counts_for_its_own_rows_whichever_worker_ran_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import pytest
        row = pytest.mark.row
        @row("M10")
        @pytest.mark.parametrize(
            "case", [0, 1, pytest.param(2, marks=row("M11")), pytest.param(3, marks=row("M12a")), 4, 5]
        )
        def test_cases(case): assert case != 2
        """
    )
    lines = table_of(suite.runpytest("--rows", "-n", "2"))
    assert [line for line in lines if line[:2] == "M1"][:3] == ["M10   failed", "M11   failed", "M12a  passed"]


@pytest.mark.slow
def test_a_worker_that_crashes_does_not_hide_the_rows(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        import os, pytest
        @pytest.mark.row("M10")
        def test_crashes(): os._exit(1)
        @pytest.mark.row("M11")
        def test_it(): pass
        """
    )
    result = suite.runpytest("--rows", "-n", "1")
    assert result.ret is pytest.ExitCode.TESTS_FAILED
    lines = table_of(result)
    assert {"M10   failed", "M11   passed"} <= set(lines)


@pytest.mark.parametrize("row", ["'M1O'", "'0.100'", "0.1", "'M10-M12'"])
def test_a_row_id_that_can_be_none_is_refused(suite: pytest.Pytester, row: str) -> None:
    suite.makepyfile(test_it=f"import pytest\n@pytest.mark.row({row})\ndef test_it(): pass")
    result = suite.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*test_it.py::test_it: row({row}) is no row id*"])
    assert "rows without a test" not in result.stdout.str()


@pytest.mark.slow
def test_a_worker_refuses_it_too(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it="import pytest\n@pytest.mark.row('M1O')\ndef test_it(): pass")
    result = suite.runpytest("-n", "1")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*wrong rows*", "test_it.py::test_it: row('M1O') is no row id*"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lists = [{title = 'a', binding = true, rows = 'M10 X'}]", "*wanted.toml: row('X') is no row id*"),
        ("lists = [{title = 'a', bindng = true, rows = 'M10'}]", "*wanted.toml: *bindng*"),
    ],
)
def test_wrong_wanted_rows_are_refused(suite: pytest.Pytester, text: str, complaint: str) -> None:
    suite.makefile(".toml", wanted=text)
    suite.makepyfile(test_it=SUITE)
    result = suite.runpytest("--rows")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


def test_the_wanted_rows() -> None:
    signaling, framework, bots = read_wanted(Path(__file__).with_name("wanted_rows.toml"))
    assert (len(signaling.ids()), len(set(signaling.ids()))) == (105, 105)
    assert {"0.1", "0.15", "P05", "M03d", "M24", "C27", "W08", "D08", "G18"} <= set(signaling.ids())
    assert {"A11", "A18", "B26", "O07"} <= set(framework.ids())
    assert {"D01", "D25", "E20", "F06", "F20"} <= set(bots.ids())
    assert not {"0.16", "G11", "W09"} & set(signaling.ids())
