"""The model file and the scorer: a linear model over counted features, as data.

The file is one JSON object, :class:`Model`. Reading it executes nothing: it is decoded into this type, and then
checked, so that a file from anywhere can be wrong, but not dangerous.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from botkit import ConfigError
from bots.moderation.learning.features import (
    COUNTED,
    SHAPES,
    Kind,
    counted_pairs,
    counted_words,
    grams_of,
    look,
    shape,
    traits,
)

FORMAT: Literal["botkit moderation scorer"] = "botkit moderation scorer"
VERSION = 2

MAX_FILE_BYTES = 128 * 1024 * 1024
MAX_FEATURES = 1_000_000
MAX_FEATURE_LENGTH = 4_000

_Numbers = Annotated[tuple[float, ...], Meta(max_length=MAX_FEATURES)]
_Name = Annotated[str, Meta(max_length=200)]


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of counted features: its vocabulary, how much a rare one counts (``idf``), and the learned weights.

    ``damping`` is added to the squared length of a text's vector before that is divided by it: of a text that has few
    features each says less than it would by its share.
    """

    kind: Kind
    vocabulary: Annotated[
        tuple[Annotated[str, Meta(max_length=MAX_FEATURE_LENGTH)], ...], Meta(max_length=MAX_FEATURES)
    ]
    idf: _Numbers
    weights: _Numbers
    damping: float

    def __post_init__(self) -> None:
        if not len(self.vocabulary) == len(self.idf) == len(self.weights):
            raise ValueError("`vocabulary`, `idf` and `weights` differ in length")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("`vocabulary` has the same feature twice")
        if not all(map(math.isfinite, self.weights)) or not all(0 < idf < math.inf for idf in self.idf):
            raise ValueError("`weights` has to be finite, and `idf` above 0")
        if not 0 <= self.damping < math.inf:
            raise ValueError("`damping` has to be finite, and not below 0")


class Origin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a model comes from: how many messages, what the threshold was chosen for, and what it reached then."""

    messages: int
    positives: int
    target: _Name
    precision: float
    recall: float
    f1: float


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a model file. ``slope`` and ``shift`` make a probability of the linear sum."""

    format: Literal["botkit moderation scorer"] = FORMAT
    version: int = VERSION
    positive: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=100)]
    threshold: float
    slope: float
    shift: float
    intercept: float
    shape_weights: Annotated[tuple[float, ...], Meta(min_length=len(SHAPES), max_length=len(SHAPES))]
    blocks: Annotated[tuple[Block, ...], Meta(max_length=len(COUNTED))]
    origin: Origin

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.threshold, self.slope, self.shift, self.intercept, *self.shape_weights))):
            raise ValueError("a number is not finite")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"`threshold` is {self.threshold:g}, not from 0 to 1")
        if self.slope <= 0:
            raise ValueError("`slope` has to be above 0")
        if len({block.kind for block in self.blocks}) < len(self.blocks):
            raise ValueError("`blocks` has two of one kind")


class _Head(Struct):
    """What tells whether the rest can be read."""

    format: str = ""
    version: int = 0


def save_model(model: Model, path: Path) -> None:
    """Writes the file, all of it or nothing. Raises ``ConfigError`` if it cannot be written."""
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.write_bytes(msgspec.json.encode(model) + b"\n")
        unfinished.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", file=str(path)) from None


def load_model(path: Path) -> Model:
    """Reads and checks a model file. Raises ``ConfigError`` with the file and what is wrong in it."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from None
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"is larger than {MAX_FILE_BYTES} bytes", file=str(path), hint="a model is some megabytes")
    again = "make it with `botkit moderation train`"
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format != FORMAT:
            raise ConfigError("is no model of a scorer", file=str(path), hint=again)
        if head.version != VERSION:
            problem = f"is a model of version {head.version}, and this botkit reads version {VERSION}"
            raise ConfigError(problem, file=str(path), hint=again)
        return msgspec.json.decode(data, type=Model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"is no usable model: {error}", file=str(path), hint=again) from None


class LearnedScorer:
    """Scores texts by a model. Calls take some 0.3 ms for 200 characters; of one longer than 2000 it sees both ends."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._words = _Counted.of(model, "words")
        self._pairs = _Counted.of(model, "pairs")
        self._characters = _Counted.of(model, "characters")
        self._traits = _Counted.of(model, "traits")
        self._known_grams = lru_cache(maxsize=8_192)(self._find_grams)

    def score(self, text: str) -> float:
        """How likely it is, from 0 to 1, that the text is to be objected to."""
        return sigmoid(self.model.slope * self.margin(text) + self.model.shift)

    def margin(self, text: str) -> float:
        """The linear sum that the score is made of."""
        seen = look(text)
        words = counted_words(seen.plain)
        total = self.model.intercept + sum(map(float.__mul__, self.model.shape_weights, shape(seen.shown)))
        total += self._words.weigh(self._words.known(words))
        total += self._pairs.weigh(self._pairs.known(counted_pairs(words)))
        total += self._characters.weigh([gram for word in seen.plain.split() for gram in self._known_grams(word)])
        total += self._traits.weigh(self._traits.known(traits(seen.shown)))
        return total

    def _find_grams(self, word: str) -> tuple[int, ...]:
        return tuple(self._characters.known(grams_of(word)))


class _Counted(Struct, frozen=True):
    """A block, ready to be looked up."""

    ids: dict[str, int]
    idf: tuple[float, ...]
    weights: tuple[float, ...]
    damping: float

    @classmethod
    def of(cls, model: Model, kind: Kind) -> "_Counted":
        for block in model.blocks:
            if block.kind == kind:
                ids = dict(zip(block.vocabulary, range(len(block.idf)), strict=True))
                return cls(ids, block.idf, block.weights, block.damping)
        return cls({}, (), (), 0.0)

    def known(self, features: Iterable[str]) -> list[int]:
        """The numbers of those features that are in the vocabulary."""
        ids = self.ids
        return [ids[feature] for feature in features if feature in ids]

    def weigh(self, found: Sequence[int]) -> float:
        """The block's part of the sum: counts damped by the logarithm, times idf, divided by the vector's length."""
        dot, squares = 0.0, self.damping
        idf, weights = self.idf, self.weights
        for feature, count in Counter(found).items():
            value = idf[feature] if count == 1 else idf[feature] * (1 + math.log(count))
            squares += value * value
            dot += value * weights[feature]
        return dot / math.sqrt(squares) if squares else 0.0


def sigmoid(value: float) -> float:
    """From any number to one between 0 and 1."""
    if value < 0:
        return 1 - sigmoid(-value)
    return 1 / (1 + math.exp(-value))
