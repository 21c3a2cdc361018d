"""Learning a model: scikit-learn's linear classifier on counted features, and a threshold from cross-validation.

scikit-learn is needed here alone (the extra ``ml``); scoring does without it.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from bots.moderation.extras import extra_module
from bots.moderation.learning.features import COUNTED, SHAPES, Kind, plain, shape, shown
from bots.moderation.learning.model import Block, LearnedScorer, Model, Origin, sigmoid
from bots.moderation.learning.thresholds import Quality, Target, choose_threshold, quality_at

LEAST_SEEN: dict[Kind, int] = {"words": 1, "characters": 2}
"""In how many messages a feature has to be for the model to know it."""

REGULARISATION = 1.0
"""The inverse strength of regularisation, ``C`` of the support vector machine."""

MIN_OF_EACH = 10
"""Messages that are needed with and without a label that is objected to."""

Step: TypeAlias = Callable[[int, int], None]
"""Is told how many of how many fits are done."""


class Settings(Struct, frozen=True, kw_only=True):
    """How a model is learned: ``folds`` of the cross-validation, how often it is repeated, and what for."""

    target: Target
    folds: int = 10
    repeats: int = 2
    seed: int = 0


class Validation(Struct, frozen=True):
    """What cross-validation showed: each message's score from models that had not seen it, and the folds' qualities."""

    scores: tuple[float, ...]
    folds: tuple[Quality, ...]


def fit(
    texts: Sequence[str], truths: Sequence[bool], positive: Sequence[str], settings: Settings, step: Step
) -> tuple[Model, Validation]:
    """A model of all messages, with a threshold that is chosen on scores of models that had not seen the message.

    Equal texts are always in the same fold. Raises ``ValueError`` if there are too few messages of one kind.
    """
    needed = max(MIN_OF_EACH, settings.folds)
    if min(sum(truths), len(truths) - sum(truths)) < needed:
        raise ValueError(f"needs at least {needed} messages with and {needed} without a label that is objected to")
    folds = [
        fold
        for number in range(settings.repeats)
        for fold in _folds(texts, truths, settings.folds, settings.seed + number)
    ]
    margins = []
    for train, test in folds:
        scorer = LearnedScorer(_fit_weights([texts[i] for i in train], [truths[i] for i in train], positive))
        margins.append({i: _logit(scorer.score(texts[i])) for i in test})
        step(len(margins), len(folds) + 1)
    slope, shift, validation, threshold = _judge_folds(margins, truths, settings)
    reached = quality_at(threshold, validation.scores, truths)
    model = _fit_weights(texts, truths, positive)
    step(len(folds) + 1, len(folds) + 1)
    origin = Origin(
        messages=len(texts),
        positives=sum(truths),
        target=str(settings.target),
        precision=reached.precision,
        recall=reached.recall,
        f1=reached.f1,
    )
    return replace(model, threshold=threshold, slope=slope, shift=shift, origin=origin), validation


def _judge_folds(
    margins: Sequence[dict[int, float]], truths: Sequence[bool], settings: Settings
) -> tuple[float, float, Validation, float]:
    """Slope and shift of the probability, what the folds showed, and the threshold."""
    sums = [0.0] * len(truths)
    for fold in margins:
        for i, margin in fold.items():
            sums[i] += margin / settings.repeats
    slope, shift = _calibrate(sums, truths)
    scores = [sigmoid(slope * margin + shift) for margin in sums]
    threshold = choose_threshold(scores, truths, settings.target, seed=settings.seed)
    qualities = tuple(
        quality_at(threshold, [sigmoid(slope * margin + shift) for margin in fold.values()], [truths[i] for i in fold])
        for fold in margins
    )
    return slope, shift, Validation(tuple(scores), qualities), threshold


def _folds(texts: Sequence[str], truths: Sequence[bool], folds: int, seed: int) -> list[tuple[list[int], list[int]]]:
    selection = extra_module("sklearn.model_selection", "ml")
    splitter = selection.StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(texts, truths, groups=list(texts))]


def _fit_weights(texts: Sequence[str], truths: Sequence[bool], positive: Sequence[str]) -> Model:
    """A model whose score is the sigmoid of the classifier's margin; threshold and origin are not yet meant."""
    sparse, svm = extra_module("scipy.sparse", "ml"), extra_module("sklearn.svm", "ml")
    seen = [shown(text) for text in texts]
    texts = [plain(text) for text in seen]
    blocks = [_Counts(kind, texts) for kind in COUNTED]
    shapes = sparse.csr_matrix([shape(text) for text in seen])
    matrix = sparse.hstack([*(block.matrix() for block in blocks), shapes]).tocsr()
    classifier = svm.LinearSVC(C=REGULARISATION, random_state=0).fit(matrix, list(truths))
    weights = [float(f"{weight:.6g}") for weight in classifier.coef_[0]]
    made, at = [], 0
    for block in blocks:
        made.append(block.block(weights[at : at + len(block.vocabulary)]))
        at += len(block.vocabulary)
    return Model(
        positive=tuple(sorted(positive)),
        threshold=0.5,
        slope=1.0,
        shift=0.0,
        intercept=float(classifier.intercept_[0]),
        shape_weights=tuple(weights[at : at + len(SHAPES)]),
        blocks=tuple(made),
        origin=Origin(messages=0, positives=0, target="", precision=0, recall=0, f1=0),
    )


class _Counts:
    """One block's counts over all messages."""

    def __init__(self, kind: Kind, texts: Sequence[str]) -> None:
        self.kind: Kind = kind
        self._counts = [Counter(COUNTED[kind](text)) for text in texts]
        seen = Counter(feature for counts in self._counts for feature in counts)
        self.vocabulary = sorted(feature for feature, times in seen.items() if times >= LEAST_SEEN[kind])
        self._ids = {feature: number for number, feature in enumerate(self.vocabulary)}
        self._idf = [
            float(f"{math.log((1 + len(texts)) / (1 + seen[feature])) + 1:.6g}") for feature in self.vocabulary
        ]

    def matrix(self) -> object:
        """A row for each message, as ``_Counted.weigh`` in ``model`` sees it."""
        values, columns, ends = list[float](), list[int](), [0]
        for counts in self._counts:
            row = {self._ids[name]: 1 + math.log(count) for name, count in counts.items() if name in self._ids}
            weighed = [self._idf[feature] * value for feature, value in row.items()]
            length = math.sqrt(sum(value * value for value in weighed)) or 1.0
            values += [value / length for value in weighed]
            columns += row
            ends.append(len(columns))
        sparse = extra_module("scipy.sparse", "ml")
        return sparse.csr_matrix((values, columns, ends), shape=(len(self._counts), len(self.vocabulary)))

    def block(self, weights: Sequence[float]) -> Block:
        """The learned block."""
        return Block(kind=self.kind, vocabulary=tuple(self.vocabulary), idf=tuple(self._idf), weights=tuple(weights))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(bounded / (1 - bounded))


def _calibrate(margins: Sequence[float], truths: Sequence[bool]) -> tuple[float, float]:
    """Slope and shift that make probabilities of margins (Platt's scaling)."""
    linear = extra_module("sklearn.linear_model", "ml")
    fitted = linear.LogisticRegression(C=1e6).fit([[margin] for margin in margins], list(truths))
    return max(float(fitted.coef_[0][0]), 1e-6), float(fitted.intercept_[0])
