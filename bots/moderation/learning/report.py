"""What `train` and `eval` print."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from rich.table import Table

from bots.moderation.learning.fitting import Validation
from bots.moderation.learning.model import Model
from bots.moderation.learning.thresholds import Quality, average_precision, curve, quality_at

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""The thresholds of the table, besides the model's own."""


class Evaluation(Struct, frozen=True, kw_only=True):
    """A model on labelled messages. ``times``: CPU seconds that each score took, in order of the messages."""

    chosen: Quality
    points: tuple[Quality, ...]
    table: tuple[Quality, ...]
    times: tuple[float, ...]

    @classmethod
    def of(cls, model: Model, scores: Sequence[float], truths: Sequence[bool], times: Sequence[float]) -> "Evaluation":
        """The evaluation of ``scores``, at the model's threshold and at others."""
        thresholds = sorted({*THRESHOLDS, model.threshold})
        return cls(
            chosen=quality_at(model.threshold, scores, truths),
            points=tuple(curve(scores, truths)),
            table=tuple(quality_at(threshold, scores, truths) for threshold in thresholds),
            times=tuple(times),
        )

    def latency(self, share: float) -> float:
        """The time in milliseconds within which this share of the scores was made."""
        ranked = sorted(self.times)
        return 1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {
            **_figures(self.chosen),
            "average_precision": average_precision(self.points),
            "thresholds": [_figures(quality) for quality in self.table],
            "latency_ms": {"p50": self.latency(0.5), "p99": self.latency(0.99), "max": self.latency(1)},
        }


def evaluation_lines(model: Model, evaluation: Evaluation) -> list[str]:
    """The result in words, for above the table."""
    chosen = evaluation.chosen
    mean = 1000 * sum(evaluation.times) / len(evaluation.times)
    return [
        f"objected to: {', '.join(model.positive)}; from a score of {model.threshold:.4f} on (chosen for "
        f"{model.origin.target})",
        f"precision {chosen.precision:.4f}  recall {chosen.recall:.4f}  F1 {chosen.f1:.4f}  "
        f"average precision {average_precision(evaluation.points):.4f}",
        f"{chosen.hits} hits, {chosen.false_alarms} false alarms, {chosen.misses} misses among "
        f"{len(evaluation.times)} messages",
        f"one verdict, in CPU time: mean {mean:.3f} ms, p50 {evaluation.latency(0.5):.3f} ms, "
        f"p99 {evaluation.latency(0.99):.3f} ms",
    ]


def threshold_table(qualities: Iterable[Quality], chosen: float) -> Table:
    """A row for each threshold; the model's own says so."""
    table = Table("threshold", "precision", "recall", "F1", "hits", "false alarms", "misses")
    for column in table.columns:
        column.justify = "right"
    for one in qualities:
        name = f"{'model: ' if one.threshold == chosen else ''}{one.threshold:.4f}"
        shares = (f"{value:.4f}" for value in (one.precision, one.recall, one.f1))
        counts = map(str, (one.hits, one.false_alarms, one.misses))
        table.add_row(name, *shares, *counts)
    return table


def training_lines(model: Model, validation: Validation) -> list[str]:
    """What cross-validation showed: over all, the folds' mean, and the worst fold."""
    folds, origin = validation.folds, model.origin
    mean = [sum(getattr(fold, name) for fold in folds) / len(folds) for name in ("precision", "recall", "f1")]
    worst = min(folds, key=lambda fold: fold.f1)
    lowest = min(fold.precision for fold in folds)
    return [
        f"objected to: {', '.join(model.positive)}: {origin.positives} of {origin.messages} messages",
        f"threshold {model.threshold:.4f}, chosen for {origin.target}",
        f"cross-validation, {len(folds)} folds: precision {origin.precision:.4f}  recall {origin.recall:.4f}  "
        f"F1 {origin.f1:.4f} over all",
        f"mean of the folds: precision {mean[0]:.4f}  recall {mean[1]:.4f}  F1 {mean[2]:.4f}",
        f"worst fold: precision {worst.precision:.4f}  recall {worst.recall:.4f}  F1 {worst.f1:.4f}; "
        f"lowest precision of any {lowest:.4f}",
    ]


def _figures(quality: Quality) -> dict[str, float]:
    names = ("threshold", "precision", "recall", "f1", "hits", "false_alarms", "misses")
    return {name: getattr(quality, name) for name in names}
