"""Scorers as they are written in the YAML."""

import re
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from botkit import ConfigError, check_http_url

_Timeout: TypeAlias = Annotated[float, Meta(gt=0, le=60)]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")


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
            raise ConfigError(f"{self.function!r} names no function", key="function", hint="write package.module:name")


class ProcessSource(SourceSettings, frozen=True, kw_only=True, tag="process"):
    """A command and its arguments; no shell is in between."""

    command: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]

    def __post_init__(self) -> None:
        if not self.command[0]:
            raise ConfigError("begins with nothing", key="command", hint="name a program")


class HttpSource(SourceSettings, frozen=True, kw_only=True, tag="http"):
    """A service at ``url``, with further ``headers``, such as its key."""

    url: str
    headers: Annotated[dict[str, str], Meta(max_length=50)] = {}

    def __post_init__(self) -> None:
        check_http_url(self.url)
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                hint = "write a name of letters, digits and -, and printable ASCII characters as its value"
                raise ConfigError("is no header of HTTP", key=f"headers.{name}", hint=hint)


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
        for index, source in enumerate(self.sources):
            if source.timeout_seconds > self.budget_seconds:
                problem = f"{source.timeout_seconds:g} is more than budget_seconds, {self.budget_seconds:g}"
                hint = "all sources together have the budget"
                raise ConfigError(problem, key=f"sources[{index}].timeout_seconds", hint=hint)
