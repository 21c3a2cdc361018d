"""Scorers as they are written in the YAML."""

from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from msgspec import Meta, Struct

_Timeout: TypeAlias = Annotated[float, Meta(gt=0, le=60)]


class SourceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all sources have: ``timeout_seconds`` for one score; ``calls_per_minute`` at most, or as many as come."""

    timeout_seconds: _Timeout = 0.25
    calls_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None

    @property
    def kind(self) -> str:
        """What stands as ``kind`` in the file."""
        return str(self.__struct_config__.tag)


class ModelSource(SourceSettings, frozen=True, kw_only=True, tag="model"):
    """A model file of ``botkit moderation train``, relative to where botkit was started."""

    file: str


class FunctionSource(SourceSettings, frozen=True, kw_only=True, tag="function"):
    """A Python function, as ``package.module:name``. A plain one runs in one of ``threads`` threads."""

    function: str
    threads: Annotated[int, Meta(ge=1, le=32)] = 2

    def __post_init__(self) -> None:
        module, _, name = self.function.partition(":")
        if not module or not name.isidentifier():
            raise ValueError(f"`function` is {self.function!r}: write package.module:name")


class ProcessSource(SourceSettings, frozen=True, kw_only=True, tag="process"):
    """A command and its arguments; no shell is in between."""

    command: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]

    def __post_init__(self) -> None:
        if not self.command[0]:
            raise ValueError("`command` begins with nothing: name a program")


class HttpSource(SourceSettings, frozen=True, kw_only=True, tag="http"):
    """A service at ``url``, with further ``headers``, such as its key."""

    url: str
    headers: Annotated[dict[str, str], Meta(max_length=50)] = {}

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if not fine:
            raise ValueError(f"`url` is {self.url!r}: write http://host:port/path or https://…")


AnySource: TypeAlias = ModelSource | FunctionSource | ProcessSource | HttpSource


class ScorerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scorer: its ``sources`` in the order in which they are asked, and what they may take.

    ``budget_seconds`` is for one text, over all sources. After ``failures`` in a row a source is off for
    ``off_seconds``. ``cache_entries`` scores are kept for ``cache_seconds`` (0: none).
    """

    name: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
    sources: Annotated[tuple[AnySource, ...], Meta(min_length=1, max_length=10)]
    budget_seconds: _Timeout = 0.5
    failures: Annotated[int, Meta(ge=1, le=1_000)] = 5
    off_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 30
    cache_entries: Annotated[int, Meta(ge=0, le=1_000_000)] = 10_000
    cache_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 300

    def __post_init__(self) -> None:
        for source in self.sources:
            if source.timeout_seconds > self.budget_seconds:
                least = f"{source.timeout_seconds:g}, which the `timeout_seconds` of a source allow"
                raise ValueError(f"`budget_seconds` is {self.budget_seconds:g}, less than the {least}")
