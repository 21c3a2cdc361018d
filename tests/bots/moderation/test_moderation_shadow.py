"""Shadow mode: nobody notices anything, and the report is what a twin with the rules in force does."""

import random
from collections import Counter
from contextlib import suppress
from typing import TypeAlias

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from botkit import BotkitError, ChannelMessage, SqlValue
from botkit.signaling.effects import Join
from botkit.signaling.moderation_effects import Hold, Judge
from botkit.testing import User
from bots.moderation.rules.settings import (
    AnyRule,
    CapsRule,
    FloodRule,
    JoinWaveRule,
    LinksRule,
    RepeatRule,
    WordsRule,
)
from bots.moderation.settings import HoldSettings, Ladder
from tests.bots.moderation.stage import Stage, stage

RULES: tuple[AnyRule, ...] = (
    WordsRule(id="spam", words=("spam",), mode="shadow"),
    LinksRule(id="links", then=("mute 10s",), mode="shadow"),
    WordsRule(id="news", words=("news",), then=("notice",), mode="shadow"),
    CapsRule(id="caps", letters=4, then=("warn",)),
    FloodRule(id="flood", messages=3, seconds=2, mode="shadow"),
    RepeatRule(id="repeat", times=2, seconds=20, then=("kick",), mode="shadow"),
    JoinWaveRule(id="raid", joins=3, seconds=1, quiet_seconds=5, then=("quarantine",), mode="shadow"),
)
LADDER = Ladder(steps=("warn", "mute 5s", "mute 20s everywhere", "ban 10m"), decay="2m")
TEXTS = ("hello", "more spam", "see http://x.example", "LOUD", "what is up", "LOUD NEWS", "any news")

Script: TypeAlias = list[tuple[float, str, str, str]]


def script(seed: int, length: int) -> Script:
    """Who does what, and after how long."""
    dice = random.Random(seed)
    names = [f"user-{number}" for number in range(5)]
    steps: Script = []
    for _ in range(length):
        does = "leave" if dice.random() < 0.05 else "say"
        steps.append((dice.choice([0.05, 0.3, 1.5]), dice.choice(names), does, dice.choice(TEXTS)))
    return steps


async def play(at: Stage, steps: Script) -> Counter[str]:
    """Have people do it; those who cannot, do not. Who was sent away comes back when it would have, had it left."""
    people: dict[str, User] = {}
    listener = await at.user("mod-ear")
    away: set[str] = set()
    for pause, name, does, text in steps:
        await trio.sleep(pause)
        if name not in people:
            people[name] = await at.user(name)
        user = people[name]
        with suppress(BotkitError):  # muted, sent away, banned
            if does == "leave":
                away.add(name)
                await user.leave()
            elif name in away:
                away.discard(name)
                await user.join("lobby")
            elif user.session.channel is not None:
                await user.say(text)
    return Counter(message.text for message in await listener.heard(ChannelMessage))


async def report(at: Stage, lane: str, rules: set[str]) -> list[tuple[SqlValue, ...]]:
    """What was done by these rules, or would have been, without the numbers of cases."""
    rows = await at.rows(
        f"""
        SELECT rule, kind, channel_of, of, verb, act_account, act_channel, rate, seconds, evidence FROM (
            SELECT rule, cases.kind, cases.channel AS channel_of, cases.account AS of, verb,
                   acts.account AS act_account, acts.channel AS act_channel, rate, case_id, seq,
                   CASE until_ms WHEN 0 THEN 0 ELSE round((until_ms - cases.ms) / 1000.0) END AS seconds,
                   json_extract(audit.body, '$.draft.evidence') AS evidence
            FROM acts JOIN cases ON cases.id = case_id JOIN audit ON audit.n = case_id WHERE acts.lane = '{lane}'
        ) ORDER BY case_id, seq
        """
    )
    return [row for row in rows if row[0] in rules]


async def twins(seed: int, length: int, *, held: bool) -> int:
    """One script, two worlds; how many acts they agree about."""
    steps = script(seed, length)
    shadowed = {rule.id for rule in RULES if rule.mode == "shadow"}
    hold = HoldSettings() if held else None
    async with stage(*RULES, ladder=LADDER, hold=hold) as shadow:
        await play(shadow, steps)
        would_have = await report(shadow, "shadow", shadowed)
        did = await report(shadow, "live", shadowed)
    async with stage(*(replace(rule, mode="enforce") for rule in RULES), ladder=LADDER, hold=hold) as twin:
        await play(twin, steps)
        really = await report(twin, "live", shadowed)
    assert did == []
    assert would_have == really, f"seed {seed}"
    return len(really)


@pytest.mark.row("D11")
@pytest.mark.parametrize("seed", range(6))
async def test_it_says_what_a_twin_does(autojump_clock: MockClock, seed: int) -> None:
    assert await twins(seed, 40, held=True) > 5


@pytest.mark.slow
@pytest.mark.row("D11")
@pytest.mark.parametrize("first", range(100, 108, 4))
async def test_twins_agree_for_long(autojump_clock: MockClock, first: int) -> None:
    for seed in range(first, first + 4):
        assert await twins(seed, 120, held=seed % 2 == 0) > 10


@pytest.mark.row("D11")
async def test_nobody_notices_a_rule_in_shadow_mode(autojump_clock: MockClock) -> None:
    rules = [replace(rule, mode="shadow") for rule in RULES if rule.id != "raid"]
    async with stage(*rules, ladder=LADDER, run=False) as at, at.running() as app:
        people = [await at.user(f"user-{number}") for number in range(4)]
        said = 0
        for text in TEXTS * 3:
            for user in people:
                await user.say(text)
                said += 1
        heard = await people[0].heard(ChannelMessage)
        assert len(heard) == said
        assert {type(effect) for effect in app.effects.of("moderation")} == {Join, Hold, Judge}
        assert all(judged.action == "deliver" for judged in app.effects.of("moderation", Judge))
        assert await at.acts() == []
        assert len(await at.acts("shadow")) > 5
