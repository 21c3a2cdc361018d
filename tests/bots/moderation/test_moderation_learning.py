import json
import random
import sys
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from botkit import ConfigError
from bots.moderation.commands import app
from bots.moderation.learning.features import (
    MAX_SCORED,
    counted_characters,
    counted_pairs,
    counted_words,
    plain,
    shown,
    traits,
)
from bots.moderation.learning.fitting import Settings, fit
from bots.moderation.learning.labelled import choose_positive, read_labelled
from bots.moderation.learning.model import Block, LearnedScorer, Model, load_model, save_model
from bots.moderation.learning.thresholds import (
    Quality,
    Target,
    average_precision,
    choose_threshold,
    curve,
    parse_target,
    quality_at,
)

GOODS = ("tickets", "ringtones", "watches", "coupons", "a cruise")
TALK = ("are you coming", "the build is green", "lunch at noon", "see you there", "thanks a lot", "my train is late")


def written(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Labelled messages, a third of them advertisements."""
    draw = random.Random(seed)
    messages = []
    for number in range(count):
        if number % 3 == 0:
            text = f"WIN {draw.choice(GOODS)} now! Call 0800 {draw.randrange(10**6):06} for {draw.randrange(99)} pounds"
            messages.append(("spam", text))
        else:
            messages.append(("ham", f"{draw.choice(TALK)}, {draw.choice(TALK)} {draw.randrange(30)}?"))
    return messages


def tsv(path: Path, messages: list[tuple[str, str]]) -> Path:
    """The messages as a file."""
    path.write_text("".join(f"{label}\t{text}\n" for label, text in messages))
    return path


def run(*arguments: object) -> Result:
    """A command of the moderation bot."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_trained_evaluated_and_drawn(tmp_path: Path) -> None:
    labelled, held_out = tsv(tmp_path / "a.tsv", written(90)), tsv(tmp_path / "b.tsv", written(60, seed=1))
    model, picture = tmp_path / "model.json", tmp_path / "curve.png"
    trained = run("train", labelled, "--out", model, "--folds", 3, "--repeats", 1)
    assert trained.exit_code == 0, trained.output
    assert "objected to: spam: 30 of 90 messages" in trained.output
    assert "chosen for f0.4" in trained.output
    assert "worst fold: precision 1.0000" in trained.output
    result = run("eval", model, held_out, "--plot", picture)
    assert result.exit_code == 0, result.output
    assert "precision 1.0000  recall 1.0000  F1 1.0000" in result.output
    assert "20 hits, 0 false alarms, 0 misses among 60 messages" in result.output
    assert "model: 0." in result.output
    assert "one verdict, in CPU time: mean" in result.output
    assert picture.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_evaluated_for_programs_at_another_threshold(tmp_path: Path) -> None:
    labelled = tsv(tmp_path / "a.tsv", written(60))
    options = ("--folds", 2, "--repeats", 1, "--target", "recall=1")
    trained = run("train", labelled, "--out", tmp_path / "m", *options)
    assert "chosen for recall=1" in trained.output
    assert "chosen for f1" in run("train", labelled, "--out", tmp_path / "n", *options[:4], "--positive", "ham").output
    found = json.loads(run("eval", tmp_path / "m", labelled, "--threshold", 0, "--json").output)
    assert (found["hits"], found["false_alarms"], found["recall"]) == (20, 40, 1.0)
    assert found["precision"] == pytest.approx(1 / 3)
    assert found["average_precision"] == 1
    assert found["latency_ms"]["p50"] > 0
    assert [row["threshold"] for row in found["thresholds"]] == sorted(row["threshold"] for row in found["thresholds"])


def test_the_scorer_gives_what_the_classifier_gave(tmp_path: Path) -> None:
    """Learning and scoring are two pieces of code: the same features, the same sums."""
    messages = written(60)
    truths = [label == "spam" for label, _ in messages]
    steps: list[tuple[int, int]] = []
    texts = [text for _, text in messages]
    model, validation = fit(texts, truths, ["spam"], settings(), lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    save_model(model, tmp_path / "m.json")
    scorer = LearnedScorer(load_model(tmp_path / "m.json"))
    assert quality_at(model.threshold, [scorer.score(text) for _, text in messages], truths).f1 == 1
    assert quality_at(model.threshold, validation.scores, truths).f1 == model.origin.f1 == 1
    assert fit(texts, truths, ["spam"], settings(), lambda *step: steps.append(step))[0] == model


def settings() -> Settings:
    """The least that can be done."""
    return Settings(target=Target("f", 1), folds=2, repeats=1)


def test_a_text_of_any_kind_has_a_score(tmp_path: Path) -> None:
    scorer = LearnedScorer(small_model())
    for text in ("", " ", "\x00", "\ud800", "a" * 40_000, "é" * 9_000, "win " * 3_000, "𝐰𝐢𝐧"):
        assert 0 <= scorer.score(text) <= 1
    assert scorer.score("win") == scorer.score("WIN") > scorer.score("lose")
    assert scorer.score("w\u200bin") == scorer.score("𝐰𝐢𝐧") == scorer.score("win")
    assert scorer.score("x " * MAX_SCORED + "win") > scorer.score("x " * MAX_SCORED)


def small_model(**changes: object) -> Model:
    """A model that knows two words."""
    document = {
        "format": "botkit moderation scorer",
        "version": 2,
        "positive": ["spam"],
        "threshold": 0.5,
        "slope": 2.0,
        "shift": -1.0,
        "intercept": 0.0,
        "shape_weights": [0.0] * 9,
        "blocks": [
            {"kind": "words", "vocabulary": ["win", "lunch"], "idf": [2.0, 1.0], "weights": [1.0, -1.0], "damping": 0.0}
        ],
        "origin": {"messages": 2, "positives": 1, "target": "f1", "precision": 1, "recall": 1, "f1": 1},
    }
    return msgspec.convert({**document, **changes}, Model)


def block(**changes: object) -> list[dict[str, object]]:
    """A block of a model file with something else in it."""
    return [{"kind": "words", "vocabulary": ["win"], "idf": [1.0], "weights": [1.0], "damping": 0.0, **changes}]


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    save_model(small_model(), tmp_path / "m.json")
    assert load_model(tmp_path / "m.json") == small_model()
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


HOSTILE = {
    "no model": (b"hello", "malformed"),
    "empty": (b"", "truncated"),
    "a pickle": (b"\x80\x04cposix\nsystem\n(S'touch owned'\ntR.", "malformed"),
    "no UTF-8": (b'{"format": "\xff\xfe"}', "no usable model"),
    "deep": (b"[" * 100_000, "Expected `object`"),
    "deep inside": (b'{"format": ' + b"[" * 100_000, "no usable model"),
    "another format": (b'{"format": "keras"}', "is no model of a scorer"),
    "from the future": (b'{"format": "botkit moderation scorer", "version": 3}', "of version 3"),
    "nothing in it": (b'{"format": "botkit moderation scorer", "version": 2}', "missing required field"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    data, reason = HOSTILE[name]
    (tmp_path / "m.json").write_bytes(data)
    with pytest.raises(ConfigError, match=reason) as caught:
        load_model(tmp_path / "m.json")
    assert caught.value.file.endswith("m.json")
    assert "botkit moderation train" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"threshold": 1.5}, "`threshold` is 1.5"),
        ({"slope": 0}, "`slope`"),
        ({"positive": []}, r"\$.positive"),
        ({"shape_weights": [0.0]}, r"\$.shape_weights"),
        ({"run": "import os"}, "unknown field `run`"),
        ({"blocks": block(kind="code")}, "Invalid enum value"),
        ({"blocks": block(weights=[])}, "differ in length"),
        ({"blocks": block(idf=[0.0])}, "`idf` above 0"),
        ({"blocks": block(weights=["1"])}, "Expected `float`"),
        ({"blocks": block(damping=-1.0)}, "`damping` has to be finite"),
        ({"blocks": block() + block()}, "two of one kind"),
        ({"blocks": block(vocabulary=["a", "a"], idf=[1.0] * 2, weights=[1.0] * 2)}, "same feature twice"),
    ],
)
def test_a_model_with_something_wrong_in_it_is_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    document = msgspec.to_builtins(small_model())
    (tmp_path / "m.json").write_bytes(msgspec.json.encode({**document, **changes}))
    with pytest.raises(ConfigError, match=reason):
        load_model(tmp_path / "m.json")


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    text = msgspec.json.encode(small_model()).replace(b'"weights":[1.0', b'"weights":[1e999')
    (tmp_path / "m.json").write_bytes(text)
    with pytest.raises(ConfigError, match="no usable model"):
        load_model(tmp_path / "m.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(small_model(), tmp_path / "m.json")
    size = (tmp_path / "m.json").stat().st_size
    monkeypatch.setattr("bots.moderation.learning.model.MAX_FILE_BYTES", size)
    assert load_model(tmp_path / "m.json") == small_model()
    monkeypatch.setattr("bots.moderation.learning.model.MAX_FILE_BYTES", size - 1)
    with pytest.raises(ConfigError, match="is larger than"):
        load_model(tmp_path / "m.json")


def test_equal_blocks_only() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Block(kind="words", vocabulary=("a",), idf=(1.0,), weights=(), damping=0.0)


@pytest.mark.parametrize(
    ("lines", "place", "reason"),
    [
        (b"ham\thello\nspam buy\n", ":2", "has no tab"),
        (b"ham\thello\n\n\tbuy\n", ":3", "has a label of 0 characters"),
        (b"x" * 65 + b"\tbuy\n", ":1", "has a label of 65 characters"),
        (b"ham\t \n", ":1", "has no text"),
        (b"ham\thello\nham\tcaf\xe9\n", ":2", "is not UTF-8 at byte 8"),
        (b"ham\t" + b"x" * 32_769 + b"\n", ":1", "has a text of 32769 characters"),
        (b"\n\n", ".tsv", "has no messages"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: bytes, place: str, reason: str) -> None:
    (tmp_path / "a.tsv").write_bytes(lines)
    with pytest.raises(ConfigError) as caught:
        read_labelled(tmp_path / "a.tsv")
    assert caught.value.file.endswith(place)
    assert reason in caught.value.problem


def test_lines_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes('\ufeffham\t"a\tb\u2028c\r\n\nspam\t'.encode() + b"x" * 32_768)
    read = read_labelled(tmp_path / "a.tsv")
    assert [(one.label, one.text[:6]) for one in read] == [("ham", '"a\tb\u2028c'), ("spam", "xxxxxx")]


@pytest.mark.parametrize(
    ("labels", "wanted", "positive"),
    [
        ("ham spam", "", "spam"),
        ("clean offensive", "", "offensive"),
        ("Normal spam abuse", "", "abuse spam"),
        ("0 1", "", "1"),
        ("a b", "b", "b"),
        ("ham spam", "ham", "ham"),
    ],
)
def test_which_label_is_positive(tmp_path: Path, labels: str, wanted: str, positive: str) -> None:
    messages = read_labelled(tsv(tmp_path / "a.tsv", [(label, "text") for label in labels.split()]))
    assert choose_positive(messages, tmp_path / "a.tsv", wanted.split()) == frozenset(positive.split())


@pytest.mark.parametrize(
    ("labels", "wanted", "reason"),
    [
        ("ham clean", "", "does not tell which"),
        ("good bad", "ugly", "has no label 'ugly', but good"),
        ("spam", "", "with and without"),
        ("a b", "a b", "with and without"),
    ],
)
def test_a_file_that_does_not_tell_is_refused(tmp_path: Path, labels: str, wanted: str, reason: str) -> None:
    messages = read_labelled(tsv(tmp_path / "a.tsv", [(label, "text") for label in labels.split()]))
    with pytest.raises(ConfigError, match=reason):
        choose_positive(messages, tmp_path / "a.tsv", wanted.split())


def test_labels_that_are_all_unknown_are_not_guessed(tmp_path: Path) -> None:
    result = run("train", tsv(tmp_path / "a.tsv", [("a", "x"), ("b", "y")]), "--out", tmp_path / "m")
    assert isinstance(result.exception, ConfigError)
    assert "--positive LABEL" in result.exception.hint


def test_too_few_messages_are_said_so(tmp_path: Path) -> None:
    result = run("train", tsv(tmp_path / "a.tsv", written(27)), "--out", tmp_path / "m", "--folds", 2)
    assert isinstance(result.exception, ConfigError)
    assert "at least 10 messages" in str(result.exception)
    assert not (tmp_path / "m").exists()


def test_without_the_library_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.model_selection", None)
    result = run("train", tsv(tmp_path / "a.tsv", written(60)), "--out", tmp_path / "m")
    assert isinstance(result.exception, ConfigError)
    assert "pip install 'botkit[ml]'" in str(result.exception)


def test_what_is_seen_of_a_text() -> None:
    assert plain(shown("Call 0800 at HTTP://a.example/x, @Bob!")) == "call 0000 at  _link_   _mention_ !"
    assert counted_words("a b!") == ["a", "b", "!"]
    assert counted_characters("ab") == [" a", "ab", "b ", " ab", "ab ", " ab "]


SCORES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
TRUTHS = (True, True, False, True, False, False)


def test_quality_by_hand() -> None:
    assert quality_at(0.6, SCORES, TRUTHS) == Quality(threshold=0.6, hits=3, false_alarms=1, misses=0)
    quality = quality_at(0.75, SCORES, TRUTHS)
    assert (quality.precision, quality.recall) == (1, 2 / 3)
    assert quality.f1 == pytest.approx(0.8)
    assert quality.f(0.5) == pytest.approx(1.25 * (2 / 3) / (0.25 + 2 / 3))
    assert [point.precision for point in curve(SCORES, TRUTHS)] == [1, 1, 2 / 3, 3 / 4, 3 / 5, 1 / 2]
    assert average_precision(curve(SCORES, TRUTHS)) == pytest.approx(1 / 3 + 1 / 3 + 0.75 / 3)


def test_equal_scores_are_one_point_of_the_curve() -> None:
    (point,) = curve((0.5, 0.5, 0.5), (True, False, True))
    assert (point.hits, point.false_alarms) == (2, 1)


@pytest.mark.parametrize(
    ("target", "low", "high"), [("f1", 0.5, 0.6), ("precision=1", 0.6, 0.8), ("recall=1", 0.4, 0.6)]
)
def test_a_threshold_does_what_it_was_chosen_for(target: str, low: float, high: float) -> None:
    many, truths = SCORES * 50, TRUTHS * 50
    aim = parse_target(target)
    threshold = choose_threshold(many, truths, aim, spread=0.01)
    assert low <= threshold <= high
    quality = quality_at(threshold, many, truths)
    if aim.kind != "f":
        assert getattr(quality, aim.kind) >= aim.value


def test_a_threshold_keeps_its_distance_from_a_crowd() -> None:
    """One lucky catch beside a thousand innocents: the next thousand would not all stay below so near a line."""
    margins = [0.0] * 1_000 + [0.05] + [1.5] * 100
    truths = [False] * 1_000 + [True] * 101
    assert 0 < choose_threshold(margins, truths, Target("f", 0.4), spread=0) < 0.05
    assert 0.3 < choose_threshold(margins, truths, Target("f", 0.4)) < 1.2


def test_a_short_text_says_less() -> None:
    """Of a text with one known feature all would hang on that."""
    damped = small_model(blocks=block(damping=4.0))
    short, long = "win", "win win win win win win win win"
    by_share, by_weight = LearnedScorer(small_model(blocks=block())), LearnedScorer(damped)
    assert by_share.margin(short) == by_share.margin(long) == 1
    assert by_weight.margin(short) == pytest.approx(1 / 5**0.5)
    assert by_weight.margin(short) < by_weight.margin(long) < 1


def test_traits_of_a_text() -> None:
    found = traits("Call 08001234 NOW, at www.a.example: £5!")
    expected = {"length: 2", "digits: 4", "shouted: 1", "money: True", "address: True", "begins with a capital: True"}
    assert expected | {"number 08 of 8", "number 0 of 8", "number 5 of 1"} <= set(found)
    assert traits("")[0] == "length: 0"
    assert counted_pairs(["a", "b", "!"]) == ["a b", "b !"]


@pytest.mark.parametrize(
    "text", ["", "f", "f0", "f11", "f1x", "best", "precision", "precision=0", "recall=1.01", "f=1"]
)
def test_a_target_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no target"):
        parse_target(text)


def test_targets_are_read_back_as_they_are_written() -> None:
    for text in ("f1", "f0.5", "precision=0.99", "recall=1"):
        assert str(parse_target(text)) == text
