"""The bots that come with botkit, together: a short night, and three tables that must agree with it."""

from pathlib import Path

import pytest

from tests.e2e.night import expected_calls, expected_cases, expected_moves, plan_of, run_night

LOG = b"""\
[23:58] <ann> good evening
=== bob [n=bob@example.org]  has joined #ubuntu
[23:58] <bob> hi ann, how do I become root?
[23:58] <ann> bob: sudo -i, or "Sudo bash"
=== cem [n=cem@example.org]  has joined #ubuntu
[23:59] <cem> is there a page about it?
[23:59] <ann> https://help.example.org/RootSudo has all of it
[00:00]  * bob reads www.example.org
=== bob is now known as bob|away
[00:00] <cem> pseudo-random sudoku is no hit, nor is https:// alone
=== cem [n=cem@example.org]  has left #ubuntu []
[00:01] <ann> cem: still there?
=== cem [n=cem@example.org]  has joined #ubuntu
[00:02] <cem> again, with sudo
=== ann [n=ann@example.org]  has quit [Quit]
"""


def test_what_is_expected_is_what_stands_there() -> None:
    plan = plan_of(LOG)
    assert expected_cases(plan) == {
        "ann": ['bob: sudo -i, or "Sudo bash"', "https://help.example.org/RootSudo has all of it"],
        "bob": ["* bob reads www.example.org"],
        "cem": ["again, with sudo"],
    }
    assert expected_calls(plan) == {"phone-3": ["3#"], "phone-6": ["6#"], "phone-12": ["12#"]}
    assert expected_moves(plan) == {
        "ann": ["joined", "left"],
        "bob": ["joined", "left"],
        "bob|away": ["joined", "left"],
        "cem": ["joined", "left", "joined", "left"],
    }


@pytest.mark.slow
def test_all_three_tables_agree_with_the_log(tmp_path: Path) -> None:
    tally, verdicts, code = run_night(plan_of(LOG), tmp_path)
    assert [(one.table, one.rows, one.wrong) for one in verdicts] == [
        ("audit", 4, []),
        ("presence", 10, []),
        ("calls", 3, []),
    ]
    assert tally.nothing_lost
    assert code == 0
