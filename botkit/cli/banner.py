"""What ``botkit run`` says at its start: where the gateway is, and each bot in a line. Pure; ``Announcer`` tells it."""

import importlib.metadata
from collections.abc import Iterator, Sequence

from botkit.app.report import BotDescription, BotStatus, FeedDescription, describe_app
from botkit.cli.output import Notice
from botkit.config.loading import Config


def banner(config: Config, ws: str, http: str) -> Iterator[Notice]:
    """The lines, with the addresses that the gateway really got; ``http`` is empty when it has none."""
    version = importlib.metadata.version("botkit")
    yield Notice(
        text=f"botkit {version} with {config.document.name}, app {config.app_id}",
        event="botkit starts",
        facts={"version": version, "file": config.document.name, "app": config.app_id},
    )
    yield _gateway(config, ws, http)
    app = describe_app(config.app_id, [bot.plan for bot in config.bots])
    for bot, configured in zip(app.bots, config.bots, strict=True):
        yield _bot(bot, configured.description)
    if app.feeds:
        yield _feeds(app.feeds)
    if config.demo.visitors:
        names = [visitor.account for visitor in config.demo.visitors]
        yield Notice(text=_line("visitors", ", ".join(names)), event="visitors", facts={"accounts": names})


def ready(bots: Sequence[BotStatus]) -> Notice:
    """The line for when the bots were started: how many of them are at work, and which are not."""
    running = sum(bot.state == "running" for bot in bots)
    others = [f"{bot.name} {bot.state}" for bot in bots if bot.state != "running"]
    but = f", but {', '.join(others)}" if others else ""
    return Notice(
        text=f"ready: {running} of {len(bots)} bots at work{but}; Ctrl-C logs out and stops",
        event="ready",
        facts={"bots": {bot.name: bot.state for bot in bots}},
    )


STOPPED = Notice(text="stopped: every session is logged out", event="stopped")


def _line(label: str, text: str) -> str:
    return f"  {label:<10}{text}"


def _gateway(config: Config, ws: str, http: str) -> Notice:
    where = "elsewhere" if isinstance(config.gateway, str) else "in this process"
    facts = {"ws": ws, "http": http} if http else {"ws": ws}
    keys = " ".join(f"{key}={url}" for key, url in facts.items())
    return Notice(text=_line("gateway", f"{keys} {where}"), event="gateway", facts={**facts, "where": where})


def _bot(bot: BotDescription, does: str) -> Notice:
    channels = f" in {', '.join(bot.channels)}" if bot.channels else ""
    return Notice(
        text=_line("bot", f"{bot.name}, account {bot.account}{channels}: {does or _handlers(bot)}"),
        event="bot",
        facts={
            "bot": bot.name,
            "account": bot.account,
            "channels": list(bot.channels),
            "does": does,
            "handles": list(bot.events),
        },
    )


def _handlers(bot: BotDescription) -> str:
    beats = [f"a beat each {seconds:g} s" for seconds in bot.every]
    return f"handles {', '.join([*bot.events, *beats]) or 'nothing'}"


def _feeds(feeds: Sequence[FeedDescription]) -> Notice:
    return Notice(
        text=_line("feeds", ", ".join(f"{feed.account} in {feed.channel}" for feed in feeds)),
        event="feeds",
        facts={"feeds": {feed.account: feed.channel for feed in feeds}},
    )
