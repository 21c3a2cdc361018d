"""Who runs the tests, shown on small suites of their own."""

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parent / "conftest.py").read_text()
INI = "[pytest]\nmarkers = row(*ids): rows\naddopts = --strict-markers\ntestpaths = .\nworkers_for_all = 1"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with our conftest, a worker for the whole, and a test that fails in another process."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # this may be one itself
    pytester.makeconftest(CONFTEST)
    pytester.makeini(INI)
    pytester.makepyfile(
        test_it="""
        import os
        def test_it(): assert "PYTEST_XDIST_WORKER" not in os.environ
        """
    )
    return pytester


def test_all_is_for_workers(suite: pytest.Pytester) -> None:
    suite.runpytest_subprocess().assert_outcomes(failed=1)


@pytest.mark.slow
@pytest.mark.parametrize("argument", ["test_it.py", "-n0", "-s"])
def test_a_part_is_not_nor_what_somebody_watches(suite: pytest.Pytester, argument: str) -> None:
    suite.runpytest_subprocess(argument).assert_outcomes(passed=1)
