"""A scripted gateway, and a session of ``ann`` that is logged in to it."""

from collections.abc import AsyncIterator

import pytest

from botkit.signaling import LoginSession, Signal
from tests.signaling.scripted import ScriptedGateway, waiting_events


@pytest.fixture
def gateway() -> ScriptedGateway:
    """A gateway that lets everybody in and says yes to everything."""
    return ScriptedGateway()


@pytest.fixture
def signal(gateway: ScriptedGateway) -> Signal:
    """A ``Signal`` at the scripted gateway."""
    return Signal("app", gateway.connector)


@pytest.fixture
async def session(signal: Signal) -> AsyncIterator[LoginSession]:
    """The session of ``ann``; its ``LoggedIn`` has been received.

    pytest-trio takes a clock from the test's own arguments only: a test that waits asks for ``autojump_clock`` itself.
    """
    async with signal.open_session("ann") as session:
        await waiting_events(session)
        yield session
