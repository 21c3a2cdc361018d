"""The moderation bot: each message of its channels is judged, and the verdicts are carried out."""

from collections.abc import AsyncIterator

import trio

from botkit import Bot, BotInfo, ChannelMessage, Context
from bots.moderation.audit import Message, open_audit
from bots.moderation.enforcement import Enforcer
from bots.moderation.judge import Judge
from bots.moderation.settings import ModerationSettings

bot = Bot("moderation", settings=ModerationSettings)


@bot.resource
async def judge(settings: ModerationSettings) -> AsyncIterator[Judge]:
    """The rules, with the counters of the flood rule."""
    yield Judge(settings)


@bot.resource
async def enforcer(settings: ModerationSettings, info: BotInfo) -> AsyncIterator[Enforcer]:
    """The audit table, open as long as the bot lives."""
    forget_hours = settings.strikes.forget_hours
    async with open_audit(settings.database, info.account, forget_hours=forget_hours) as audit:
        await audit.fail_interrupted()
        yield Enforcer(settings.strikes, audit)


@bot.on_channel_message()
async def moderate(message: ChannelMessage, ctx: Context, judge: Judge, enforcer: Enforcer) -> None:
    """Judges a message by the time at which the gateway took it, so that a bot that lags sees no flood."""
    for verdict in judge.judge(message.account, message.text, message.ms / 1000):
        case = Message(message.channel, message.account, message.text, message.ms)
        sanction, problem = await enforcer.enforce(case, verdict, ctx.session, trio.current_time())
        facts = {"by": message.account, "rule": verdict.rule, "evidence": verdict.evidence[:80], "action": sanction}
        if ctx.session.dry_run:
            facts["dry_run"] = "nothing was done"
        if problem:
            ctx.log.warning("verdict", **facts, problem=problem)
        else:
            ctx.log.info("verdict", **facts)
