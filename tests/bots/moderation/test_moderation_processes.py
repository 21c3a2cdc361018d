"""The commands of the moderation bot in processes of their own, and a scorer behind a real HTTP service."""

import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
import trio

from botkit import Meters, open_database
from bots.moderation.cases.facts import Act, Draft
from bots.moderation.cases.ledger import NOTHING, Ledger
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.scorers import ScorerSettings, open_scorers
from bots.moderation.scorers.opening import ScorerChains
from tests.processes import Run

AGES = 50.0
"""Seconds that are never over while a test runs, not on a stalled machine either."""


def labelled(path: Path, seed: int) -> str:
    """A file of 90 messages, a third of them advertisements."""
    draw = random.Random(seed)
    lines = []
    for number in range(90):
        sold = draw.choice(("tickets", "watches", "coupons"))
        talk = draw.choice(("lunch at noon?", "see you there", "the build is green"))
        lines.append(f"spam\tWIN {sold}! Call 0800{draw.randrange(10**6)}" if number % 3 == 0 else f"ham\t{talk}")
    path.write_text("\n".join(lines))
    return str(path)


@pytest.mark.slow
def test_a_scorer_is_trained_and_evaluated(run_botkit: Run, tmp_path: Path) -> None:
    seen, held_out = labelled(tmp_path / "seen.tsv", 1), labelled(tmp_path / "held_out.tsv", 2)
    trained = run_botkit("moderation", "train", seen, "--out", "model.json", "--folds", "3", "--repeats", "1")
    assert trained.returncode == 0, trained.stderr
    assert "written: model.json" in trained.stdout
    result = run_botkit("moderation", "eval", "model.json", held_out, "--plot", "curve.png")
    assert result.returncode == 0, result.stderr
    assert "precision 1.0000  recall 1.0000  F1 1.0000" in result.stdout
    assert "30 hits, 0 false alarms, 0 misses among 90 messages" in result.stdout
    assert "model: 0." in result.stdout
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    wrong = run_botkit("moderation", "eval", seen, held_out)
    assert (wrong.returncode, "seen.tsv" in wrong.stderr, "Traceback" in wrong.stderr) == (2, True, False)


@pytest.mark.slow
def test_two_rule_sets_are_compared(run_botkit: Run, tmp_path: Path) -> None:
    for name, words in (("old", "[spam]"), ("new", "[spam, scam]")):
        (tmp_path / f"{name}.yaml").write_text(f"rules: [{{id: words, kind: words, words: {words}}}]\n")
    said = [("ann", "hello"), ("bob", "spam"), ("eve", "a sc4m")]
    facts = [{"ms": at, "channel": "lobby", "account": who, "text": text} for at, (who, text) in enumerate(said)]
    (tmp_path / "said.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, facts)))
    options = ("--old", "old.yaml", "--new", "new.yaml")
    result = run_botkit("moderation", "backtest", *options, "said.jsonl", "--diff", "diff.jsonl")
    assert result.returncode == 0, result.stderr
    (difference,) = [msgspec.json.decode(line) for line in (tmp_path / "diff.jsonl").read_bytes().splitlines()]
    assert (difference["change"], difference["account"], difference["text"]) == ("new", "eve", "a sc4m")
    (tmp_path / "new.yaml").write_text("rules: [{id: words, kind: words, words: []}]\n")
    wrong = run_botkit("moderation", "backtest", *options, "said.jsonl")
    assert (wrong.returncode, "new.yaml:1" in wrong.stderr, "Traceback" in wrong.stderr) == (2, True, False)


@pytest.mark.slow
@pytest.mark.row("D09")
def test_one_edited_byte_is_named(run_botkit: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/moderation.db"
    trio.run(partial(_write_cases, url))
    verify = ("moderation", "audit", "verify", "--database", url)
    fine = run_botkit(*verify)
    assert (fine.returncode, fine.stdout.split()[0]) == (0, "3"), fine.stderr
    file = tmp_path / "moderation.db"
    data = file.read_bytes()
    assert data.count(b"lobby-1") > 0
    file.write_bytes(data.replace(b"lobby-1", b"lobby-7"))
    broken = run_botkit(*verify)
    assert broken.returncode == 1
    assert "record 2 was changed" in broken.stdout + broken.stderr


async def _write_cases(url: str) -> None:
    async with open_database(url, SCHEMA) as database:
        ledger = Ledger(database)
        await ledger.read_head()
        for channel in ("lobby-0", "lobby-1", "lobby-2"):
            about = {"lane": "live", "ms": 1, "moderator": "moderator", "by": "moderator", "account": "bob"}
            draft = msgspec.convert({**about, "channel": channel, "rule": "spam", "text": "spam"}, Draft)
            await ledger.open_case(draft, [Act(verb="warn", account="bob")], 1, NOTHING)


class Service(BaseHTTPRequestHandler):
    """Scores a text by its length; some it never answers, or breaks off in the middle of."""

    protocol_version = "HTTP/1.1"
    held: threading.Event

    def do_POST(self) -> None:
        text = msgspec.json.decode(self.rfile.read(int(self.headers["content-length"])))["text"]
        if text == "hang":
            self.held.wait()
        self.close_connection = text in ("hang", "die", "half")
        if text in ("hang", "die"):
            return
        body = msgspec.json.encode({"score": len(text) / 100})
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:5] if text == "half" else body)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def service() -> Iterator[str]:
    """The service, on a port of its own; its address."""
    held = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Service", (Service,), {"held": held}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/score"
    finally:
        held.set()
        server.shutdown()
        thread.join()
        server.server_close()


def stand_in(_text: str) -> float:
    """What answers when the service does not."""
    return 0.9


@asynccontextmanager
async def asking(url: str, seconds: float) -> AsyncIterator[ScorerChains]:
    """A scorer that asks the service, for so long, and then the stand-in."""
    sources = [
        {"kind": "http", "url": url, "timeout_seconds": seconds},
        {"kind": "function", "function": f"{__name__}:stand_in", "timeout_seconds": AGES},
    ]
    settings = {"name": "web", "sources": sources, "budget_seconds": AGES, "failures": 100, "cache_entries": 0}
    async with open_scorers([msgspec.convert(settings, ScorerSettings)], Meters()) as chains:
        yield chains


@pytest.mark.row("D16")
async def test_a_service_over_real_http_answers_dies_and_answers_again() -> None:
    with service() as url:
        async with asking(url, AGES / 2) as chains:
            for text, score in (("x" * 50, 0.5), ("die", 0.9), ("é" * 7, 0.07), ("half", 0.9), ("x" * 30, 0.3)):
                assert await chains.score(["web"], text) == {"web": score}
    async with asking(url, AGES / 2) as chains:  # nobody listens there any more
        assert await chains.score(["web"], "x" * 50) == {"web": 0.9}


@pytest.mark.row("D16")
async def test_a_service_over_real_http_that_hangs_is_given_up() -> None:
    with service() as url:
        async with asking(url, 0.05) as chains:
            assert await chains.score(["web"], "hang") == {"web": 0.9}
        async with asking(url, AGES / 2) as chains:
            assert await chains.score(["web"], "x" * 50) == {"web": 0.5}
