"""Learning a model: two linear classifiers on counted features, and a threshold from cross-validation.

A support vector machine (scikit-learn's) draws a sharp line between what it has seen, naive Bayes adds up what each
feature tells by itself. They err on different messages: the mean of their margins, each by its standard deviation, is
better than either, and is one linear model again. On short messages, 13 % of them spam, and with two of 2432 others
taken for it, the mean finds 95 % of the spam; the machine alone 92 %, and 91 % without pairs, traits and damping.

scikit-learn is needed here alone (the extra ``ml``); scoring does without it.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from bots.moderation.extras import extra_module
from bots.moderation.learning.features import COUNTED, SHAPES, Kind, look, shape
from bots.moderation.learning.model import Block, LearnedScorer, Model, Origin, sigmoid
from bots.moderation.learning.thresholds import Quality, Target, choose_threshold, quality_at

LEAST_SEEN: dict[Kind, int] = {"words": 1, "pairs": 2, "characters": 2, "traits": 2}
"""In how many messages a feature has to be for the model to know it."""

LENGTHS: dict[Kind, float] = {"words": 1.0, "pairs": 1.0, "characters": 1.0, "traits": 0.4}
"""The length of a usual text's vector: how much a block counts beside the others."""

SMOOTHING = 0.05
"""What naive Bayes adds to each feature's sum, so that one that was seen once does not decide alone."""

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
    counted = [_Features(text) for text in texts]
    margins = []
    for train, test in folds:
        scorer = LearnedScorer(_fit_weights([counted[i] for i in train], [truths[i] for i in train], positive))
        margins.append({i: scorer.margin(texts[i]) for i in test})
        step(len(margins), len(folds) + 1)
    slope, shift, validation, threshold = _judge_folds(margins, truths, settings)
    reached = quality_at(threshold, validation.scores, truths)
    model = _fit_weights(counted, truths, positive)
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
    threshold = sigmoid(slope * choose_threshold(sums, truths, settings.target, seed=settings.seed) + shift)
    qualities = tuple(
        quality_at(threshold, [sigmoid(slope * margin + shift) for margin in fold.values()], [truths[i] for i in fold])
        for fold in margins
    )
    return slope, shift, Validation(tuple(scores), qualities), threshold


def _folds(texts: Sequence[str], truths: Sequence[bool], folds: int, seed: int) -> list[tuple[list[int], list[int]]]:
    selection = extra_module("sklearn.model_selection", "ml")
    splitter = selection.StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(texts, truths, groups=list(texts))]


class _Features:
    """The features of one text, looked up once for all fits."""

    def __init__(self, text: str) -> None:
        seen = look(text)
        self.shape = shape(seen.shown)
        self.counts = {kind: Counter(found(seen)) for kind, found in COUNTED.items()}


def _fit_weights(texts: Sequence[_Features], truths: Sequence[bool], positive: Sequence[str]) -> Model:
    """A model whose score is the sigmoid of the classifiers' margin; threshold and origin are not yet meant."""
    sparse = extra_module("scipy.sparse", "ml")
    blocks = [_Counts(kind, [text.counts[kind] for text in texts]) for kind in COUNTED]
    shapes = sparse.csr_matrix([text.shape for text in texts])
    matrix = sparse.hstack([*(block.matrix() for block in blocks), shapes]).tocsr()
    intercept, weights = _mean_of_classifiers(matrix, truths)
    made, at = [], 0
    for block in blocks:
        made.append(block.block(weights[at : at + len(block.vocabulary)]))
        at += len(block.vocabulary)
    return Model(
        positive=tuple(sorted(positive)),
        threshold=0.5,
        slope=1.0,
        shift=0.0,
        intercept=intercept,
        shape_weights=tuple(_rounded(weight) for weight in weights[at : at + len(SHAPES)]),
        blocks=tuple(made),
        origin=Origin(messages=0, positives=0, target="", precision=0, recall=0, f1=0),
    )


def _mean_of_classifiers(matrix: Any, truths: Sequence[bool]) -> tuple[float, list[float]]:
    """The intercept and the weights of both classifiers, each so that its margins have a standard deviation of 1."""
    numpy, svm = extra_module("numpy", "ml"), extra_module("sklearn.svm", "ml")
    wanted = numpy.array(truths, dtype=bool)
    machine = svm.LinearSVC(C=REGULARISATION, random_state=0).fit(matrix, wanted)
    sharp = machine.coef_[0] / numpy.std(matrix @ machine.coef_[0])
    shares = []
    for rows in (matrix[wanted], matrix[~wanted]):
        sums = numpy.asarray(rows.sum(axis=0)).ravel() + SMOOTHING
        shares.append(sums / sums.sum())
    told = numpy.log(shares[0]) - numpy.log(shares[1])
    margins = matrix @ told
    intercept = machine.intercept_[0] / numpy.std(matrix @ machine.coef_[0]) - margins.mean() / margins.std()
    return float(intercept), (sharp + told / margins.std()).tolist()


def _rounded(number: float) -> float:
    """Six digits are enough, and make a file that is half as long."""
    return float(f"{number:.6g}")


class _Counts:
    """One block's counts over all messages."""

    def __init__(self, kind: Kind, texts: Sequence[Counter[str]]) -> None:
        self.kind: Kind = kind
        seen = Counter(feature for counts in texts for feature in counts)
        self.vocabulary = sorted(feature for feature, times in seen.items() if times >= LEAST_SEEN[kind])
        self._ids = {feature: number for number, feature in enumerate(self.vocabulary)}
        self._idf = [_rounded(math.log((1 + len(texts)) / (1 + seen[feature])) + 1) for feature in self.vocabulary]
        self._rows = [self._weighed(counts) for counts in texts]
        self._squares = [sum(value * value for value in row.values()) for row in self._rows]
        self.damping = _rounded(median(self._squares))
        self._scale = LENGTHS[kind] * math.sqrt(2)

    def _weighed(self, counts: Counter[str]) -> dict[int, float]:
        row = {self._ids[name]: 1 + math.log(count) for name, count in counts.items() if name in self._ids}
        return {feature: self._idf[feature] * value for feature, value in row.items()}

    def matrix(self) -> object:
        """A row for each message, as ``_Counted.weigh`` in ``model`` sees it, times the scale."""
        values, columns, ends = list[float](), list[int](), [0]
        for row, squares in zip(self._rows, self._squares, strict=True):
            length = math.sqrt(squares + self.damping) or 1.0
            values += [self._scale * value / length for value in row.values()]
            columns += row
            ends.append(len(columns))
        sparse = extra_module("scipy.sparse", "ml")
        return sparse.csr_matrix((values, columns, ends), shape=(len(self._rows), len(self.vocabulary)))

    def block(self, weights: Sequence[float]) -> Block:
        """The learned block."""
        return Block(
            kind=self.kind,
            vocabulary=tuple(self.vocabulary),
            idf=tuple(self._idf),
            weights=tuple(_rounded(self._scale * weight) for weight in weights),
            damping=self.damping,
        )


def _calibrate(margins: Sequence[float], truths: Sequence[bool]) -> tuple[float, float]:
    """Slope and shift that make probabilities of margins (Platt's scaling)."""
    linear = extra_module("sklearn.linear_model", "ml")
    fitted = linear.LogisticRegression(C=1e6).fit([[margin] for margin in margins], list(truths))
    return max(float(fitted.coef_[0][0]), 1e-6), float(fitted.intercept_[0])
