"""The ``bots`` section: each bot imported, its settings typed, its place checked."""

import sys
from collections.abc import Sequence

from msgspec import Struct

from botkit.app.bot import Bot
from botkit.app.placement import BotPlacement, BotPlan, make_plans
from botkit.config.checking import convert, suggestion
from botkit.config.document import Document, KeyPath
from botkit.config.importing import import_object
from botkit.config.schema import BotSection
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


def read_bots(document: Document, sections: Sequence[BotSection], apps: Sequence[AppId]) -> tuple[ConfiguredBot, ...]:
    """The bots of a file, in its order; who names no app is in the first of ``apps``.

    Imports their modules. Raises ``ConfigError`` for a bot that cannot be imported or is none, settings that are not
    the bot's, an app that is none, an account or a channel that is none, and an account that two would log in with.
    """
    homes = [_app(document, ("bots", index, "app"), section, apps) for index, section in enumerate(sections)]
    placements = [_placement(document, ("bots", index), section) for index, section in enumerate(sections)]
    bots: dict[int, ConfiguredBot] = {}
    for app in apps:
        here = [index for index, home in enumerate(homes) if home == app]
        with document.placing():
            plans = make_plans([placements[index] for index in here], keys=[f"bots[{index}]" for index in here])
        for index, plan in zip(here, plans, strict=True):
            description = _description(sections[index], plan.bot)
            bots[index] = ConfiguredBot(app=app, placement=placements[index], plan=plan, description=description)
    return tuple(bots[index] for index in range(len(sections)))


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
    return BotPlacement(bot=bot, account=section.account, channels=section.channels, settings=settings)


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
