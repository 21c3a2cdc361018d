"""What moderators write to the bot: ``!why 12``, ``!undo rule spam``, ``!mute bob 10m enough``.

In a channel or in private; the answers go to the moderator alone. Each act by hand is a case like others.
"""

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta

from botkit import (
    Account,
    ChannelMessage,
    ChannelName,
    ConfigError,
    Context,
    InstantMessage,
    RestOfLine,
    SignalingError,
)
from bots.moderation.acting.enforcer import Report
from bots.moderation.cases import queries
from bots.moderation.cases.facts import Case
from bots.moderation.cases.selection import Selection
from bots.moderation.explain import explain_case, summarise_case, summarise_tally
from bots.moderation.handlers import bot
from bots.moderation.rules.actions import MAX_RATE, Action, parse_seconds
from bots.moderation.rules.ruleset import CompiledRule
from bots.moderation.rules.settings import HELPERS, MODERATORS
from bots.moderation.service import Service

__all__ = ["bot"]

MAX_LISTED = 20
MAX_BYTES = 8_000
"""Of what the bot says; a message has room for 8192."""

Number = Annotated[int, Meta(ge=1)]
Rate = Annotated[int, Meta(ge=1, le=MAX_RATE)]


@bot.command("why", roles=HELPERS)
async def why(ctx: Context, service: Service, case: Number) -> None:
    """Why something was done: the rule, its version, what it found, whom it would have left alone."""
    found = await queries.read_case(service.ledger.database, case)
    if found is None:
        await _answer(ctx, f"there is no case {case}")
        return
    definition = await queries.definition(service.ledger.database, found.draft.rule, found.draft.version)
    await _answer(ctx, explain_case(found, definition))


@bot.command("cases", roles=HELPERS)
async def cases(ctx: Context, service: Service, account: Account | None = None) -> None:
    """The newest cases, of an account or of all."""
    lane = service.moderator.acting.name
    found = await queries.list_cases(service.ledger.database, Selection(account=account or ""), lane, limit=MAX_LISTED)
    await _answer(ctx, "\n".join(map(summarise_case, found)) or "no cases")


@bot.command("undo", roles=MODERATORS)
async def undo(ctx: Context, service: Service, what: Literal["case", "rule", "by", "of", "since"], value: str) -> None:
    """Takes back a case, all of a rule (spam, or spam@VERSION), by a moderator, of an account, since 10m ago."""
    try:
        selection = select(what, value, service.clock.ms())
    except ValueError as error:
        await _answer(ctx, str(error))
        return
    undone = await service.undoer.undo(selection, _author(ctx))
    kept = f"; cannot be taken back: {', '.join(undone.kept)}" if undone.kept else ""
    later = f"; {undone.pending} things are still to be set" if undone.pending else ""
    await _answer(ctx, f"undone: {len(undone.cases)} cases{kept}{later}")


@bot.command("report", roles=HELPERS)
async def report(ctx: Context, service: Service, lane: Literal["live", "shadow", "dry"] = "live") -> None:
    """What each version of each rule did; shadow: what all would have done, were those in shadow mode in force, too."""
    found = await queries.tally(service.ledger.database, lane)
    await _answer(ctx, "\n".join(map(summarise_tally, found)) or "no cases")


@bot.command("rules", roles=MODERATORS)
async def rules(ctx: Context, service: Service, what: Literal["show", "reload"] = "show") -> None:
    """The rules in force; reload: reads their file again, and keeps the old ones if it is wrong."""
    if what == "reload":
        try:
            await service.reload_rules()
        except ConfigError as error:
            await _answer(ctx, f"the old rules stay: {error}")
            return
    await _answer(ctx, "\n".join(map(_rule_line, service.rules.rules)))


@bot.command("warn", roles=MODERATORS)
async def warn(ctx: Context, service: Service, account: Account, reason: RestOfLine = "") -> None:
    """Warns somebody."""
    await _by_hand(ctx, service, Action("warn"), account, reason)


@bot.command("mute", roles=MODERATORS)
async def mute(ctx: Context, service: Service, account: Account, time: timedelta, reason: RestOfLine = "") -> None:
    """Mutes somebody for a while: in this channel, or everywhere when it is said in private."""
    everywhere = not isinstance(ctx.event, ChannelMessage)
    action = Action("mute", time.total_seconds(), everywhere=everywhere)
    await _by_hand(ctx, service, action, account, reason)


@bot.command("kick", roles=MODERATORS)
async def kick(
    ctx: Context, _event: ChannelMessage, service: Service, account: Account, reason: RestOfLine = ""
) -> None:
    """Puts somebody out of this channel."""
    await _by_hand(ctx, service, Action("kick"), account, reason)


@bot.command("ban", roles=MODERATORS)
async def ban(ctx: Context, service: Service, account: Account, time: timedelta, reason: RestOfLine = "") -> None:
    """Bans somebody from the app for a while."""
    await _by_hand(ctx, service, Action("ban", time.total_seconds()), account, reason)


@bot.command("slow", roles=MODERATORS)
async def slow(ctx: Context, _event: ChannelMessage, service: Service, rate: Rate, time: timedelta) -> None:
    """Leaves this channel so many messages a second, for a while."""
    await _by_hand(ctx, service, Action("slow", time.total_seconds(), rate), "", "")


@bot.command("approve", roles=MODERATORS)
async def approve(ctx: Context, service: Service, case: Number) -> None:
    """Lets a message through that was held for review: the bot says it, and the case is undone."""
    found = await _waiting_case(ctx, service, case)
    if found is None:
        return
    draft = found.draft
    undone = await service.undoer.undo(Selection(case=case), _author(ctx))
    if not undone.cases:
        await _answer(ctx, f"case {case} is undone already")
        return
    if not draft.held:
        await _answer(ctx, f"case {case} is approved; everybody has read its message already")
        return
    try:
        await service.say(ChannelName(draft.channel), _fitting(f"{draft.account}: {draft.text}"))
    except SignalingError as error:
        await _answer(ctx, f"case {case} is undone, but its message cannot be said: {error}")
        return
    await _answer(ctx, f"case {case} is approved")


@bot.command("reject", roles=MODERATORS)
async def reject(ctx: Context, service: Service, case: Number) -> None:
    """Closes a case that waits for review: its message is not delivered."""
    if await _waiting_case(ctx, service, case) is not None:
        lane = service.moderator.acting.name
        await service.ledger.end(case, lane, _author(ctx), service.clock.ms())
        await _answer(ctx, f"case {case} is rejected")


def select(what: str, value: str, now: int) -> Selection:
    """What ``!undo`` is about. Raises ``ValueError``."""
    match what:
        case "case" if value.isdecimal() and int(value) > 0:
            return Selection(case=int(value))
        case "case":
            raise ValueError(f"{value!r} is no number of a case")
        case "rule":
            rule, _, version = value.partition("@")
            return Selection(rule=rule, version=version)
        case "by":
            return Selection(by=value)
        case "of":
            return Selection(account=value)
        case _:
            return Selection(since_ms=now - round(parse_seconds(value) * 1000))


async def _by_hand(ctx: Context, service: Service, action: Action, account: str, reason: str) -> None:
    channel = ctx.event.channel if isinstance(ctx.event, ChannelMessage) else ""
    if account and (service.is_own(account) or set(service.info.roles_of(account)) & set(MODERATORS)):
        await _answer(ctx, f"{account} is a moderator")
        return
    made = await service.act_by_hand(_author(ctx), action, account, channel, reason)
    await _answer(ctx, _told(made))


def _rule_line(rule: CompiledRule) -> str:
    then = ", ".join(map(str, rule.actions))
    return f"{rule.settings.id}@{rule.version}: {rule.settings.kind}, {rule.settings.mode}: {then}"


def _told(made: Report) -> str:
    return f"case {made.case}: {'; '.join(made.failures) if made.failures else 'done'}"


async def _waiting_case(ctx: Context, service: Service, number: int) -> Case | None:
    found = await queries.read_case(service.ledger.database, number)
    if found is None or found.state != "open" or not any(one.act.verb == "hold" and one.counts for one in found.acts):
        await _answer(ctx, f"no case {number} waits for review")
        return None
    return found


def _author(ctx: Context) -> str:
    assert isinstance(ctx.event, ChannelMessage | InstantMessage)
    return ctx.event.account


async def _answer(ctx: Context, text: str) -> None:
    """To the moderator alone, whatever of it fits into one message."""
    await ctx.session.send_instant(_author(ctx), _fitting(text))


def _fitting(text: str) -> str:
    return text.encode()[:MAX_BYTES].decode(errors="ignore")
