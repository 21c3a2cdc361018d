"""Recorded traffic: a JSON object in each line.

A message is ``{"ms": 1700000000000, "channel": "lobby", "account": "bob", "text": "hello", "roles": ["member"]}``; the
same without ``text`` is somebody who joined. ``ms`` is the gateway's time, in milliseconds since 1970.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Struct

from botkit import ConfigError
from bots.moderation.backtest.irc_facts import read_irc_log
from bots.moderation.rules import Fact, Joined, Message

MAX_LINE_BYTES = 64 * 1024

Advance = Callable[[int], None]
"""Is told how many bytes were read since it was told last."""


class Line(Struct, frozen=True, omit_defaults=True):
    """One line. ``text`` is None for somebody who joined."""

    ms: int
    channel: Annotated[str, Meta(min_length=1, max_length=64)]
    account: Annotated[str, Meta(min_length=1, max_length=128)]
    text: str | None = None
    roles: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(Line)


def encode_fact(fact: Fact) -> bytes:
    """A fact as a line, with its end."""
    text = fact.text.encode(errors="replace").decode() if isinstance(fact, Message) else None
    return msgspec.json.encode(Line(fact.ms, fact.channel, fact.account, text, fact.roles)) + b"\n"


def read_recording(path: Path, channel: str, advance: Advance) -> Iterator[Fact]:
    """All facts of a recording or of an IRC log, which is told by its first character; a log's channel is ``channel``.

    Raises ``ConfigError`` with file, line and reason.
    """
    try:
        with path.open("rb") as file:
            first = file.peek(1)[:1]
            yield from _read_lines(file, path, advance) if first == b"{" else read_irc_log(file, channel, advance)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from None


def _read_lines(file: BinaryIO, path: Path, advance: Advance) -> Iterator[Fact]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise ConfigError(f"is longer than {MAX_LINE_BYTES} bytes", file=f"{path}:{number}")
        advance(len(line))
        if line.isspace():
            continue
        try:
            read = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            hint = 'write {"ms": …, "channel": …, "account": …, "text": …}'
            raise ConfigError(f"is no recorded fact: {error}", file=f"{path}:{number}", hint=hint) from None
        if read.text is None:
            yield Joined(channel=read.channel, account=read.account, ms=read.ms, roles=read.roles)
        else:
            yield Message(channel=read.channel, account=read.account, text=read.text, ms=read.ms, roles=read.roles)
