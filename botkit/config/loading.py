"""A configuration file in one call: read, checked, and in the types that the rooms take."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from botkit.app.feeds import FEEDS
from botkit.app.visitor_script import Demo
from botkit.config.bots import ConfiguredBot, read_bots
from botkit.config.checking import convert
from botkit.config.document import Document
from botkit.config.gateway import read_gateway
from botkit.config.schema import ConfigFile, LogSection
from botkit.errors import ConfigError
from botkit.gateway.settings import GatewaySettings
from botkit.observability.redaction import REDACTED
from botkit.types import AppId


class Config(Struct, frozen=True, kw_only=True):
    """What a file says, checked."""

    app_id: AppId
    certificate: str
    """Signs the tokens of the bots' sessions; empty: the app has none."""
    gateway: GatewaySettings | str
    """The settings of the embedded gateway, or the URL of another one."""
    bots: tuple[ConfiguredBot, ...]
    demo: Demo
    log: LogSection
    document: Document
    """For complaints that come later, such as a port in use: it knows the lines."""

    def __repr__(self) -> str:
        certificate = REDACTED if self.certificate else ""
        return f"Config(app_id={self.app_id!r}, certificate={certificate!r}, file={self.document.name!r})"


def load_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read and check the YAML file at ``path``; opens nothing, but imports the bots' modules.

    ``environ`` has the values of ``${NAME}``. Raises ``ConfigError`` that names file, line, key, and what would be
    right, for the first thing that is wrong.
    """
    document = Document(_read_text(path), name=str(path), environ=environ)
    file = convert(document, (), document.value, ConfigFile)
    config = Config(
        app_id=AppId(file.app.id),
        certificate=file.app.certificate,
        gateway=read_gateway(document, file, [feed.account for feed in FEEDS]),
        bots=read_bots(document, file),
        demo=file.demo,
        log=file.log,
        document=document,
    )
    _check_visitors(config)
    return config


def _check_visitors(config: Config) -> None:
    taken = {feed.account for feed in FEEDS}
    taken.update(session.account for bot in config.bots for session in bot.plan.sessions)
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
