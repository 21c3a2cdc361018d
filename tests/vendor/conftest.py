"""The vendor's unmodified clients as fixtures."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest

from botkit.gateway.server import Gateway
from botkit.gateway.settings import Address, GatewaySettings
from botkit.testing import TEST_APP, open_test_gateway
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
    """Starts drivers, and knows the gateway that their users log in to."""

    def __init__(self, gateway: Gateway, logs: Path) -> None:
        self.gateway = gateway
        self._logs = logs

    @asynccontextmanager
    async def open_driver(self, sdk: Sdk) -> AsyncIterator[Driver]:
        """A process with ``sdk`` in it."""
        log = self._logs / f"{sdk}-{len(list(self._logs.iterdir()))}.log"
        async with open_driver(driver_command(sdk), self.gateway.ws_url, TEST_APP, log) as driver:
            yield driver


@pytest.fixture
def installed(request: pytest.FixtureRequest) -> None:
    """The packages of the SDKs that the test's parameters name; without Node the test is skipped (fails on CI)."""
    wanted = [value for value in request.node.callspec.params.values() if value in {"web", "python"}]
    for sdk in wanted:
        try:
            driver_command(sdk)
        except packages.MissingTool as error:
            pytest.skip(str(error))


@pytest.fixture
async def vendor(installed: None, tmp_path: Path) -> AsyncIterator[Vendor]:
    """A gateway on a free port of the loopback interface, and the vendor's clients for it."""
    settings = GatewaySettings(apps=(), listen=Address("127.0.0.1", 0))
    logs = tmp_path / "logs"
    logs.mkdir()
    async with open_test_gateway(settings) as gateway:
        yield Vendor(gateway, logs)
