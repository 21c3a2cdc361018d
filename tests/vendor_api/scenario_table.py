"""The table of scenarios, one for each live code, and what they are made of."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from botkit.gateway.settings import AppCredentials
from botkit.signaling import SignalSettings
from tests.vendor_api.lines import Lines
from tests.vendor_api.people import TEST_APP, Person, World, log_in

Scenario: TypeAlias = Callable[[World], Awaitable[object]]
"""Provokes a code in an empty world and returns what was heard."""

CERTIFICATE = "0123456789abcdef"
GUARDED = "guarded"
APPS = (
    AppCredentials(id=TEST_APP, server_accounts=("server*",)),
    AppCredentials(id=GUARDED, certificate=CERTIFICATE),
)

SCENARIOS: dict[int, Scenario] = {}


def provokes(code: int) -> Callable[[Scenario], Scenario]:
    """Enter a scenario into the table."""

    def enter(scenario: Scenario) -> Scenario:
        assert code not in SCENARIOS
        SCENARIOS[code] = scenario
        return scenario

    return enter


@asynccontextmanager
async def people(world: World, *accounts: str) -> AsyncIterator[list[Person]]:
    """Accounts that are logged in."""
    async with world.open() as signal:
        yield [await log_in(signal, account) for account in accounts]


@asynccontextmanager
async def far(world: World, settings: SignalSettings | None = None) -> AsyncIterator[tuple[Person, Lines]]:
    """An account whose connections can be cut."""
    lines = Lines(world.gateway.connector)
    async with world.over(lines, settings=settings) as signal:
        yield await log_in(signal, "far"), lines


async def code_of(person: Person, callback: str) -> object:
    """The code in the next callback of that name."""
    arguments = await person.heard.next(callback)
    return arguments[0] if callback == "onError" else arguments[-1]
