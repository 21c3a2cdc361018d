"""Over all scenarios of the three bots, run dry: not one frame leaves that others would notice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HARMLESS = frozenset(
    {
        *("ping", "user_getmsg", "user_logout", "channel_join", "channel_leave"),
        *("user_query_user_status", "user_get_attr", "user_get_attr_all"),
        *("channel_query_num", "channel_query_user_isin", "channel_query_userlist", "channel_query_userlist_all"),
        *("botkit_list_sanctions", "botkit_snapshot", "botkit_read_ledger"),
    }
)
"""What a session needs to be there and to hear, and its questions."""


@pytest.mark.slow
@pytest.mark.row("B26")
def test_no_frame_leaves_that_others_would_notice(tmp_path: Path) -> None:
    """The scenarios run as they are; that they fail, since the bots do nothing, is what is to be expected."""
    report = tmp_path / "report.json"
    scenarios = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.bots.everything_dry", "--dry-report", report),
            *("-q", "--no-header", "-p", "no:cacheprovider", "--tb=no", "-m", "not slow", "-n", "0"),
            *("tests/bots", "--deselect", "tests/bots/test_everything_dry.py"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert scenarios.returncode in (0, 1), scenarios.stdout[-2000:] + scenarios.stderr[-2000:]
    counted = json.loads(report.read_text())
    assert counted["tests"] > 300
    assert set(counted["frames"]) <= HARMLESS, counted["frames"]
    assert counted["frames"]["channel_join"] > 10  # the bots were there, and heard
    would_have = counted["held_back"]
    assert {"send_instant", "mute", "accept_invite", "refuse_invite", "end_call"} <= set(would_have)
    assert sum(would_have.values()) > 100
