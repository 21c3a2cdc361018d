"""The configurations as they are, in the real command: the demo's bots act as its cast is written, all of it stops."""

import json
import re
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from tests.e2e.files import ROOT, on_free_ports, ws_url
from tests.processes import START_SECONDS, Running, Start

pytestmark = pytest.mark.slow

CONFIGS = [path for path in sorted((ROOT / "config").glob("*.yaml")) if "bots" in yaml.safe_load(path.read_text())]
DEMO = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
BOTS: dict[str, dict[str, Any]] = {bot["bot"]: bot for bot in DEMO["bots"]}
CAST: dict[str, list[dict[str, Any]]] = {visitor["account"]: visitor["steps"] for visitor in DEMO["demo"]["visitors"]}
STOPPED = "stopped: every session is logged out"

Row: TypeAlias = tuple[Any, ...]


def steps(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Who of the cast does such a step, by time."""
    found = [(account, step) for account, script in CAST.items() for step in script if step["do"] == kind]
    return sorted(found, key=lambda one: float(one[1]["at"]))


def start_config(start: Start, folder: Path, path: Path, *options: str) -> Running:
    """``botkit run`` with a configuration, in a folder of its own."""
    (folder / path.name).write_text(on_free_ports(path.read_text()))
    return start("run", path.name, *options)


def rows(folder: Path, bot: str, sql: str) -> list[Row]:
    """What a query says of the database of one of the demo's bots."""
    path = folder / BOTS[bot]["settings"]["database"].removeprefix("sqlite:///")
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def last_step() -> tuple[str, str]:
    """What the log says of the last step that the cast is written to do before it is quiet."""
    account, _ = max(steps("log_out"), key=lambda one: float(one[1]["at"]))
    return "visitor logs out", f"visitor={account}"


def test_what_is_to_be_seen_is_written_for_the_first_20_seconds() -> None:
    assert max(float(step["at"]) for script in CAST.values() for step in script) < 20


def test_all_three_bots_do_what_the_cast_is_written_for(
    start_botkit: Start, tmp_path: Path, last_step: tuple[str, str]
) -> None:
    running = start_config(start_botkit, tmp_path, ROOT / "config/demo.yaml")
    banner = running.read_until("ready: 3 of 3 bots at work")
    assert ws_url(banner).startswith("ws://127.0.0.1:")
    for name, bot in BOTS.items():
        told = f"{name.removeprefix('bots.').removesuffix(':bot')}, account {bot['account']}"
        assert any(told in line for line in banner), told
    running.read_until(*last_step)
    wait_until_told(tmp_path, last_step[1].removeprefix("visitor="))
    code, out, err = running.stop(signal.SIGINT)
    assert (code, out.splitlines()[-1], err) == (0, STOPPED, "")
    check_verdicts(tmp_path)
    check_calls(tmp_path)
    check_stays(tmp_path)
    check_lines(tmp_path)


def wait_until_told(folder: Path, account: str) -> None:
    """Until the presence bot has heard that somebody logged out, too."""
    deadline = time.monotonic() + START_SECONDS
    sql = f"SELECT 1 FROM stays WHERE channel = '' AND account = '{account}' AND reason = 'logout'"
    while not rows(folder, "bots.presence:bot", sql):
        assert time.monotonic() < deadline, "the presence bot never heard of it"
        time.sleep(0.05)


def check_verdicts(folder: Path) -> None:
    """Bob's first messages are a warning each, and then he is muted: nobody reads his last. Every rule is seen."""
    ladder = BOTS["bots.moderation:bot"]["settings"]["ladder"]["steps"]
    said = [step["text"] for account, step in steps("say") if account == "bob"]
    expected = [(step.partition(" ")[0], "done") for step in ladder]
    assert len(said) > len(ladder)
    sql = """SELECT verb, outcome FROM acts WHERE account = 'bob' AND verb IN ('warn', 'mute') ORDER BY case_id, seq"""
    assert rows(folder, "bots.moderation:bot", sql) == expected
    rules = rows(folder, "bots.moderation:bot", "SELECT DISTINCT rule FROM cases ORDER BY rule")
    assert rules == [("flood",), ("links",), ("words",)]


def check_calls(folder: Path) -> None:
    """The first caller goes through the menu, the second finds the only place taken."""
    assert BOTS["bots.call_agent:bot"]["settings"]["max_calls"] == 1
    (eve, first), (zoe, second) = steps("call")
    sql = "SELECT peer, channel, digits, outcome, reason FROM call_records ORDER BY start_ms"
    assert rows(folder, "bots.call_agent:bot", sql) == [
        (eve, first["channel"], first["press"], "completed", ""),
        (zoe, second["channel"], "", "refused", "full"),
    ]


def check_stays(folder: Path) -> None:
    """Everybody who comes and goes has a stay with the reason that is written; who stays, one that lasts."""
    stays = rows(folder, "bots.presence:bot", "SELECT account, channel, reason, state FROM stays")
    of_cast = [stay for stay in stays if stay[0] in CAST]
    assert {stay[:2] for stay in of_cast} >= {(account, "") for account in CAST}
    assert {stay[:2] for stay in of_cast if stay[1]} == {(account, step["channel"]) for account, step in steps("join")}
    assert len(of_cast) == len(CAST) + len(steps("join"))
    for account, _ in steps("log_out"):
        assert (account, "", "logout", "closed") in stays
    for account, step in steps("join"):
        if account in dict(steps("leave")):
            assert (account, step["channel"], "leave", "closed") in stays


def check_lines(folder: Path) -> None:
    """The file tells what the table does: a line for each beginning, and for each end that was told."""
    (sink,) = BOTS["bots.presence:bot"]["settings"]["sinks"]
    lines = [json.loads(line) for line in (folder / sink["path"]).read_text().splitlines()]
    assert [line["event"] for line in lines if "account" not in line] == ["gap", "snapshot"]
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    told = [line for line in lines if "account" in line]
    begun = {(line["account"], line.get("channel", ""), line["ms"]) for line in told if "reason" not in line}
    ended = {
        (line["account"], line.get("channel", ""), line["since_ms"], line["ms"], line["reason"])
        for line in told
        if "reason" in line and "since_ms" in line
    }
    stays = rows(folder, "bots.presence:bot", "SELECT account, channel, start_ms, end_ms, reason FROM stays")
    assert begun == {stay[:3] for stay in stays}
    assert ended == {stay for stay in stays if stay[-1]}


def test_in_json_every_line_is_an_object(start_botkit: Start, tmp_path: Path) -> None:
    running = start_config(start_botkit, tmp_path, ROOT / "config/demo.yaml", "--log", "json")
    lines = running.read_until('"event": "call over"')
    code, out, err = running.stop(signal.SIGINT)
    told = [json.loads(line) for line in [*lines, *out.splitlines()]]
    assert (code, err) == (0, "")
    assert all(isinstance(notice, dict) for notice in told)
    events = [notice["event"] for notice in told]
    assert {"gateway", "ready", "verdict", "joined", "call over"} <= set(events)
    assert [notice["bot"] for notice in told if notice["event"] == "bot"] == ["moderation", "presence", "call_agent"]
    assert events[-1] == "stopped"


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.stem != "demo"], ids=lambda path: path.stem)
def test_the_others_start_and_stop(start_botkit: Start, tmp_path: Path, path: Path) -> None:
    running = start_config(start_botkit, tmp_path, path)
    names = [bot["bot"].removeprefix("bots.").removesuffix(":bot") for bot in yaml.safe_load(path.read_text())["bots"]]
    banner = running.read_until(f"ready: {len(names)} of {len(names)} bots at work")
    assert [name for name in names if not any(f"bot       {name}, account " in line for line in banner)] == []
    code, out, err = running.stop(signal.SIGINT)
    assert (code, out.splitlines()[-1], err) == (0, STOPPED, "")
    named = {Path(name) for name in re.findall(r"\bvar/[\w.]+\w", path.read_text())}
    assert named
    assert [str(name) for name in named if not (tmp_path / name).is_file()] == []
