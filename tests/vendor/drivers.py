"""Starts drivers of the vendor's SDKs, for users of one gateway."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from botkit.testing import TEST_APP
from tests.vendor import packages
from tests.vendor.clients import Driver, Sdk, open_driver

HERE = Path(__file__).parent


@cache
def driver_command(sdk: Sdk) -> Sequence[str]:
    """How to start the driver of an SDK; installs its packages at the first use."""
    if sdk == "web":
        return ["node", str(HERE / "web_driver.js"), str(packages.web_packages())]
    return [str(packages.python_packages()), str(HERE / "python_driver.py")]


class Vendor:
    """The vendor's SDKs, and the gateway that their users log in to."""

    def __init__(self, url: str, logs: Path) -> None:
        self.url = url
        self._logs = logs
        logs.mkdir()

    @asynccontextmanager
    async def open_driver(self, sdk: Sdk, *, app: str = TEST_APP) -> AsyncIterator[Driver]:
        """A process with ``sdk`` in it, for users of ``app``."""
        log = self._logs / f"{sdk}-{len(list(self._logs.iterdir()))}.log"
        async with open_driver(driver_command(sdk), self.url, app, log) as driver:
            yield driver
