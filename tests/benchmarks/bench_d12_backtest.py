"""D12: a change of word and regex rules on a million recorded messages, read from their file."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bots.moderation.backtest.compare import Comparison, Difference
from bots.moderation.backtest.recording import encode_fact, read_recording
from bots.moderation.rules.settings import RegexRule, RuleFile, WordsRule
from tests.benchmarks.model import BOTKIT, Benchmark, Contestant, Figure, Figures, Measure, Size, Target
from tests.benchmarks.traffic import PATTERNS, messages, words_rule

MILLION = "1,000,000 messages"


def write_recording(path: Path, count: int) -> None:
    """So many messages as a file."""
    with path.open("wb") as file:
        for message in messages(count, channels=50, per_second=1_000):
            file.write(encode_fact(message))


def change() -> tuple[RuleFile, RuleFile]:
    """The rules before and after: a word less, a pattern more."""
    words = words_rule(1_000)
    fewer = WordsRule(id="words", words=words.words[:1] + words.words[2:])
    return (
        RuleFile(rules=(words, RegexRule(id="patterns", patterns=PATTERNS))),
        RuleFile(rules=(fewer, RegexRule(id="patterns", patterns=(*PATTERNS, r"\bbefore\s+noon\b")))),
    )


def backtest(path: Path) -> tuple[float, list[Difference]]:
    """CPU seconds, and the differences."""
    differences: list[Difference] = []
    began = time.process_time()
    comparison = Comparison(*change(), differences.append)
    comparison.judge_all(read_recording(path, "", lambda _count: None))
    return time.process_time() - began, differences


def measure(path: Path, count: int) -> Figures:
    """One run, for as many as the name says."""
    seconds, _ = backtest(path)
    return {MILLION: seconds * 1_000_000 / count}


@contextmanager
def contest(size: Size) -> Iterator[Sequence[Contestant]]:
    """All runs read one file."""
    count = 1_000_000 if size is Size.FULL else 400
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.jsonl"
        write_recording(path, count)
        yield [Contestant(BOTKIT, lambda: measure(path, count))]


BENCHMARK = Benchmark(
    id="D12",
    title="backtest of word and regex rules",
    measures=(Measure(MILLION, "s CPU"),),
    targets=(Target(Figure(BOTKIT, MILLION), at_most=60.0),),
    contest=contest,
    slow=False,
)
