"""The vendor's unmodified clients as fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.gateway.server import Gateway
from botkit.gateway.settings import Address, GatewaySettings
from botkit.testing import open_test_gateway
from tests.vendor import packages
from tests.vendor.clients import Sdk
from tests.vendor.drivers import Vendor, driver_command
from tests.vendor.stage import Stage, open_stage


@pytest.fixture
def installed(request: pytest.FixtureRequest) -> None:
    """The packages of the SDKs that the test's parameters name; without Node the test is skipped (fails on CI)."""
    both: set[Sdk] = {"web", "python"}
    wanted = both if "stage" in request.fixturenames else both & set(request.node.callspec.params.values())
    for sdk in wanted:
        try:
            driver_command(sdk)
        except packages.MissingTool as error:
            pytest.skip(str(error))


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway on a free port of the loopback interface."""
    settings = GatewaySettings(apps=(), listen=Address("127.0.0.1", 0))
    async with open_test_gateway(settings) as gateway:
        yield gateway


@pytest.fixture
async def vendor(installed: None, gateway: Gateway, tmp_path: Path) -> Vendor:
    """The vendor's clients for the gateway."""
    return Vendor(gateway.ws_url, tmp_path / "logs")


@pytest.fixture
async def stage(vendor: Vendor, sdk: Sdk) -> AsyncIterator[Stage]:
    """A moderator, and two people on the vendor's SDKs in the lobby: ``ann`` on ``sdk``."""
    async with open_stage(vendor, sdk) as stage:
        yield stage
