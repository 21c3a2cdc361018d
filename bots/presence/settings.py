"""What stands under ``settings:`` of a presence bot in the YAML."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from botkit import sqlite_path

_Patterns: TypeAlias = Annotated[tuple[str, ...], Meta(max_length=1_000)]


class PresenceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is written and who is left out.

    ``file``: the JSON lines, appended to; ``null`` for none. ``database``: ``sqlite:///`` and a path; both paths
    are relative to where botkit was started, and folders are made. ``ignore``: accounts, or patterns such as
    ``bot-*``, of which nothing is recorded; botkit's own feeds never are. ``log_events``: whether each event is a
    line of botkit's log, too.
    """

    file: str | None = "var/presence.jsonl"
    database: str = "sqlite:///var/presence.db"
    ignore: _Patterns = ()
    log_events: bool = True

    def __post_init__(self) -> None:
        if self.file is not None and (not self.file.strip() or self.file.endswith("/")):
            raise ValueError(f"`file` is {self.file!r}: write a path such as var/presence.jsonl, or null")
        for pattern in self.ignore:
            if not pattern or any(character.isspace() for character in pattern):
                raise ValueError(f"`ignore` has {pattern!r}: write an account, or a pattern such as bot-*")
        sqlite_path(self.database)  # raises ConfigError for what names no database
