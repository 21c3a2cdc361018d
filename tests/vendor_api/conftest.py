"""A gateway and a ``Signal`` of the vendor's API at it."""

from collections.abc import AsyncIterator

import pytest

from botkit.signaling.vendor import Signal
from tests.vendor_api.people import World, open_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A gateway in memory, for tests in virtual time (they ask for ``autojump_clock`` themselves)."""
    async with open_world() as world:
        yield world


@pytest.fixture(params=["memory", "loopback"])
async def wired(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A gateway over WebSockets in memory, and over sockets: for tests that do not wait."""
    async with open_world(request.param) as world:
        yield world


@pytest.fixture
async def signal(world: World) -> AsyncIterator[Signal]:
    """A ``Signal`` at the gateway in memory."""
    async with world.open() as signal:
        yield signal


@pytest.fixture
async def wired_signal(wired: World) -> AsyncIterator[Signal]:
    """A ``Signal`` at either gateway."""
    async with wired.open() as signal:
        yield signal
