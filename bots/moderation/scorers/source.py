"""One thing that scores, and what goes wrong with it."""

from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct

from botkit import BotkitError

MAX_ANSWER_BYTES = 64 * 1024
"""Of a process's line, or of a response's body."""


class ScorerFailed(BotkitError):
    """A source gave no usable score. ``source`` is its name, ``reason`` says what happened."""

    def __init__(self, source: str, reason: str) -> None:
        self.source, self.reason = source, reason
        super().__init__(f"{source}: {reason}")


class Source(Protocol):
    """Scores texts."""

    @property
    def name(self) -> str:
        """What it is called in logs and meters."""
        ...

    async def score(self, text: str) -> float:
        """From 0 to 1 how much ``text`` is to be objected to. It may raise anything; a cancel gives it up."""
        ...


class Question(Struct, frozen=True):
    """What processes and services are sent."""

    text: str


class Answer(Struct, frozen=True):
    """What they have to answer; further fields are passed over."""

    score: Annotated[float, Meta(ge=0, le=1)]


def encode_question(text: str) -> bytes:
    """The question as JSON; a lone surrogate, which JSON cannot carry, becomes a question mark."""
    return msgspec.json.encode(Question(text.encode(errors="replace").decode()))


def decode_answer(source: str, data: bytes) -> float:
    """The score of an answer. Raises ``ScorerFailed``."""
    try:
        return msgspec.json.decode(data, type=Answer).score
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScorerFailed(source, f"answers what is no score: {error}") from None
