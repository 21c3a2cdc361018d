"""What every test has: hypothesis without deadlines, the table of feature rows, no skipped test on a CI machine."""

import gc
import os
from collections.abc import Generator

import hypothesis
import pytest

hypothesis.settings.register_profile("botkit", deadline=None)  # timings are never asserted
hypothesis.settings.load_profile("botkit")

pytest_plugins = ["pytester", "tests.processes", "tests.rows", "tests.workers"]


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later garbage collection: it stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """On CI a skip is a failure."""
    report = yield
    if report.skipped and on_ci() and not hasattr(report, "wasxfail"):
        fail_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """On CI a module that skips itself is a failure as well."""
    report = yield
    if report.skipped and on_ci():
        fail_skipped(report)
    return report


def on_ci() -> bool:
    """True on a CI machine, where everything that a test needs must be there."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def fail_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that says what was missing."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"skipped, which CI does not allow: {reason.removeprefix('Skipped: ')}"
