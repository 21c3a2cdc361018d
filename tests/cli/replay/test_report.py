"""The table at the end."""

import io

from rich.console import Console

from botkit.cli.replay.accounts import AccountNames
from botkit.cli.replay.plan import make_plan
from botkit.cli.replay.report import report
from botkit.cli.replay.tally import Tally
from botkit.irc_log import read_log


def shown(log: bytes, tally: Tally) -> str:
    names = AccountNames(reserved=[])
    plan = make_plan(list(read_log(io.BytesIO(log))), names)
    stream = io.StringIO()
    Console(file=stream, width=300).print(report(plan, tally, names.mapped(), 1.0))
    return stream.getvalue()


def test_a_hostile_log_cannot_drive_the_terminal() -> None:
    output = shown(b"garbage \x1b[31m red \x07\r\x05\n[09:00] <e\x1b[2Jvil> hi\n", Tally())
    assert "garbage \\x1b[31m red \\x07" in output
    assert output.replace("\n", "").isprintable()


def test_a_long_line_is_cut() -> None:
    output = shown(b"x" * 1_000_000, Tally())
    assert "x" * 190 in output
    assert output.count("x") < 300
    assert "…" in output


def test_a_replay_that_was_stopped_says_so_and_claims_nothing() -> None:
    tally = Tally()
    tally.stopped, tally.attempted = "interrupted", 1
    output = shown(b"[09:00] <ann> one\n[09:00] <ann> two\n", tally)
    assert "stopped" in output
    assert "1 of 2" in output
    assert "not known" in output
    assert not tally.nothing_lost
