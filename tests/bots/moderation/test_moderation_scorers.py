"""D16: scorers that stand in for one another. Whatever one of them does, the others and the bot go on."""

import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import ChannelMessage, ConfigError, Meters
from botkit.errors import SendFailed
from bots.moderation.learning.model import save_model
from bots.moderation.rules.settings import ScoreRule
from bots.moderation.scorers import ScorerChain, ScorerFailed, ScorerMeters, ScorerSettings, open_scorers
from bots.moderation.scorers.http import HttpScorer
from bots.moderation.scorers.process import ProcessScorer
from bots.moderation.settings import ModerationSettings
from tests.bots.moderation.models import model_of
from tests.bots.moderation.stage import stage

Behaviour = Callable[[str], Awaitable[float]]


class Faulty:
    """A source that behaves as it is told, and counts."""

    def __init__(self, behaviour: Behaviour, name: str = "remote") -> None:
        self.name, self.behaviour, self.asked = name, behaviour, 0

    async def score(self, text: str) -> float:
        """See ``Source``."""
        self.asked += 1
        return await self.behaviour(text)


async def fine(text: str) -> float:
    return 0.25


async def hang(text: str) -> float:
    await trio.sleep(3_600)
    return 0


async def crash(text: str) -> float:
    raise OSError("no route to host")


async def nonsense(text: str) -> float:
    return float("nan")


async def slow(text: str) -> float:
    await trio.sleep(0.2)
    return 0.5


OUTAGES = {"hang": hang, "crash": crash, "nonsense": nonsense}


def settings(count: int, *, calls: int | None = None, **changes: object) -> ScorerSettings:
    """``count`` sources with 0.3 s each, 0.4 s for all."""
    source = {"kind": "model", "file": "m.json", "timeout_seconds": 0.3, "calls_per_minute": calls}
    sources = [source, *({**source, "calls_per_minute": None} for _ in range(count - 1))]
    return msgspec.convert({"name": "spam", "sources": sources, "budget_seconds": 0.4, **changes}, ScorerSettings)


def chain_of(*sources: Faulty, calls: int | None = None, **changes: object) -> tuple[ScorerChain, ScorerMeters]:
    """A chain of these sources, and what it counts."""
    meters = ScorerMeters(Meters())
    return ScorerChain(settings(len(sources), calls=calls, **changes), sources, meters), meters


@pytest.mark.row("D16")
@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_is_bridged_within_the_time_and_counted(autojump_clock: MockClock, outage: str) -> None:
    """200 messages through an outage: each has its score, from the stand-in, in no more than the time of one."""
    remote, local = Faulty(OUTAGES[outage]), Faulty(fine, "local")
    chain, meters = chain_of(remote, local, failures=5, off_seconds=30)
    waits = []
    with capture_logs() as logs:
        for number in range(200):
            began = trio.current_time()
            assert await chain.score(f"text {number}") == 0.25
            waits.append(trio.current_time() - began)
    assert max(waits) <= 0.3 + 1e-9
    assert sum(wait > 0 for wait in waits) <= 5  # then it is off, and costs nothing
    assert remote.asked == 5
    assert chain.sources_off == ["remote"]
    assert meters.fallbacks.values == {"spam": 200}
    assert meters.failures.values == {"remote": 200}
    assert meters.answers.values == {"local": 200}
    assert [(one["event"], one["log_level"]) for one in logs] == [
        ("scorer fails", "warning"),
        ("scorer is off", "error"),
    ]


@pytest.mark.row("D16")
async def test_when_all_fail_there_is_no_score_and_the_bound_is_kept(autojump_clock: MockClock) -> None:
    chain, meters = chain_of(Faulty(hang), Faulty(hang, "second"), Faulty(fine, "third"))
    began = trio.current_time()
    assert await chain.score("text") is None
    assert trio.current_time() - began == pytest.approx(0.4)
    assert meters.silences.values == {"spam": 1}
    assert meters.failures.values == {"remote": 1, "second": 1}


async def test_a_source_that_is_back_is_used_again(autojump_clock: MockClock) -> None:
    remote, local = Faulty(hang), Faulty(fine, "local")
    chain, meters = chain_of(remote, local, failures=2, off_seconds=30, cache_entries=0)
    for _ in range(3):
        await chain.score("text")
    await trio.sleep(29)
    assert (await chain.score("text"), remote.asked) == (0.25, 2)
    await trio.sleep(2)
    assert (await chain.score("text"), remote.asked) == (0.25, 3)  # tried once, and off again
    assert (await chain.score("text"), remote.asked) == (0.25, 3)
    remote.behaviour = slow
    await trio.sleep(30)
    with capture_logs() as logs:
        assert (await chain.score("text"), remote.asked) == (0.5, 4)
    assert [one["event"] for one in logs] == ["scorer is back"]
    assert (await chain.score("text"), remote.asked) == (0.5, 5)
    assert chain.sources_off == []
    assert meters.answers.values == {"local": 6, "remote": 2}


async def test_only_one_message_tries_a_source_that_was_off(autojump_clock: MockClock) -> None:
    remote = Faulty(hang)
    chain, _ = chain_of(remote, Faulty(fine, "local"), failures=1, off_seconds=10)
    await chain.score("first")
    await trio.sleep(11)
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(chain.score, f"text {number}")
    assert remote.asked == 2


async def test_equal_texts_are_asked_about_once_in_a_while(autojump_clock: MockClock) -> None:
    remote = Faulty(slow)
    chain, meters = chain_of(remote, cache_seconds=60, cache_entries=2)
    for text in ("a", "a", "b", "a"):
        assert await chain.score(text) == 0.5
    assert (remote.asked, meters.cached.values) == (2, {"spam": 2})
    await chain.score("c")  # the oldest, which is a, goes
    await chain.score("a")
    assert remote.asked == 4
    await trio.sleep(60)
    await chain.score("a")
    assert remote.asked == 5


async def test_what_a_stand_in_says_is_not_kept(autojump_clock: MockClock) -> None:
    remote = Faulty(crash)
    chain, _ = chain_of(remote, Faulty(fine, "local"))
    assert await chain.score("text") == 0.25
    remote.behaviour = slow
    assert await chain.score("text") == 0.5


async def test_calls_per_minute(autojump_clock: MockClock) -> None:
    remote = Faulty(slow)
    chain, meters = chain_of(remote, Faulty(fine, "local"), calls=60, failures=1, cache_entries=0)
    scores = [await chain.score("text") for _ in range(100)]
    # 60 at once, which take 12 s and so earn 12 more, which take 2.4 s …
    assert scores.count(0.5) == remote.asked == 74
    assert meters.fallbacks.values == {"spam": 26}
    assert chain.sources_off == []  # it was busy, which is no fault
    await trio.sleep(1)
    assert await chain.score("text") == 0.5


async def test_a_slow_first_leaves_less_for_the_second_and_that_is_not_held_against_it(
    autojump_clock: MockClock,
) -> None:
    chain, meters = chain_of(Faulty(hang), Faulty(slow, "second"))
    began = trio.current_time()
    assert await chain.score("text") is None
    assert trio.current_time() - began == pytest.approx(0.4)
    assert meters.failures.values == {"remote": 1, "second": 1}


async def test_a_cancel_counts_as_nothing(autojump_clock: MockClock) -> None:
    chain, meters = chain_of(Faulty(hang), failures=1)
    with trio.move_on_after(0.1) as scope:
        await chain.score("text")
    assert scope.cancelled_caught
    assert (meters.failures.value, meters.silences.value, chain.sources_off) == (0, 0, [])


def plain_function(text: str) -> float:
    """A scorer as somebody writes it."""
    return 0.9 if "casino" in text else 0.1


async def async_function(text: str) -> float:
    """The same, for trio."""
    await trio.lowlevel.checkpoint()
    return plain_function(text)


def broken_function(text: str) -> float:
    """A scorer with a bug."""
    return {"casino": 0.9}[text]


def sources(*listed: dict[str, object], **changes: object) -> list[ScorerSettings]:
    """A scorer of these sources."""
    return [msgspec.convert({"name": "spam", "sources": listed, "budget_seconds": 60, **changes}, ScorerSettings)]


def function(name: str) -> dict[str, object]:
    """A source that is a function of this module."""
    sys.modules.setdefault("scorer_functions", sys.modules[__name__])
    return {"kind": "function", "function": f"scorer_functions:{name}", "timeout_seconds": 60}


async def test_functions() -> None:
    for name in ("plain_function", "async_function"):
        async with open_scorers(sources(function(name)), Meters()) as scorers:
            assert await scorers.score(["spam"], "the casino") == {"spam": 0.9}
    listed = sources(function("broken_function"), function("plain_function"))
    async with open_scorers(listed, Meters()) as scorers:
        assert await scorers.score(["spam", "other"], "the lake") == {"spam": 0.1, "other": None}


async def test_several_are_asked_side_by_side(autojump_clock: MockClock) -> None:
    listed = [*sources(function("async_function")), *sources(function("async_function"), name="again")]
    async with open_scorers(listed, Meters()) as scorers:
        assert await scorers.score(["again", "spam"], "casino") == {"again": 0.9, "spam": 0.9}
        assert await scorers.score([], "casino") == {}


async def test_a_hanging_function_keeps_a_thread_and_nothing_else() -> None:
    """In real time: threads know no virtual one. The gate opens when all is over, so that no thread is left."""
    gate = threading.Event()
    sys.modules["scorer_functions_that_hang"] = hanging = type(sys)("scorer_functions_that_hang")
    hanging.score = lambda _text: float(gate.wait(60))  # type: ignore[attr-defined]
    hangs = {"kind": "function", "function": "scorer_functions_that_hang:score", "threads": 1, "timeout_seconds": 0.01}
    try:
        async with open_scorers(sources(hangs, function("plain_function")), Meters()) as scorers:
            for number in range(8):
                assert await scorers.score(["spam"], f"casino {number}") == {"spam": 0.9}
    finally:
        gate.set()
        del sys.modules["scorer_functions_that_hang"]


async def test_a_model_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"m\.json: cannot be read") as caught:
        async with open_scorers(sources({"kind": "model", "file": str(tmp_path / "m.json")}), Meters()):
            pass
    assert caught.value.key == "scorers[0].sources[0].file"


async def test_a_program_that_is_not_there_is_missed_when_the_bot_starts() -> None:
    with pytest.raises(ConfigError, match="there is no program 'no-such-program'") as caught:
        async with open_scorers(sources({"kind": "process", "command": ["no-such-program", "-x"]}), Meters()):
            pass
    assert caught.value.key == "scorers[0].sources[0].command[0]"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such_module:score", "does not import"),
        ("sys:no_such_name", "does not import"),
        ("sys:path", "is list, and no function"),
    ],
)
async def test_a_function_that_is_none(path: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        async with open_scorers(sources({"kind": "function", "function": path}), Meters()):
            pass


CHILD = """
import json, sys
for line in sys.stdin:
    text = json.loads(line)["text"]
    if text == "die":
        sys.exit(3)
    if text == "chatter":
        print("loading…")
    if text == "hang":
        import time
        time.sleep(600)
    print("nonsense" if text == "nonsense" else json.dumps({"score": len(text) / 100}), flush=True)
"""


async def test_a_process_answers_dies_and_is_started_again() -> None:
    process = ProcessScorer("child", [sys.executable, "-c", CHILD])
    try:
        assert await process.score("x" * 50) == 0.5
        assert await process.score("é" * 7 + "\ud800") == 0.08
        for text, reason in (
            ("die", "ended without an answer"),
            ("nonsense", "no score"),
            ("chatter", "no score|more than one"),
            ("x" * 101, "no score"),
        ):
            with pytest.raises(ScorerFailed, match=reason):
                await process.score(text)
            await process.aclose()
            assert await process.score("x" * 20) == 0.2
        with trio.move_on_after(0.05) as scope:
            await process.score("hang")
        assert scope.cancelled_caught
        assert await process.score("x" * 30) == 0.3
    finally:
        await process.aclose()


async def test_a_program_that_is_not_there() -> None:
    process = ProcessScorer("child", ["/no/such/program"])
    with pytest.raises(ScorerFailed, match="does not start: No such file"):
        await process.score("text")
    await process.aclose()


def service(status: int = 200, body: bytes = b'{"score": 0.75, "model": "x"}') -> httpx.MockTransport:
    """A service that answers so, if it is asked as it should be."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path, request.headers["x-key"]) == ("POST", "/score", "secret")
        assert msgspec.json.decode(request.content) == {"text": "hello?"}
        return httpx.Response(status, content=body)

    return httpx.MockTransport(answer)


async def over_http(transport: httpx.MockTransport) -> float:
    scorer = HttpScorer("web", "http://scorer.example/score", {"x-key": "secret"}, transport=transport)
    try:
        return await scorer.score("hello\ud800")
    finally:
        await scorer.aclose()


async def test_a_service() -> None:
    assert await over_http(service()) == 0.75


@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        (service(status=503), "answers 503"),
        (service(status=302), "answers 302"),
        (service(body=b"<html>"), "no score"),
        (service(body=b'{"score": 2}'), "no score"),
        (service(body=b'{"score": "1"}'), "no score"),
        (service(body=b"[" * 60_000), "no score"),
        (service(body=b" " * 65_537), "more than 65536 bytes"),
    ],
)
async def test_a_service_that_answers_no_score(transport: httpx.MockTransport, reason: str) -> None:
    with pytest.raises(ScorerFailed, match=reason):
        await over_http(transport)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"kind": "http", "url": "ftp://x"}, "is no HTTP address"),
        ({"kind": "http", "url": "http://"}, "is no HTTP address"),
        ({"kind": "http", "url": "http://[x"}, "is no URL"),
        ({"kind": "http", "url": "http://a b/"}, "is no HTTP address"),
        ({"kind": "http", "url": "http://x", "headers": {"two words": "x"}}, "is no header"),
        ({"kind": "http", "url": "http://x", "headers": {"x-key": "one\ntwo"}}, "is no header"),
        ({"kind": "http", "url": "http://x", "headers": {"x-key": "schlüssel"}}, "is no header"),
        ({"kind": "function", "function": "module"}, "package.module:name"),
        ({"kind": "process", "command": []}, "length >= 1"),
        ({"kind": "process", "command": [""]}, "name a program"),
        ({"kind": "perspective"}, "Invalid value"),
        ({"kind": "model", "file": "m", "timeout_seconds": 61}, "<= 60"),
    ],
)
def test_settings_that_cannot_be_meant(source: dict[str, object], reason: str) -> None:
    with pytest.raises((msgspec.ValidationError, ConfigError), match=reason):
        sources(source)


def test_a_budget_has_room_for_each_source() -> None:
    with pytest.raises(ConfigError, match=r"0\.25 is more than budget_seconds, 0\.2") as caught:
        sources({"kind": "model", "file": "m"}, budget_seconds=0.2)
    assert caught.value.key == "sources[0].timeout_seconds"


def test_scorers_that_rules_want_have_to_be_there() -> None:
    rule = {"id": "s", "kind": "score", "scorer": "toxic"}
    listed = [{"name": "spam", "sources": [{"kind": "function", "function": "os:getpid"}]}]
    for scorers, reason, key in (
        (listed, "wants the scorer 'toxic', which is not among scorers; known there: spam", "rules[0].scorer"),
        ([], "wants the scorer 'toxic', which is not among scorers; add it there", "rules[0].scorer"),
        (listed * 2, "two scorers have the name 'spam'", "scorers[1].name"),
    ):
        with pytest.raises(ConfigError, match=reason) as caught:
            msgspec.convert({"rules": [rule], "scorers": scorers}, ModerationSettings)
        assert caught.value.key == key


@pytest.mark.row("D16")
async def test_the_bot_refuses_by_the_stand_in_while_the_first_hangs(autojump_clock: MockClock, tmp_path: Path) -> None:
    """All of it together: a rule that asks a scorer whose service is dead, and a model of one's own behind it."""
    save_model(model_of("casino"), tmp_path / "m.json")
    listed = sources(
        {**function("hang"), "timeout_seconds": 0.1},
        {"kind": "model", "file": str(tmp_path / "m.json"), "timeout_seconds": 0.1},
        budget_seconds=0.3,
        failures=3,
    )
    rule = ScoreRule(id="toxic", scorer="spam", at_least=0.5, then=("warn",))
    async with stage(rule, scorers=tuple(listed)) as at:
        bob, ann = await at.user("bob"), await at.user("ann")
        for number in range(6):
            await bob.say(f"lunch {number}")
            with pytest.raises(SendFailed, match="spam gives it 0"):
                await bob.say(f"casino {number}")
        assert [message.text for message in await ann.heard(ChannelMessage)] == [f"lunch {n}" for n in range(6)]
        assert at.world.metric("botkit_moderation_scorer_fallbacks_total", scorer="spam") == 12
        assert at.world.metric("botkit_moderation_scorer_silences_total") == 0
