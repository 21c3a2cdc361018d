"""The table of scenarios, one for each live code, and what they are made of.

Each code is provoked at the real gateway and heard through the vendor's API, with nothing changed on the way. What
needs a word:

- 102, 201, 401, 501, 604, 702, 1002 say that the connection was lost or that no answer came. Nobody but the network can
  cause those: connections are cut, or what the gateway says is swallowed. (401 also has a cause at the gateway, a
  moderator who takes longer over a held message than the client waits; that is the scenario here.)
- 200 and 500 are refusals for which there is no closer code. The gateway's own is that its store does not keep up, and
  it promises nothing more that it could not keep (``overload.py``).
- 207 says that this session's account has logged in elsewhere meanwhile. The gateway gives it to a client that comes
  back to such a session. To an application that is the end of its session, for which the number is 103; so no callback
  of ours ever tells 207, and the scenario is a client by hand. (A vendor's gateway may refuse a login with the text
  ``kick``, which we tell as 207: ``test_login_codes.py``.)
- 108, 203, 208, 209 and 1003 come from the client itself, which knows them before anything is sent. A client by hand
  that sends it all the same gets 208, 209 and 1003 from the gateway (``tests/gateway``).
- 1000 is of the client's own making: its callbacks were so slow that events were lost
  (``SignalSettings.event_buffer``). The gateway has no failure without a code of its own.
"""

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
