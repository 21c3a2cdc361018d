"""Every live code, provoked at the real gateway and heard through the vendor's API (W01)."""

import pytest
from trio.testing import MockClock

from botkit.errors import ErrorCode
from tests.vendor_api import other_scenarios, session_scenarios
from tests.vendor_api.people import open_world
from tests.vendor_api.scenario_table import APPS, SCENARIOS, far

ENTERED_BY = (session_scenarios, other_scenarios)
"""They put their scenarios into the table when they are imported."""

OBSOLETE = {104, 106, 107, 205, 502, 705}
LIVE = sorted(int(code) for code in ErrorCode if not code.obsolete)


@pytest.mark.row("W01")
def test_every_live_code_has_a_scenario() -> None:
    assert sorted(SCENARIOS) == LIVE


@pytest.mark.row("W01")
def test_every_code_has_a_name_and_words() -> None:
    assert {int(code) for code in ErrorCode} == {*LIVE} | OBSOLETE
    assert len(ErrorCode) == 43
    for code in ErrorCode:
        assert ErrorCode(int(code)) is ErrorCode[code.name] is code
        assert code.obsolete is (int(code) in OBSOLETE)
        assert code.text


@pytest.mark.row("W01")
@pytest.mark.parametrize("code", LIVE)
async def test_the_code_is_heard(code: int, autojump_clock: MockClock) -> None:
    async with open_world(apps=APPS) as world:
        assert await SCENARIOS[code](world) == code


@pytest.mark.row("0.10")
async def test_501_is_no_answer_and_502_is_never_told(autojump_clock: MockClock) -> None:
    """Not even of a query that its user cancels by logging out, which is what 502 would mean."""
    assert (ErrorCode(501).name, ErrorCode(502).name) == ("QUERYUSERNUM_E_TIMEOUT", "QUERYUSERNUM_E_BYUSER")
    assert (ErrorCode(501).obsolete, ErrorCode(502).obsolete) == (False, True)
    async with open_world(apps=APPS) as world, far(world) as (ann, lines):
        lines.silent = True
        for _ in range(2):
            ann.session.channelQueryUserNum("room", ann.heard)
        ann.session.logout()
        for _ in range(2):
            err, _ = await ann.heard.next("onChannelQueryUserNum")
            assert str(err).startswith("501 QUERYUSERNUM_E_TIMEOUT")
