"""The call agent as a bot: what it is told, and who does something about it."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from botkit import (
    Bot,
    BotInfo,
    CallInvited,
    CallMessageReceived,
    Context,
    Meters,
    SignalingError,
    WallClock,
)
from bots.call_agent.agent import Agent
from bots.call_agent.lines import Handler
from bots.call_agent.records import open_records
from bots.call_agent.settings import CallAgentSettings

MOST_DRAIN_SECONDS = 3_700
"""Longer than ``drain_seconds`` can be."""


def call_agent(name: str = "call_agent", handler: Handler | None = None) -> Bot:
    """A call agent, as a bot: its calls are led through the flow of its settings, or handled by ``handler``.

    Everything else is the same for both: who is let in, deadlines, queues, transfers, records.
    """
    bot = Bot(name, settings=CallAgentSettings)

    @bot.resource
    async def agent(settings: CallAgentSettings, info: BotInfo, meters: Meters) -> AsyncIterator[Agent]:
        async with open_records(settings.database) as records:
            await records.close_left_open(info.account, WallClock().ms())
            agent = Agent(settings, records, meters, account=info.account, handler=handler)
            levels: list[tuple[str, str, Callable[[], float]]] = [
                ("call_agent_going_on", "Calls of call agents that are going on", lambda: agent.going_on),
                ("call_agent_waiting", "Callers who wait in a queue of a call agent", agent.switchboard.waiting),
            ]
            gauges = [(meters.gauge(gauge, help, read), read) for gauge, help, read in levels]
            try:
                yield agent
            finally:
                for gauge, read in gauges:
                    gauge.remove_source(read)

    @bot.on_invite()
    async def answer(invite: CallInvited, ctx: Context, agent: Agent) -> None:
        """Takes the call, or refuses it; returns when the call is over."""
        agent.switchboard.connect(ctx.session)
        await agent.take(ctx.call, invite.ms, ctx.log)

    @bot.on_drain(timeout=MOST_DRAIN_SECONDS)
    async def drain(ctx: Context, agent: Agent) -> None:
        """No new calls; those that go on may come to their end, as long as ``drain_seconds``."""
        ctx.log.info("no more calls are taken", going_on=agent.going_on)
        await agent.drain()
        ctx.log.info("drained", left=agent.going_on)

    @bot.on(CallMessageReceived)
    async def pass_on(message: CallMessageReceived, agent: Agent) -> None:
        """What one side of a bridge sends in its call is for the other."""
        other = agent.switchboard.other_side(message.call)
        if other is not None:
            with suppress(SignalingError):  # that side has just hung up, and this one will be told
                await other.send_message(message.extra)

    return bot


bot = call_agent()
