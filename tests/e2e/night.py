"""Nights of IRC through all three bots at once, and what they wrote down against the log, line by line.

Run it on logs in the format of the public #ubuntu channel::

    python -m tests.e2e.night LOG…

``botkit run`` is a process of its own. Each nick of the log has a real session that joins, speaks and goes as the log
says, as fast as the protocol's rates allow; for each line that ends with a question mark somebody calls the call agent
and presses the line's number. At the end three tables are compared with what is to be read in the log.
"""

import io
import re
import signal
import sqlite3
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import trio
from rich.console import Console
from rich.table import Table

from botkit import Signal
from botkit.cli.files import allow_open_files
from botkit.cli.replay.accounts import AccountNames
from botkit.cli.replay.plan import Join, Plan, Send, make_plan
from botkit.cli.replay.play import FEED, OBSERVER, play
from botkit.cli.replay.tally import Tally
from botkit.irc_log import read_log
from botkit.types import Account, AppId, ChannelName
from botkit.wire.limits import NO_TOKEN
from tests.e2e.files import ws_url
from tests.processes import start_process

APP = AppId("night")
CHANNEL = ChannelName("ubuntu")
CALLERS = 8
QUIET_SECONDS = 60.0

CONFIG = f"""\
log: {{level: warning}}
app: {{id: {APP}}}
gateway:
  listen: "127.0.0.1:0"
  http: "127.0.0.1:0"
  server_accounts: [moderator, presence, {FEED}]
store: {{url: "sqlite:///gateway.db"}}
bots:
  - bot: bots.moderation:bot
    account: moderator
    channels: [{CHANNEL}]
    settings:
      database: "sqlite:///moderation.db"
      rules:
        - {{id: sudo, kind: words, words: [sudo], then: [alert], deliver: true}}
        - {{id: links, kind: links, bare_endings: [], then: [alert], deliver: true}}
  - bot: bots.presence:bot
    account: presence
    settings: {{database: "sqlite:///presence.db"}}
  - bot: bots.call_agent:bot
    account: support
    settings:
      database: "sqlite:///calls.db"
      max_calls: {CALLERS + 2}
      accept: [{{channel: "support-*"}}]
      flow:
        blocks:
          main:
            - {{do: gather, prompt: "The number of the line, and then #.", into: line, min_digits: 1, max_digits: 6}}
            - {{do: end, text: "Line {{line}}."}}
"""

SUDO = re.compile(r"(?<![^\W_])sudo(?![^\W_])", re.IGNORECASE)
LINK = re.compile(r"https?://\w|(?<!\w)www\.\w", re.IGNORECASE)

Told: TypeAlias = Mapping[str, Sequence[str]]
"""Of each account, what is told of it, in order."""


class Verdict(NamedTuple):
    """One table against the log: how many rows it should have, and the first accounts of which it tells otherwise."""

    table: str
    rows: int
    wrong: list[str]


def expected_cases(plan: Plan) -> Told:
    """The messages that a rule is about, by the log alone."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    for action in (action for step in plan.steps for action in step.actions):
        if isinstance(action, Send) and (SUDO.search(action.text) or LINK.search(action.text)):
            told[action.account].append(action.text)
    return told


def expected_moves(plan: Plan) -> Told:
    """Who comes and goes. At the end all go that are still there."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    there = dict.fromkeys(plan.cast, True)
    for account in plan.cast:
        told[account].append("joined")
    for action in (action for step in plan.steps for action in step.actions):
        if isinstance(action, Send) or isinstance(action, Join) == there.get(action.account, False):
            continue
        there[action.account] = isinstance(action, Join)
        told[action.account].append("joined" if there[action.account] else "left")
    for account in (account for account, is_there in there.items() if is_there):
        told[account].append("left")
    return told


def questions(plan: Plan) -> list[tuple[int, str]]:
    """The number of each line that asks something, and who asks."""
    return [
        (step.line, action.account)
        for step in plan.steps
        for action in step.actions
        if isinstance(action, Send) and action.text.endswith("?")
    ]


def expected_calls(plan: Plan) -> Told:
    """Each question's caller, and the line that it presses."""
    return {caller(line): [f"{line}#"] for line, _ in questions(plan)}


def caller(line: int) -> str:
    """The account that calls because of a line."""
    return f"phone-{line}"


async def play_night(url: str, plan: Plan) -> Tally:
    """The log and the calls, side by side."""
    tally = Tally()
    allow_open_files(64 + 2 * (len(plan.accounts) + CALLERS))
    async with trio.open_nursery() as nursery:
        limit = trio.CapacityLimiter(CALLERS)
        nursery.start_soon(call_all, url, [line for line, _ in questions(plan)], limit)
        await play(
            plan,
            CHANNEL,
            lambda settings: Signal(APP, url, settings=settings),
            tally,
            token_for=lambda _account: NO_TOKEN,
            progress=lambda: None,
        )
    return tally


async def call_all(url: str, lines: Sequence[int], limit: trio.CapacityLimiter) -> None:
    """Call for each line, a few at a time."""
    async with trio.open_nursery() as nursery:
        for line in lines:
            await limit.acquire_on_behalf_of(line)
            nursery.start_soon(call_for, url, line, limit)


async def call_for(url: str, line: int, limit: trio.CapacityLimiter) -> None:
    """One call: wait for the answer, press the line's number, hear the end."""
    try:
        async with Signal(APP, url).open_session(Account(caller(line)), NO_TOKEN) as session:
            call = await session.invite(f"support-{line}", "support")
            await call.wait_answer()
            await call.press(f"{line}#")
            await call.wait_ended()
    finally:
        limit.release_on_behalf_of(line)


def read_rows(path: Path, sql: str) -> dict[str, list[str]]:
    """What a query tells of each account, in order."""
    told: defaultdict[str, list[str]] = defaultdict(list)
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        for account, what in connection.execute(sql):
            told[account].append(what)
    finally:
        connection.close()
    return told


def compare(table: str, expected: Told, read: Callable[[], Told]) -> Verdict:
    """Wait until as much is told as is expected, or nothing new comes any more; then compare account by account."""
    rows = sum(map(len, expected.values()))
    found, since = read(), time.monotonic()
    while sum(map(len, found.values())) < rows and time.monotonic() < since + QUIET_SECONDS:
        time.sleep(0.1)
        before, found = found, read()
        since = time.monotonic() if found != before else since
    names = sorted({*expected, *found})
    wrong = [name for name in names if list(expected.get(name, ())) != list(found.get(name, ()))]
    return Verdict(table, rows, [f"{name}: {expected.get(name)} in the log, {found.get(name)} told" for name in wrong])


def verdicts(plan: Plan, folder: Path) -> Iterator[Verdict]:
    """The three tables against the log."""
    cases = "SELECT account, json_extract(body, '$.draft.text') FROM cases JOIN audit ON audit.n = cases.id ORDER BY id"
    moves = (
        f"SELECT account, event FROM records WHERE channel = '{CHANNEL}' AND event IN ('joined', 'left') "
        f"AND account NOT IN ('moderator', '{OBSERVER}') ORDER BY n"
    )
    calls = "SELECT peer, digits FROM call_records WHERE outcome = 'completed' ORDER BY start_ms"
    yield compare("audit", expected_cases(plan), lambda: read_rows(folder / "moderation.db", cases))
    yield compare("presence", expected_moves(plan), lambda: read_rows(folder / "presence.db", moves))
    yield compare("calls", expected_calls(plan), lambda: read_rows(folder / "calls.db", calls))


def plan_of(log: bytes) -> Plan:
    """What the sessions do for a log."""
    return make_plan(list(read_log(io.BytesIO(log))), AccountNames(reserved=[OBSERVER, FEED]))


def run_night(plan: Plan, folder: Path) -> tuple[Tally, list[Verdict], int]:
    """Run the bots in a folder and play a log: the replay's count, the verdicts, what the process of bots ends with."""
    (folder / "night.yaml").write_text(CONFIG)
    running = start_process("run", "night.yaml", cwd=folder)
    try:
        url = ws_url(running.read_until("ready: 3 of 3 bots at work"))
        tally = trio.run(play_night, url, plan)
        found = list(verdicts(plan, folder))
        code, _, err = running.stop(signal.SIGTERM)
    finally:
        running.end()
    sys.stderr.write(err)
    return tally, found, code


def named_logs(arguments: Sequence[str]) -> list[Path]:
    """The files that the command line names. Ends the process, with 2, where one is not there."""
    parser = ArgumentParser(prog="python -m tests.e2e.night", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("logs", nargs="+", type=Path, metavar="LOG", help="a log in the format of the public #ubuntu")
    logs: list[Path] = parser.parse_args(arguments).logs
    for log in logs:
        if not log.is_file():
            parser.error(f"{log}: there is no such file")
    return logs


def main(logs: Sequence[Path]) -> int:
    """Play each log; 0 if all three tables agree with every one."""
    table = Table("log", "lines", "messages", "seconds", "audit", "presence", "calls", "replay", "exit")
    agrees = True
    for log in logs:
        plan, began = plan_of(log.read_bytes()), time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            tally, found, code = run_night(plan, Path(folder))
        for line in (line for verdict in found for line in verdict.wrong):
            print(line, file=sys.stderr)
        cells = [f"{verdict.rows - len(verdict.wrong)}/{verdict.rows}" for verdict in found]
        replayed = "nothing lost" if tally.nothing_lost else "LOST"
        seconds = f"{time.monotonic() - began:.0f}"
        table.add_row(log.name, str(plan.lines), str(plan.messages), seconds, *cells, replayed, str(code))
        agrees &= tally.nothing_lost and code == 0 and not any(verdict.wrong for verdict in found)
    Console(width=120).print(table)
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main(named_logs(sys.argv[1:])))
