"""A picture of presence over time (matplotlib, the extra ``plot``): online users, channel sizes, gaps shaded."""

import importlib
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from botkit import ConfigError
from bots.presence.courses import Course

FORMATS = (".png", ".svg")
_INCHES, _DOTS = (11, 6), 120


def draw(course: Course, out: Path) -> None:
    """Write the picture. Raises ``ConfigError`` without matplotlib, or for a file that cannot be."""
    if out.suffix.lower() not in FORMATS:
        raise ConfigError(f"{out} is no picture", key="--out", hint="name a file that ends in .png or .svg")
    figures, backend = _matplotlib("matplotlib.figure"), _matplotlib("matplotlib.backends.backend_agg")
    figure = figures.Figure(figsize=_INCHES, dpi=_DOTS, layout="constrained")
    backend.FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for line in course.lines:
        times = [_time(ms) for ms, _ in line.points]
        sizes = [size for _, size in line.points]
        width = 1.2 if line.channel else 2.0
        axes.step(times, sizes, where="post", label=line.channel or "online", linewidth=width)
    for number, period in enumerate(course.unknown):
        label = "unknown" if not number else None
        axes.axvspan(_time(period.from_ms), _time(period.to_ms), color="0.6", alpha=0.35, linewidth=0, label=label)
    axes.set(xlabel="time (UTC)", ylabel="accounts", title="Presence")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="upper left", fontsize="small")
    figure.autofmt_xdate()
    try:
        figure.savefig(out)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}", key="--out", hint="name another") from error


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _matplotlib(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        hint = "install it: pip install 'botkit[plot]'"
        raise ConfigError("matplotlib is not there, which draws the picture", hint=hint) from error
