"""From scores to decisions: precision, recall and F1 at a threshold, and the choice of one.

A message is objected to when its score is at or above the threshold.
"""

import random
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

DRAWS = 20
"""How often each message is drawn, with a margin that is a little off."""

SPREAD = 0.15
"""By how much a margin is off, as a standard deviation: about what it differs by from one fit to another."""


class Quality(Struct, frozen=True, kw_only=True):
    """What a threshold does to labelled messages: how many rightly and wrongly objected to, how many missed."""

    threshold: float
    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> float:
        """The share of those objected to that deserved it; 1 if there are none."""
        found = self.hits + self.false_alarms
        return self.hits / found if found else 1.0

    @property
    def recall(self) -> float:
        """The share of those that deserve it that are objected to; 1 if there are none."""
        wanted = self.hits + self.misses
        return self.hits / wanted if wanted else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return self.f(1.0)

    def f(self, beta: float) -> float:
        """The F-measure; recall counts ``beta`` times as much as precision."""
        hits = (1 + beta * beta) * self.hits
        total = hits + beta * beta * self.misses + self.false_alarms
        return hits / total if total else 1.0


class Target(Struct, frozen=True):
    """What a threshold is chosen for: the best F-measure (``beta``), or a least ``value`` of one of the two."""

    kind: Literal["f", "precision", "recall"]
    value: float

    def __str__(self) -> str:
        return f"f{self.value:g}" if self.kind == "f" else f"{self.kind}={self.value:g}"


def parse_target(text: str) -> Target:
    """``f1``, ``f0.5``, ``precision=0.99`` or ``recall=0.9``. Raises ``ValueError``."""
    name, equals, number = text.partition("=")
    kind: Literal["f", "precision", "recall"]
    if not equals and text.startswith("f"):
        kind, number, limit = "f", text[1:], 10.0
    elif name == "precision":
        kind, limit = "precision", 1.0
    elif name == "recall":
        kind, limit = "recall", 1.0
    else:
        raise ValueError(f"{text!r} is no target: write f1, f0.5, precision=0.99 or recall=0.9")
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if not 0 < value <= limit:
        raise ValueError(f"{text!r} is no target: the number has to be above 0, and {limit:g} at most")
    return Target(kind, value)


def quality_at(threshold: float, scores: Sequence[float], truths: Sequence[bool]) -> Quality:
    """The quality of one threshold."""
    hits = sum(truth and score >= threshold for score, truth in zip(scores, truths, strict=True))
    found = sum(score >= threshold for score in scores)
    return Quality(threshold=threshold, hits=hits, false_alarms=found - hits, misses=sum(truths) - hits)


def curve(scores: Sequence[float], truths: Sequence[bool]) -> list[Quality]:
    """The quality at each score as the threshold, from the highest down."""
    points: list[Quality] = []
    total, hits = sum(truths), 0
    ranked = sorted(zip(scores, truths, strict=True), key=lambda pair: -pair[0])
    for found, (score, truth) in enumerate(ranked, start=1):
        hits += truth
        if found == len(ranked) or ranked[found][0] < score:
            points.append(Quality(threshold=score, hits=hits, false_alarms=found - hits, misses=total - hits))
    return points


def average_precision(points: Sequence[Quality]) -> float:
    """The area below the curve of precision over recall, in steps."""
    area = recall = 0.0
    for point in points:
        area += (point.recall - recall) * point.precision
        recall = point.recall
    return area


def choose_threshold(
    margins: Sequence[float], truths: Sequence[bool], target: Target, *, spread: float = SPREAD, seed: int = 0
) -> float:
    """The margin from which on to object, so that it does not hang on a few messages.

    Every message counts as many of its kind with margins around its own would: ``spread`` is their standard deviation.
    """
    draw = random.Random(seed)
    drawn = [margin + draw.gauss(0, spread) for margin in margins for _ in range(DRAWS)]
    return _best(curve(drawn, [truth for truth in truths for _ in range(DRAWS)]), target)


def _best(points: Sequence[Quality], target: Target) -> float:
    """The threshold between the last message that is objected to and the next one."""
    if target.kind == "f":
        at = max(range(len(points)), key=lambda index: points[index].f(target.value))
    elif target.kind == "precision":
        enough = [index for index, point in enumerate(points) if point.precision >= target.value]
        at = enough[-1] if enough else 0
    else:
        at = next(index for index, point in enumerate(points) if point.recall >= target.value)
    below = points[at + 1].threshold if at + 1 < len(points) else points[at].threshold
    return (points[at].threshold + below) / 2
