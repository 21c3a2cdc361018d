"""The rows table and the CI rule of ``conftest.py``, shown on small suites of their own."""

from pathlib import Path

import pytest

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
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project with our conftest, not on CI."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers = row(*ids): rows\naddopts = --strict-markers")
    return pytester


def test_rows_table_shows_the_worst_result_of_each_row(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it=SUITE)
    lines = suite.runpytest("--rows").outlines
    table = [line for line in lines if line[:3] in {"P01", "M10", "M12", "C05", "4 r"}]
    assert [line.split()[:2] for line in table[:-1]] == [
        ["C05", "skipped"],
        ["M10", "failed"],
        ["M12a", "passed"],
        ["P01", "failed"],
    ]
    assert table[1].endswith("test_it.py::test_fails, test_it.py::test_two_rows")
    assert table[-1] == "4 rows: 1 passed, 1 skipped, 2 failed"


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


def test_a_row_id_that_can_be_none_is_refused(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_it="import pytest\n@pytest.mark.row('M1O')\ndef test_it(): pass")
    result = suite.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*row('M1O') is no row id*"])


@pytest.mark.parametrize(
    "body", ["def test_it(): pytest.skip('no node')", "pytest.skip('no node', allow_module_level=True)"]
)
def test_a_skip_is_a_failure_on_ci_and_only_there(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    suite.makepyfile(test_it=f"import pytest\n{body}")
    suite.runpytest().assert_outcomes(skipped=1)
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest()
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*skipped, which CI does not allow: no node*"])


def test_an_expected_failure_stays_one_on_ci(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(test_it="import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it(): assert 0")
    suite.runpytest().assert_outcomes(xfailed=1)
