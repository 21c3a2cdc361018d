"""Labelled messages: a TSV file with a label, a tab and the text in each line."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from botkit import ConfigError

MAX_LABEL_LENGTH = 64

MAX_TEXT_LENGTH = 32_768
"""Characters; the gateway takes messages of 8192 bytes."""

MAX_MESSAGES = 1_000_000

HARMLESS = frozenset(
    {"0", "benign", "clean", "fine", "good", "ham", "harmless", "innocent", "neither", "neutral", "no", "none"}
    | {"normal", "not", "ok", "safe"}
)
"""Labels that are known to mean that nothing is wrong with a message."""


class Labelled(Struct, frozen=True):
    """One message and its label."""

    label: str
    text: str


def read_labelled(path: Path) -> list[Labelled]:
    """All messages of a TSV file in UTF-8; empty lines are passed over.

    Raises ``ConfigError`` with file, line and reason for a line that is not ``label<TAB>text``.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from None
    messages = list(_lines(path, data))
    if not messages:
        raise ConfigError("has no messages", file=str(path), hint="write lines of label<TAB>text")
    return messages


def _lines(path: Path, data: bytes) -> Iterator[Labelled]:
    # Not splitlines(): a text may hold what Unicode counts as line ends.
    for number, ended in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = ended.removesuffix(b"\r")
        if line:
            yield _read_line(line, f"{path}:{number}")
        if number > MAX_MESSAGES:
            raise ConfigError(f"more than {MAX_MESSAGES} lines", file=f"{path}:{number}")


def _read_line(line: bytes, place: str) -> Labelled:
    problem = ""
    try:
        label, tab, text = line.decode().partition("\t")
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 at byte {error.start + 1} of the line", file=place) from None
    label = label.strip()
    if not tab:
        problem = "has no tab"
    elif not 1 <= len(label) <= MAX_LABEL_LENGTH:
        problem = f"has a label of {len(label)} characters, not 1 to {MAX_LABEL_LENGTH}"
    elif not text.strip():
        problem = "has no text"
    elif len(text) > MAX_TEXT_LENGTH:
        problem = f"has a text of {len(text)} characters, more than {MAX_TEXT_LENGTH}"
    if problem:
        raise ConfigError(problem, file=place, hint="write label<TAB>text")
    return Labelled(label, text)


def choose_positive(messages: Sequence[Labelled], path: Path, wanted: Sequence[str] = ()) -> frozenset[str]:
    """The labels of messages to object to: those ``wanted``, or else all that are not known to be harmless.

    Raises ``ConfigError`` when a wanted label is not in the file, or when nothing is wanted and the file does not tell:
    none of its labels, or each of them, is in ``HARMLESS``.
    """
    labels = Counter(message.label for message in messages)
    there = ", ".join(f"{label} ({count})" for label, count in labels.most_common(10))
    for label in wanted:
        if label not in labels:
            raise ConfigError(f"has no label {label!r}, but {there}", file=str(path), key="--positive")
    positive = frozenset(wanted) or frozenset(label for label in labels if label.casefold() not in HARMLESS)
    if positive and len(positive) < len(labels):
        return positive
    problem = f"does not tell which of its labels are objected to: {there}"
    if len(labels) == 1 or wanted:
        problem = f"needs messages with and without a label that is objected to; it has {there}"
    raise ConfigError(problem, file=str(path), hint="say so with --positive LABEL, and label others otherwise")
