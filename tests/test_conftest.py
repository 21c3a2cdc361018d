"""The CI rule of ``conftest.py``, shown on small suites of their own."""

from pathlib import Path

import pytest

CONFTEST = (Path(__file__).parent / "conftest.py").read_text()


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project with our conftest, not on CI."""
    monkeypatch.delenv("CI", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers = row(*ids): rows\naddopts = --strict-markers")
    return pytester


@pytest.mark.parametrize("arguments", [["-n", "0"], pytest.param(["-n", "1"], marks=pytest.mark.slow)], ids=" ".join)
@pytest.mark.parametrize(
    "body", ["def test_it(): pytest.skip('no node')", "pytest.skip('no node', allow_module_level=True)"]
)
def test_a_skip_is_a_failure_on_ci_and_only_there(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str, arguments: list[str]
) -> None:
    suite.makepyfile(test_it=f"import pytest\n{body}")
    suite.runpytest().assert_outcomes(skipped=1)
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest(*arguments)
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*skipped, which CI does not allow: no node*"])


def test_an_expected_failure_stays_one_on_ci(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(test_it="import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it(): assert 0")
    suite.runpytest().assert_outcomes(xfailed=1)
