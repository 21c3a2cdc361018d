"""The whole suite is run by several workers at once (pytest-xdist), a part of it that is named in this process."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add how many."""
    parser.addini("workers_for_all", "workers for a run without paths; -n N says otherwise", default="0")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Say so before pytest-xdist looks. Where somebody wants to see output or a debugger, there are none."""
    watched = config.option.usepdb or config.option.capture == "no" or config.option.collectonly
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not hasattr(config, "workerinput")
    if whole and not watched and config.option.numprocesses is None:
        config.option.numprocesses = int(config.getini("workers_for_all"))
        if config.option.dist == "no":
            config.option.dist = "worksteal"  # tests take from a millisecond to a minute
