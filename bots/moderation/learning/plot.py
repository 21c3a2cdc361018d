"""The precision-recall curve as a picture (matplotlib, the extra ``plot``)."""

from collections.abc import Sequence
from pathlib import Path

from botkit import ConfigError
from bots.moderation.extras import extra_module
from bots.moderation.learning.thresholds import Quality, average_precision


def plot_curve(points: Sequence[Quality], chosen: Quality, path: Path, title: str) -> None:
    """Writes a PNG of ``points`` (a curve from the highest threshold down) with the ``chosen`` threshold marked.

    Raises ``ConfigError`` without matplotlib, or when the file cannot be written.
    """
    backend, figures = (
        extra_module("matplotlib.backends.backend_agg", "plot"),
        extra_module("matplotlib.figure", "plot"),
    )
    figure = figures.Figure(figsize=(7, 5), layout="constrained")
    backend.FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    recalls, precisions = [0.0, *(point.recall for point in points)], [1.0, *(point.precision for point in points)]
    area = average_precision(points)
    axes.step(recalls, precisions, where="pre", label=f"average precision {area:.4f}")
    axes.plot(chosen.recall, chosen.precision, "o", label=f"threshold {chosen.threshold:.4f}, F1 {chosen.f1:.4f}")
    axes.annotate(
        f"precision {chosen.precision:.4f}\nrecall {chosen.recall:.4f}",
        (chosen.recall, chosen.precision),
        textcoords="offset points",
        xytext=(-12, -12),
        ha="right",
        va="top",
    )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(min(0.5, *precisions), 1.01), title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    try:
        figure.savefig(path, format="png", dpi=120)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", file=str(path)) from None
