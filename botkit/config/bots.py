"""The ``bots`` section: each bot imported, its settings typed, its place checked."""

import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import asdict, replace

from botkit.app.bot import Bot
from botkit.app.patterns import is_pattern
from botkit.app.placement import LINGER_SECONDS, MAX_CHANNELS, AppPlan, BotPlacement, BotPlan, plan_app
from botkit.config.checking import convert, suggestion
from botkit.config.document import Document, KeyPath
from botkit.config.importing import import_object
from botkit.config.schema import BotSection, LimitsSection, LoopsSection
from botkit.errors import ConfigError
from botkit.types import AppId


class ConfiguredBot(Struct, frozen=True, kw_only=True):
    """A bot, where it runs, and words for people about it."""

    app: AppId
    placement: BotPlacement
    plan: BotPlan
    """What the placement comes to: sessions and feeds."""
    description: str
    """The first line of the docstring of the module that the file names, or of that of the handlers; may be empty."""


class ConfiguredBots(NamedTuple):
    """The bots of a file, in its order, and what those of each app come to together."""

    bots: tuple[ConfiguredBot, ...]
    plans: Mapping[AppId, AppPlan]


def read_bots(document: Document, sections: Sequence[BotSection], apps: Sequence[AppId]) -> ConfiguredBots:
    """The bots of a file; who names no app is in the first of ``apps``.

    Imports their modules. Raises ``ConfigError`` for a bot that cannot be imported or is none, settings that are not
    the bot's, an app that is none, an account or a channel that is none, and an account that two would log in with.
    """
    homes = [_app(document, ("bots", index, "app"), section, apps) for index, section in enumerate(sections)]
    placements = [_placement(document, ("bots", index), section) for index, section in enumerate(sections)]
    bots: dict[int, ConfiguredBot] = {}
    plans: dict[AppId, AppPlan] = {}
    for app in apps:
        here = [index for index, home in enumerate(homes) if home == app]
        with document.placing():
            plans[app] = plan_app([placements[index] for index in here], keys=[f"bots[{index}]" for index in here])
        for index, plan in zip(here, plans[app].bots, strict=True):
            description = _description(sections[index], plan.bot)
            bots[index] = ConfiguredBot(app=app, placement=placements[index], plan=plan, description=description)
    return ConfiguredBots(tuple(bots[index] for index in range(len(sections))), plans)


def _app(document: Document, path: KeyPath, section: BotSection, apps: Sequence[AppId]) -> AppId:
    if section.app is None:
        return apps[0]
    if section.app not in apps:
        raise document.error(path, f"{section.app!r} is none of the apps here", suggestion(section.app, apps))
    return AppId(section.app)


def _placement(document: Document, path: KeyPath, section: BotSection) -> BotPlacement:
    bot = _bot(document, (*path, "bot"), section.bot)
    settings = None
    if bot.settings_type is not None:
        settings = convert(document, (*path, "settings"), section.settings, bot.settings_type)
    elif section.settings:
        raise document.error(
            (*path, "settings"), f"bot {bot.name} takes none", "leave them out, or declare Bot(…, settings=…)"
        )
    _check_pool_keys(document, path, section)
    return BotPlacement(
        bot=bot,
        account=section.account,
        channels=section.channels,
        max_channels=MAX_CHANNELS if section.max_channels is None else section.max_channels,
        linger_seconds=LINGER_SECONDS if section.linger_seconds is None else section.linger_seconds,
        settings=settings,
        limits=replace(bot.limits, **_given(section.limits)),
        loops=replace(bot.loops, **_given(section.loops)),
        roles=section.roles,
        dry_run=section.dry_run,
    )


def _given(section: LimitsSection | LoopsSection) -> dict[str, int | float]:
    return {name: value for name, value in asdict(section).items() if value is not None}


def _check_pool_keys(document: Document, path: KeyPath, section: BotSection) -> None:
    if any(is_pattern(channel) for channel in section.channels):
        return
    for key, value in (("max_channels", section.max_channels), ("linger_seconds", section.linger_seconds)):
        if value is not None:
            hint = "leave it out, or write a pattern such as room-*"
            raise document.error((*path, key), "is for patterns, and there is none in channels", hint)


def _bot(document: Document, path: KeyPath, reference: str) -> Bot:
    with document.placing(path):
        bot = import_object(reference)
        if not isinstance(bot, Bot):
            problem = f"{reference} is of type {type(bot).__name__}, and no Bot"
            raise ConfigError(problem, hint="name the attribute that Bot(…) was assigned to")
        return bot


def _description(section: BotSection, bot: Bot) -> str:
    named = section.bot.partition(":")[0]
    handlers = [one.handler for one in bot.registrations] + [one.handler for one in bot.beats]
    modules = [handler.function.__module__ for handler in handlers]
    texts = (sys.modules[name].__doc__ for name in (named, *modules) if name in sys.modules)
    return next((text.strip().partition("\n")[0] for text in texts if text), "")
