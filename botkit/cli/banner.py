"""What ``botkit run`` says at its start: where the gateway is, and each bot in a line. Pure; ``Announcer`` tells it."""

import importlib.metadata
from collections.abc import Iterator, Sequence

from botkit.app.report import BotDescription, BotStatus, FeedDescription, describe_app
from botkit.cli.output import Notice
from botkit.config.loading import Config
from botkit.gateway.settings import GatewaySettings
from botkit.types import AppId


def banner(config: Config, ws: str, http: str, operations: str = "") -> Iterator[Notice]:
    """The lines, with the addresses that were really got; ``http`` and ``operations`` are empty when there is none."""
    version = importlib.metadata.version("botkit")
    ids = [app.id for app in config.apps]
    apps = f"app {ids[0]}" if len(ids) == 1 else f"apps {', '.join(ids)}"
    yield Notice(
        text=f"botkit {version} with {config.document.name}, {apps}",
        event="botkit starts",
        facts={"version": version, "file": config.document.name, "apps": ids},
    )
    yield _gateway(config, ws, http)
    if operations:
        yield Notice(text=_line("ops", operations), event="operations", facts={"url": operations})
    for app in config.apps:
        configured = config.bots_of(app)
        described = describe_app(AppId(app.id), config.plans[AppId(app.id)])
        where = f" of {app.id}" if len(ids) > 1 else ""
        for bot, one in zip(described.bots, configured, strict=True):
            yield _bot(bot, one.description, app.id, where)
        if described.feeds:
            yield _feeds(described.feeds, app.id, where)
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
    tls = isinstance(config.gateway, GatewaySettings) and bool(config.gateway.tls_certificate)
    facts = {"ws": ws, "http": http} if http else {"ws": ws}
    keys = " ".join(f"{key}={url}" for key, url in facts.items())
    return Notice(
        text=_line("gateway", f"{keys} {where}{', TLS on the port after each' if tls else ''}"),
        event="gateway",
        facts={**facts, "where": where, "tls": tls},
    )


def _bot(bot: BotDescription, does: str, app: str, where: str) -> Notice:
    where_in = places(bot)
    channels = f" in {where_in}" if where_in else ""
    dry = " in a dry run" if bot.dry_run else ""
    return Notice(
        text=_line("bot", f"{bot.name}{where}{dry}, account {bot.account}{channels}: {does or _handlers(bot)}"),
        event="bot",
        facts={
            "bot": bot.name,
            "app": app,
            "account": bot.account,
            "channels": [*bot.channels, *bot.patterns],
            "does": does,
            "handles": list(bot.events),
            "dry_run": bot.dry_run,
        },
    )


def places(bot: BotDescription) -> str:
    """The channels that a bot is in, and the patterns of those that it goes to; empty when there are none."""
    patterns = [f"{', '.join(bot.patterns)} (at most {bot.max_channels})"] if bot.patterns else []
    return ", ".join([*bot.channels, *patterns])


def _handlers(bot: BotDescription) -> str:
    beats = [f"a beat each {seconds:g} s" for seconds in bot.every]
    return f"handles {', '.join([*bot.events, *beats]) or 'nothing'}"


def _feeds(feeds: Sequence[FeedDescription], app: str, where: str) -> Notice:
    return Notice(
        text=_line("feeds", ", ".join(f"{feed.account} in {feed.channel}" for feed in feeds) + where),
        event="feeds",
        facts={"feeds": {feed.account: feed.channel for feed in feeds}, "app": app},
    )
