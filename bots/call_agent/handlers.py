"""The call agent as a bot: what it is told, and who does something about it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from msgspec import Struct

from botkit import (
    Bot,
    BotInfo,
    CallInvited,
    CallMessageReceived,
    Context,
    ErrorCode,
    LoggedOut,
    Meters,
    SignalingError,
    WallClock,
)
from bots.call_agent.agent import Agent
from bots.call_agent.dialler import TICK_SECONDS, Dialler, open_dialler
from bots.call_agent.lines import Handler
from bots.call_agent.records import CallRecords, open_records
from bots.call_agent.settings import CallAgentSettings

DAY_MS = 86_400_000

MOST_DRAIN_SECONDS = 3_700
"""Longer than ``drain_seconds`` can be."""

FORGET_SECONDS = 3_600
"""How often records that are too old are deleted."""


class Outbound(Struct, frozen=True):
    """The campaign's dialler, where there is one."""

    dialler: Dialler | None = None


async def keep_records(settings: CallAgentSettings, info: BotInfo) -> AsyncIterator[CallRecords]:
    """The database of records, where what an earlier run left open is closed."""
    async with open_records(settings.database) as records:
        await records.close_left_open(info.account, WallClock().ms())
        yield records


@asynccontextmanager
async def measured(agent: Agent, meters: Meters) -> AsyncIterator[Agent]:
    """An agent at work, with the gauges that say how much it has to do."""
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


async def open_outbound(settings: CallAgentSettings, agent: Agent) -> AsyncIterator[Outbound]:
    """The campaign, where the settings have one."""
    if settings.campaign is None:
        yield Outbound()
        return
    async with open_dialler(settings.database, settings.campaign, agent) as dialler:
        yield Outbound(dialler)


async def answer(invite: CallInvited, ctx: Context, agent: Agent) -> None:
    """Takes the call, or refuses it; returns when the call is over."""
    agent.switchboard.connect(ctx.session)
    await agent.take(ctx.call, invite.ms, ctx.log)


async def pass_on(message: CallMessageReceived, agent: Agent) -> None:
    """What one side of a bridge sends in its call is for the other."""
    other = agent.switchboard.other_side(message.call)
    if other is not None:
        with suppress(SignalingError):  # that side has just hung up, and this one will be told
            await other.send_message(message.extra)


async def dial(ctx: Context, settings: CallAgentSettings, agent: Agent, outbound: Outbound) -> None:
    """Makes the calls of a campaign that it is time for."""
    if outbound.dialler is not None:
        agent.switchboard.connect(ctx.session)
        outbound.dialler.tick(ctx.session, settings.limits, ctx.log)


async def forget(settings: CallAgentSettings, records: CallRecords) -> None:
    """Deletes records that are older than ``keep_days``."""
    await records.forget_before(WallClock().ms() - int(settings.keep_days * DAY_MS))


async def sound_alarm(event: LoggedOut, ctx: Context, agent: Agent, records: CallRecords, meters: Meters) -> None:
    """Somebody else has taken the account, or the service has put it out: from now on no call arrives here."""
    if event.code is ErrorCode.LOGOUT_E_USER:
        return
    kind = "displaced" if event.code is ErrorCode.LOGOUT_E_KICKED else "logged_out"
    meters.counter("call_agent_alarms", "Times that a call agent stopped hearing calls, by why", "kind").add_for(kind)
    ctx.log.critical(
        "ALARM: the call agent hears no calls any more",
        kind=kind,
        code=int(event.code),
        reason=event.reason or event.code.text,
        calls_cut=agent.going_on,
        hint="log in nowhere else as this account, and restart the process",
    )
    await records.alarm(ctx.bot.account, WallClock().ms(), kind, event.reason or event.code.text)


async def drain(ctx: Context, agent: Agent) -> None:
    """No new calls; those that go on may come to their end, as long as ``drain_seconds``."""
    ctx.log.info("no more calls are taken", going_on=agent.going_on)
    await agent.drain()
    ctx.log.info("drained", left=agent.going_on)


def call_agent(name: str = "call_agent", handler: Handler | None = None) -> Bot:
    """A call agent, as a bot: its calls are led through the flow of its settings, or handled by ``handler``.

    Everything else is the same for both: who is let in, deadlines, queues, transfers, campaigns, records.
    """
    bot = Bot(name, settings=CallAgentSettings)
    bot.resource(keep_records)

    @bot.resource
    async def agent(
        settings: CallAgentSettings, info: BotInfo, meters: Meters, records: CallRecords
    ) -> AsyncIterator[Agent]:
        async with measured(Agent(settings, records, meters, account=info.account, handler=handler), meters) as agent:
            yield agent

    bot.resource(open_outbound)
    bot.on_invite()(answer)
    bot.on(CallMessageReceived)(pass_on)
    bot.every(seconds=TICK_SECONDS)(dial)
    bot.every(seconds=FORGET_SECONDS)(forget)
    bot.on(LoggedOut)(sound_alarm)
    bot.on_drain(timeout=MOST_DRAIN_SECONDS)(drain)
    return bot


bot = call_agent()
