"""A configuration file in one call: read, checked, and in the types that the rooms take."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from botkit.actor.quarantine import DEFAULT_QUARANTINE, QuarantineSettings
from botkit.app.feeds import make_feeds
from botkit.app.placement import AppPlan
from botkit.app.visitor_script import Demo
from botkit.config.apps import read_apps
from botkit.config.bots import ConfiguredBot, read_bots
from botkit.config.checking import convert
from botkit.config.document import Document
from botkit.config.gateway import read_gateway
from botkit.config.schema import ConfigFile, EffectsSection, LogSection, OutgoingSection, QuarantineSection
from botkit.errors import ConfigError
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.signaling import GovernorSettings
from botkit.stores.gateway import MEMORY_URL, check_gateway_store_url
from botkit.types import AppId


class Config(Struct, frozen=True, kw_only=True):
    """What a file for ``botkit run`` says, checked."""

    apps: tuple[AppCredentials, ...]
    """At least one. Those that bots are in know the feeds' accounts as servers."""
    gateway: GatewaySettings | str
    """The settings of the embedded gateway, or the URL of another one."""
    bots: tuple[ConfiguredBot, ...]
    plans: Mapping[AppId, AppPlan]
    """What the bots of each app come to together."""
    demo: Demo
    log: LogSection
    document: Document
    """For complaints that come later, such as a port in use: it knows the lines."""
    operations: Address | None = None
    """Where the process answers probes, scrapes and ``botkit tree``; None: nowhere."""
    canary_seconds: float | None = None
    """How often a canary sings; None: there is none, for nobody could ask about it."""
    governor: GovernorSettings | None = GovernorSettings()
    """How what bots send keeps to the service's limits; None lets it out as it comes."""
    effects: EffectsSection = EffectsSection()
    store: str = MEMORY_URL
    """Where bots keep what must survive a restart: ``sqlite:///…``, or ``memory:``."""
    quarantine: QuarantineSettings = DEFAULT_QUARANTINE
    """What becomes of bots and feeds that crash too often."""

    def bots_of(self, app: AppCredentials) -> tuple[ConfiguredBot, ...]:
        """Those that run in ``app``."""
        return tuple(bot for bot in self.bots if bot.app == app.id)


class GatewayConfig(Struct, frozen=True, kw_only=True):
    """What a file for ``botkit gateway`` says; its settings are not yet checked as a whole."""

    settings: GatewaySettings
    log: LogSection
    document: Document


def load_config(path: Path, environ: Mapping[str, str] = os.environ, *, dry_run: bool = False) -> Config:
    """Read and check the YAML file at ``path``; opens nothing, but imports the bots' modules.

    ``environ`` has the values of ``${NAME}``; ``dry_run`` has every bot run dry. Raises ``ConfigError`` that names
    file, line, key, and what would be right, for the first thing that is wrong.
    """
    document, file = _read(path, environ)
    if dry_run and file.bots is not None:
        file = replace(file, bots=tuple(replace(bot, dry_run=True) for bot in file.bots))
    return _for_run(document, file)


def load_store_url(path: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The store that the YAML file at ``path`` names for its bots; imports nothing. Raises ``ConfigError``."""
    document, file = _read(path, environ)
    if file.store is None or file.store.url == MEMORY_URL:
        raise document.error(("store", "url"), "is missing: without a store nothing is kept", "name a database")
    with document.placing():
        check_gateway_store_url(file.store.url, "store.url")
    return file.store.url


def load_gateway_config(path: Path, environ: Mapping[str, str] = os.environ) -> GatewayConfig:
    """Read the YAML file at ``path`` for a gateway without bots.

    Raises ``ConfigError`` as :func:`load_config` does. What the settings are as a whole is for
    ``GatewaySettings.check``, once the command line has had its say.
    """
    return _for_gateway(*_read(path, environ))


def load_any_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config | GatewayConfig:
    """Read and check the YAML file at ``path``, for ``botkit run`` if it has bots, else for ``botkit gateway``.

    Raises ``ConfigError`` as :func:`load_config` does.
    """
    document, file = _read(path, environ)
    if file.bots is not None:
        return _for_run(document, file)
    config = _for_gateway(document, file)
    with document.placing():
        config.settings.check()
    return config


def _for_run(document: Document, file: ConfigFile) -> Config:
    if file.bots is None:
        raise document.error(("bots",), "is missing", "it is a list of bots, each with bot and account")
    apps = read_apps(document, file)
    bots, plans = read_bots(document, file.bots, [AppId(app.id) for app in apps])
    apps = tuple(_with_feeds(app, plans[AppId(app.id)]) for app in apps)
    gateway = read_gateway(document, file, apps)
    if isinstance(gateway, GatewaySettings):
        with document.placing():
            gateway.check()
    with document.placing():
        store = MEMORY_URL if file.store is None else file.store.url
        check_gateway_store_url(store, "store.url")
        operations = Address.parse(file.operations.listen, "operations.listen") if file.operations.listen else None
    if store == MEMORY_URL and document.has(("effects", "keep")):
        raise document.error(("effects", "keep"), "there is no store to keep them in", "set store.url")
    config = Config(
        apps=apps,
        gateway=gateway,
        bots=bots,
        plans=plans,
        demo=file.demo,
        operations=operations,
        canary_seconds=file.operations.canary_seconds if operations else None,
        governor=_governor(file.outgoing),
        effects=file.effects,
        store=store,
        quarantine=_read_quarantine(document, file.quarantine),
        log=file.log,
        document=document,
    )
    _check_visitors(config)
    return config


def _governor(section: OutgoingSection) -> GovernorSettings | None:
    if not section.governor:
        return None
    return GovernorSettings(queue=section.queue, retry_seconds=section.retry_seconds)


def _read_quarantine(document: Document, section: QuarantineSection) -> QuarantineSettings:
    if section.longest < section.probe_after:
        problem = f"{section.longest:g} s is shorter than probe_after, {section.probe_after:g} s"
        raise document.error(("quarantine", "longest"), problem, "it is the time between two probes, at most")
    return QuarantineSettings(
        probe_after=section.probe_after, longest=section.longest, give_up_after=section.give_up_after
    )


def _for_gateway(document: Document, file: ConfigFile) -> GatewayConfig:
    for key in ("bots", "demo", "operations", "outgoing", "effects", "quarantine"):
        if document.has((key,)):
            problem, hint = "is for botkit run: a gateway alone has none", "leave it out, or use botkit run"
            raise document.error((key,), problem, hint)
    for key in ("embedded", "url"):
        if document.has(("gateway", key)):
            raise document.error(("gateway", key), "is for botkit run: here is the gateway itself", "leave it out")
    settings = read_gateway(document, file, read_apps(document, file))
    assert isinstance(settings, GatewaySettings)  # there is no url
    return GatewayConfig(settings=settings, log=file.log, document=document)


def _read(path: Path, environ: Mapping[str, str]) -> tuple[Document, ConfigFile]:
    document = Document(_read_text(path), name=str(path), environ=environ)
    return document, convert(document, (), document.value, ConfigFile)


def _with_feeds(app: AppCredentials, plan: AppPlan) -> AppCredentials:
    # All of them, needed or not: a bot that comes while the others run may need one more.
    feeds = make_feeds(plan.bots[0].info.account) if plan.bots else ()
    return replace(app, server_accounts=(*(feed.account for feed in feeds), *app.server_accounts))


def _check_visitors(config: Config) -> None:
    taken = config.plans[AppId(config.apps[0].id)].accounts  # of the app that visitors are in
    for index, visitor in enumerate(config.demo.visitors):
        if visitor.account in taken:
            raise config.document.error(
                ("demo", "visitors", index, "account"),
                f"{visitor.account!r} is the account of a bot or a feed",
                "two sessions of one account would log each other out: give the visitor its own",
            )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"is no UTF-8 text, at byte {error.start}", file=str(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path), hint="name a YAML file") from None
