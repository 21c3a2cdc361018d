"""``botkit moderation train`` and ``botkit moderation eval``."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress

from botkit import ConfigError
from bots.moderation.learning.fitting import Settings, fit
from bots.moderation.learning.labelled import choose_positive, read_labelled
from bots.moderation.learning.model import LearnedScorer, load_model, save_model
from bots.moderation.learning.plot import plot_curve
from bots.moderation.learning.report import Evaluation, evaluation_lines, threshold_table, training_lines
from bots.moderation.learning.thresholds import Target, parse_target

AUTO = "auto"

Positive = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LABEL",
        help="A label that is objected to; may be given several times. Without it: every label that is not known to "
        "be harmless, as ham and clean are.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("train")(train)
    app.command("eval")(evaluate)


def train(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled messages: lines of label<TAB>text.")],
    *,
    out: Annotated[Path, typer.Option(metavar="MODEL", help="Where the model is written, as JSON.")],
    positive: Positive = None,
    target: Annotated[
        str,
        typer.Option(
            help="What the threshold is chosen for: f1, f0.5 (precision counts twice), precision=0.99, recall=0.9; "
            "auto is f0.4 where fewer than half of the messages are objected to, and f1 elsewhere."
        ),
    ] = AUTO,
    folds: Annotated[int, typer.Option(min=2, max=50, help="Parts of the cross-validation.")] = 10,
    repeats: Annotated[int, typer.Option(min=1, max=20, help="How often it is done, each time parted anew.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of the random parts: the same seed, the same model.")] = 0,
) -> None:
    """Learn a scorer from labelled messages, and say how good it is by cross-validation. Needs the extra ml."""
    wanted = None if target == AUTO else _target(target)
    messages = read_labelled(file)
    labels = choose_positive(messages, file, positive or ())
    aim = wanted or _usual_target(sum(message.label in labels for message in messages) / len(messages))
    settings = Settings(target=aim, folds=folds, repeats=repeats, seed=seed)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("learning")
        try:
            model, validation = fit(
                [message.text for message in messages],
                [message.label in labels for message in messages],
                sorted(labels),
                settings,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
        except ValueError as error:
            raise ConfigError(str(error), file=str(file)) from None
    save_model(model, out)
    for line in training_lines(model, validation):
        print(line)
    print(f"written: {out}")


def evaluate(
    model_file: Annotated[Path, typer.Argument(metavar="MODEL", help="What train wrote.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled messages that it was not trained on.")],
    *,
    positive: Positive = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Judge by this score instead of the model's own.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the precision-recall curve there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how good a scorer is on labelled messages: precision, recall, F1, a table of thresholds, its latency."""
    model = load_model(model_file)
    if threshold is not None:
        model = replace(model, threshold=threshold)
    messages = read_labelled(file)
    labels = choose_positive(messages, file, positive or _known(model.positive, {one.label for one in messages}))
    scorer = LearnedScorer(model)
    scores, times = [], []
    for message in messages:
        began = time.thread_time()  # what other processes do is none of its latency
        scores.append(scorer.score(message.text))
        times.append(time.thread_time() - began)
    evaluation = Evaluation.of(model, scores, [message.label in labels for message in messages], times)
    if plot is not None:
        plot_curve(evaluation.points, evaluation.chosen, plot, f"{model_file.name} on {file.name}")
    if as_json:
        print(json.dumps(evaluation.as_json()))
        return
    for line in evaluation_lines(model, evaluation):
        print(line)
    Console().print(threshold_table(evaluation.table, model.threshold))
    if plot is not None:
        print(f"drawn: {plot}")


def _known(positive: tuple[str, ...], labels: set[str]) -> list[str]:
    """What the model objects to, of the labels that there are; if there are none of them the file has to tell."""
    return [label for label in positive if label in labels]


def _usual_target(share: float) -> Target:
    """What a threshold is for when nobody says so, by the ``share`` of messages that are objected to."""
    return Target("f", 0.4 if share < 0.5 else 1.0)


def _target(text: str) -> Target:
    try:
        return parse_target(text)
    except ValueError as error:
        raise ConfigError(str(error), key="--target") from None
