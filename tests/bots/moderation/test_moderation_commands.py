"""Moderators at work, in the chat and on the shell: why, undo, report, versions, rules that are read again."""

import json
import re
from pathlib import Path

import pytest
import trio
from msgspec.structs import replace
from structlog.testing import capture_logs
from trio.testing import MockClock
from typer.testing import CliRunner

from botkit import ChannelMessage, ConfigError, InstantMessage, open_database
from botkit.config.loading import load_config
from botkit.errors import SendFailed
from botkit.testing import User
from bots.moderation import case_commands, service
from bots.moderation.cases.facts import Act, Done, Draft
from bots.moderation.cases.ledger import Baselines, Ledger
from bots.moderation.cases.schema import SCHEMA
from bots.moderation.cases.selection import Selection
from bots.moderation.commands import app
from bots.moderation.rules.settings import Exempt, LinksRule, RuleFile, WordsRule
from bots.moderation.settings import Ladder, ModerationSettings
from tests.bots.moderation.stage import Stage, stage, told


async def ask(user: User, command: str) -> str:
    """What the bot answers a moderator."""
    await user.heard(InstantMessage, seconds=0.5)
    await user.tell("moderator", command)
    return await told(user)


WHY = """\
case 2 (open): bob in lobby
when: TIME, by moderator
rule: spam@VERSION (words)
rule said: {"channels":[],"deliver":false,"exempt":{"accounts":["staff-*"],"channels":[],"roles":[]},"id":"spam",\
"kind":"words","mode":"enforce","then":["strike"],"words":["free money"]}
because: “free money” is not said here
text: 'get FR\\u200bEE money, http://x.example', judged before its delivery
evidence: 'FR\\u200bEE money', characters 4 to 15
seen as: 'free money'
also found by: links
exemptions considered:
  accounts staff-*: bob is none of them
  roles admin, moderator: bob has none
strikes: 1
acts:
  1. drop bob in lobby: done
  2. strike bob for 1d: done
  3. warn bob: done"""


@pytest.mark.row("D23")
async def test_why_says_all_of_it(autojump_clock: MockClock) -> None:
    rule = WordsRule(id="spam", words=("free money",), exempt=Exempt(accounts=("staff-*",)))
    async with stage(rule, LinksRule(id="links")) as at:
        bob, eve = await at.user("bob"), await at.user("mod-eve")
        with pytest.raises(SendFailed):
            await bob.say("get FR\u200bEE money, http://x.example")
        await trio.sleep(1)
        answer = await ask(eve, "!why 2")
        answer = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", re.sub(r"@[0-9a-f]{8}", "@VERSION", answer))
        assert answer == WHY
        assert await ask(eve, "!why 77") == "there is no case 77"
        assert await ask(bob, "!why 2") == "you may not use !why"
        helper = await at.user("help-fay")
        assert (await ask(helper, "!why 2")).startswith("case 2 (open)")
        assert await ask(helper, "!undo case 2") == "you may not use !undo"


@pytest.mark.row("D10")
@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("!undo case {0}", [0, 1, 1, 1]),
        ("!undo rule spam", [0, 0, 1, 1]),
        ("!undo by mod-eve", [1, 1, 0, 1]),
        ("!undo of bob", [0, 1, 0, 1]),
        ("!undo since 1h", [0, 0, 0, 0]),
        ("!undo since 3s", [1, 1, 1, 0]),
    ],
)
async def test_undo_of_a_case_a_rule_a_moderator_an_account_a_time(
    autojump_clock: MockClock, command: str, left: list[int]
) -> None:
    rules = (
        WordsRule(id="spam", words=("spam",), then=("mute 1h",)),
        WordsRule(id="ham", words=("ham",), then=("ban",)),
    )
    async with stage(*rules, hold=None) as at:
        eve = await at.user("mod-eve")
        bob, cy, dan = await at.user("bob"), await at.user("cy"), await at.user("dan")
        for user, text in ((bob, "spam"), (cy, "spam")):
            await user.say(text)
            await trio.sleep(5)
        await ask(eve, "!ban bob 1h rude")
        await trio.sleep(5)
        await dan.say("ham")
        await trio.sleep(1)
        cases = [str(row[0]) for row in await at.rows("SELECT id FROM cases ORDER BY id")]
        answer = await ask(eve, command.format(*cases))
        assert answer.startswith(f"undone: {left.count(0)} cases")
        sanctions = await in_force(at)
        every = [("mute", "bob"), ("mute", "cy"), ("ban", "bob"), ("ban", "dan")]
        assert sanctions == {sanction for sanction, kept in zip(every, left, strict=True) if kept}
        assert (await ask(eve, command.format(*cases))).startswith("undone: 0 cases")
        assert sanctions == await in_force(at)


async def in_force(at: Stage) -> set[tuple[str, str]]:
    """What is in force at the gateway, and of whom."""
    async with at.world.signal.open_session("moderator~99") as admin:
        return {(one.kind, one.account) for one in await admin.list_sanctions()}


@pytest.mark.row("D10")
async def test_an_undo_on_the_shell_is_followed_by_the_bot_that_runs(autojump_clock: MockClock) -> None:
    rule = WordsRule(id="spam", words=("spam",), then=("strike", "mute everywhere"))
    async with stage(rule, hold=None) as at:
        bob = await at.user("bob")
        await bob.say("spam")
        await trio.sleep(1)
        async with open_database(at.settings.database) as database:  # as another process has it
            ledger = Ledger(database)
            await ledger.read_head()
            assert await ledger.undo(Selection(rule="spam"), "live", "shell", 1) == [2]
        await trio.sleep(3)
        await bob.say("hello again")
        assert await at.rows("SELECT count(*) FROM acts WHERE counts = 1") == [(0,)]


async def test_what_somebody_else_put_in_force_is_left_alone(autojump_clock: MockClock) -> None:
    rule = WordsRule(id="spam", words=("spam",), then=("mute 1h",))
    async with stage(rule, hold=None) as at, at.world.signal.open_session("moderator~99") as admin:
        admin_name = "botkit-test-admin"
        bob, eve = await at.user("bob"), await at.user("mod-eve")
        async with at.world.signal.open_session(admin_name) as other:
            await other.mute("cy", channel="lobby", seconds=60)
            await other.mute("cy", channel="", seconds=0)
            await bob.say("spam")
            await trio.sleep(1)
            await other.mute("bob", channel="lobby", seconds=0, reason="by hand, and for good")
        await ask(eve, "!undo rule spam")
        kept = {(one.account, one.channel, one.moderator) for one in await admin.list_sanctions()}
        assert kept == {("bob", "lobby", admin_name), ("cy", "lobby", admin_name), ("cy", "", admin_name)}


RULES = """\
rules:
  - {id: spam, kind: words, words: [%s]}
"""


@pytest.fixture
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of rules are read in the test's own thread: a virtual clock does not wait for others."""

    async def read(settings: ModerationSettings, path: str) -> RuleFile:
        await trio.lowlevel.checkpoint()
        return settings.read_rules(path)

    monkeypatch.setattr(service, "read_rules_in_thread", read)


@pytest.mark.row("D24")
@pytest.mark.usefixtures("read_at_once")
async def test_cases_are_pinned_to_versions_and_a_rollback_shows(autojump_clock: MockClock, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES % "spam")
    async with stage(hold=None, ladder=Ladder(steps=("warn",)), run=False) as at:
        at.settings = replace(at.settings, rules=str(path))
        async with at.running():
            bob, eve = await at.user("bob"), await at.user("mod-eve")
            for words in ("spam", "spam, ham", "spam"):
                path.write_text(RULES % words)
                assert "spam@" in await ask(eve, "!rules reload")
                await bob.say("this is spam")
                await trio.sleep(1)
            await bob.say("and ham")
            await trio.sleep(1)
            versions = [str(row[0]) for row in await at.rows("SELECT version FROM cases ORDER BY id")]
            assert versions[0] == versions[2] != versions[1]
            report = (await ask(eve, "!report")).splitlines()
        assert [line.split(",")[0] for line in report] == [
            f"spam@{versions[0]}: 2 cases of 1 accounts",
            f"spam@{versions[1]}: 1 cases of 1 accounts",
        ]
        assert ["in force" in line for line in report] == [True, False]
        definitions = await at.rows("SELECT version, definition FROM rule_versions ORDER BY first_ms")
        assert [json.loads(str(row[1]))["words"] for row in definitions] == [["spam"], ["spam", "ham"]]


@pytest.mark.usefixtures("read_at_once")
async def test_a_mistake_in_the_file_keeps_the_old_rules(autojump_clock: MockClock, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES % "spam")
    async with stage(hold=None, alerts=("mod-eve",), run=False) as at:
        at.settings = replace(at.settings, rules=str(path))
        async with at.running():
            bob, eve = await at.user("bob"), await at.user("mod-eve")
            path.write_text("rules:\n  - {id: spam, kind: wrods, words: [ham]}\n")
            await eve.tell("moderator", "!rules reload")
            await trio.sleep(1)
            answers = [message.text for message in await eve.heard(InstantMessage)]
            assert sorted(answers)[1].startswith("the old rules stay: ")
            assert all(f"{path}:2" in answer and "'wrods' is none of these" in answer for answer in answers)
            await bob.say("spam")
            assert "“spam” is not said here" in await told(bob)
            assert at.world.metric("botkit_moderation_reloads_total", outcome="invalid") == 1


def test_a_reload_of_the_configuration_sees_that_the_file_has_changed(tmp_path: Path) -> None:
    config, rules = tmp_path / "bots.yaml", tmp_path / "rules.yaml"
    config.write_text(
        f"app: {{id: a}}\nbots:\n  - {{bot: 'bots.moderation:bot', account: m, settings: {{rules: '{rules}'}}}}\n"
    )
    rules.write_text(RULES % "spam")
    before, same = (load_config(config, {}).bots[0].placement for _ in range(2))
    rules.write_text(RULES % "ham")
    after = load_config(config, {}).bots[0].placement
    assert before == same != after, "a bot that differs is restarted by SIGHUP"


def test_a_file_with_a_mistake_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("rules:\n  - {id: x, kind: regex, patterns: ['(']}\n")
    config = tmp_path / "bots.yaml"
    settings = f"{{rules: {tmp_path}/rules.yaml}}"
    config.write_text(f"app: {{id: a}}\nbots:\n  - {{bot: 'bots.moderation:bot', account: m, settings: {settings}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(config, {})
    assert caught.value.file == f"{tmp_path}/rules.yaml:2"
    assert "missing )" in caught.value.problem


async def test_the_log_tells_who_decided_about_whom(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        async with stage() as at:
            bob, eve = await at.user("bob"), await at.user("mod-eve")
            await eve.say("!warn bob mind it")
            await told(bob)
            with pytest.raises(SendFailed):
                await bob.say("spam")
            await trio.sleep(1)
    verdicts = [(one["rule"], one["about"], one["by"]) for one in logs if one["event"] == "verdict"]
    assert verdicts == [("manual", "bob", "mod-eve"), ("spam", "bob", "moderator")]


async def test_acts_by_hand_are_cases(autojump_clock: MockClock) -> None:
    async with stage() as at:
        bob, eve = await at.user("bob"), await at.user("mod-eve")
        await eve.say("!warn bob mind it")
        assert "mind it. Your strikes: 0" in await told(bob)
        await eve.say("!slow 2 10m")
        await trio.sleep(1)
        assert eve.session.channel is not None
        assert eve.session.channel.attributes["_sendmsg_limit"] == "2"
        await eve.say("!mute bob 10m enough")
        await trio.sleep(1)
        with pytest.raises(SendFailed, match="muted: enough"):
            await bob.say("hello")
        await eve.say("!kick bob out")
        await trio.sleep(1)
        assert bob.session.channel is None
        await eve.say("!mute mod-fred 10m")
        await trio.sleep(1)
        answers = [message.text for message in await eve.heard(InstantMessage)]
        assert answers == ["case 2: done", "case 4: done", "case 6: done", "case 8: done", "mod-fred is a moderator"]
        assert await at.rows('SELECT "by", rule FROM cases GROUP BY "by", rule') == [("mod-eve", "manual")]
        assert (await ask(eve, "!cases bob")).count("\n") == 2
        await bob.expect(ChannelMessage, account="mod-eve", text="!warn bob mind it")


def database_with_cases(tmp_path: Path) -> str:
    """A database of a bot that is not running: one case of each of two versions, and one of the shadow lane."""
    url = f"sqlite:///{tmp_path}/moderation.db"

    async def fill() -> None:
        async with open_database(url, SCHEMA) as database:
            ledger = Ledger(database)
            await ledger.read_head()
            for number, lane in enumerate(("live", "live", "shadow")):
                draft = Draft(
                    lane=lane,  # type: ignore[arg-type]
                    ms=1_000 * number + 1_000,
                    moderator="moderator",
                    by="moderator",
                    channel="lobby",
                    account="bob",
                    rule="spam",
                    version=f"v{number}",
                    kind="words",
                    detail="no",
                )
                act = Act(verb="mute", account="bob", channel="lobby")
                assert act.cell is not None
                case = await ledger.open_case(draft, [act, Act(verb="kick")], 0, Baselines({act.cell: None}, {}))
                done = [Done(seq=1, outcome="done"), Done(seq=2, outcome="done")]
                await ledger.close_acts(case, draft.lane, done, draft.ms)
                await ledger.settle(draft.lane, act.cell)

    trio.run(fill)
    return url


def shell(*words: str) -> tuple[int, str]:
    """A command of the shell."""
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_commands, "UNDO_PAUSE", 0.0)
    at = ["--database", database_with_cases(tmp_path)]
    code, listed = shell("cases", *at)
    assert (code, listed.count("\n")) == (0, 2)
    assert listed.startswith("3 1970-01-01 00:00:02Z bob in lobby: spam@v1: mute, kick (open)")
    assert len(json.loads(shell("cases", "--rule", "spam@v0", "--json", *at)[1])) == 1
    assert "rule: spam@v1 (words)" in shell("why", "3", *at)[1]
    assert shell("why", "99", *at)[0] == 1
    assert json.loads(shell("report", "--json", "--lane", "shadow", *at)[1])[0]["version"] == "v2"
    assert "v0" in shell("report", *at)[1]
    assert shell("undo", "--since", "1m", *at)[1].startswith("undone: 0 cases")
    code, undone = shell("undo", "--rule", "spam@v0", "--until", "1d", *at)
    assert undone.splitlines() == [
        "undone: 1 cases: 1",
        "cannot be taken back: 1 kicked (they may join again)",
        "1 things are still to be set: a running bot does it, or the next start of one",
    ]
    assert shell("undo", "--rule", "spam@v0", *at)[1].startswith("undone: 0 cases")
    with pytest.raises(ConfigError, match="what to undo"):
        shell("undo", *at)
    with pytest.raises(ConfigError, match="no such file"):
        shell("cases", "--database", f"sqlite:///{tmp_path}/other.db")
    with pytest.raises(ConfigError, match="no duration"):
        shell("cases", "--since", "soon", *at)
    with pytest.raises(ConfigError, match="no lane"):
        shell("cases", "--lane", "fast", *at)
    assert shell("audit", "verify", *at)[0] == 0
