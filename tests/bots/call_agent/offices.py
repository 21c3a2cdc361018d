"""A world with a call agent in it, for the tests of calls."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import trio

from botkit import App, Bot, BotPlacement, Database, InstantMessage, open_database
from botkit.testing import User, World, open_world
from bots.call_agent import bot
from bots.call_agent.flow.flows import Flow
from bots.call_agent.records import SCHEMA, CallRecord, CallRecords
from bots.call_agent.settings import CallAgentSettings

DATABASE = "sqlite://calls"
MENU = "1 hours, 2 more, 9 end"
FLOW = {
    "blocks": {
        "main": [{"do": "say", "text": "Welcome."}, {"do": "go", "to": "menu"}],
        "menu": [
            {
                "do": "menu",
                "prompt": MENU,
                "timeout_seconds": 5,
                "retries": 1,
                "choices": {
                    "1": [{"do": "say", "text": "Nine to five."}, {"do": "go", "to": "menu"}],
                    "2": [
                        {"do": "menu", "prompt": "3 end", "choices": {"3": [{"do": "end", "text": "As you wish."}]}},
                    ],
                    "9": [{"do": "end", "text": "Bye."}],
                },
            }
        ],
    }
}


def make_flow(main: object, **blocks: object) -> Flow:
    """A flow with these blocks and a queue ``team`` of anna and bert."""
    return msgspec.convert(
        {"blocks": {"main": main, **blocks}, "queues": {"team": {"humans": ["anna", "bert"]}}}, Flow, str_keys=True
    )


def settings(**keys: object) -> CallAgentSettings:
    """Settings as from the YAML: calls to ``support-*``, one at a time, through ``FLOW``, recorded in memory."""
    values = {"accept": [{"channel": "support-*"}], "max_calls": 1, "flow": FLOW, "database": DATABASE, **keys}
    if isinstance(flow := values["flow"], Flow):
        values["flow"] = msgspec.to_builtins(flow)
    return msgspec.convert(values, CallAgentSettings)


@dataclass
class Office:
    """The call agent at work, and its records."""

    world: World
    database: Database
    app: App

    async def records(self) -> list[CallRecord]:
        """All calls, in their order."""
        await trio.sleep(0.5)
        return await CallRecords(self.database).latest(limit=1_000)

    async def endings(self) -> list[tuple[str, str, str]]:
        """Of all calls: who, what was pressed, and how it ended."""
        return [(record.peer, record.digits, record.outcome) for record in await self.records()]


@asynccontextmanager
async def office(
    agent: Bot = bot, *, server_accounts: Sequence[str] = (), expect_failures: bool = False, **keys: object
) -> AsyncIterator[Office]:
    """A world with a call agent under the account ``support``; ``keys`` are of its settings."""
    placement = BotPlacement(bot=agent, account="support", settings=settings(**keys))
    async with (
        open_database(DATABASE, SCHEMA) as database,
        open_world(server_accounts=server_accounts, expect_failures=expect_failures) as world,
        world.running(placement) as app,
    ):
        yield Office(world, database, app)


async def get_through(user: User, channel: str = "support-1", extra: str = "") -> None:
    """Call the agent, who answers."""
    await user.call("support", channel=channel, extra=extra)
    await user.wait_answered()


async def hear(user: User, count: int) -> list[str]:
    """The next texts that the agent says."""
    return [(await user.expect(InstantMessage, within=60)).text for _ in range(count)]
