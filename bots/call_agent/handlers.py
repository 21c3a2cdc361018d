"""The call agent: invitations are answered by rule, and callers are led through the menu."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from botkit import Bot, BotInfo, CallInvited, Context
from bots.call_agent.desk import Desk
from bots.call_agent.records import open_records
from bots.call_agent.service import Agent, CallClock
from bots.call_agent.settings import CallAgentSettings

bot = Bot("call_agent", settings=CallAgentSettings)


@bot.resource
async def desk(settings: CallAgentSettings) -> AsyncIterator[Desk]:
    """The places."""
    yield Desk(settings.accept, settings.max_calls)


@bot.resource
async def agent(settings: CallAgentSettings, info: BotInfo) -> AsyncIterator[Agent]:
    """Who answers, with the table of the records open as long as the bot lives."""
    async with open_records(settings.database, info.account) as records:
        await records.close_left_open(int(time.time() * 1000))
        yield Agent(settings, records)


@bot.on_invite()
async def answer(invite: CallInvited, ctx: Context, desk: Desk, agent: Agent) -> None:
    """Takes the call if a rule and a place are there for it; returns when the call is over."""
    call, clock = ctx.call, CallClock(invite.ms)
    refusal = desk.admit(call, datetime.fromtimestamp(invite.ms / 1000, UTC))
    if refusal is not None:
        ctx.log.info("call refused", caller=invite.peer, reason=refusal)
        await agent.refuse(call, refusal, clock)
        return
    ctx.log.info("call taken", caller=invite.peer, going_on=desk.busy)
    ending = await agent.serve(call, clock)
    ctx.log.info(
        "call over",
        caller=invite.peer,
        outcome=ending.outcome,
        digits=ending.digits,
        **({"reason": ending.reason} if ending.reason else {}),
    )
