"""No ghosts: whoever is gone without a word is gone in the daemon's answers, too, within twice the heartbeat."""

from contextlib import AsyncExitStack

import pytest
import trio
from trio.testing import MockClock

from botkit.gateway.settings import GatewaySettings
from botkit.testing.peer import WirePeer
from botkit.wire.limits import RESUME_SECONDS
from tests.bots.presence.presence_stage import Stage, open_stage

pytestmark = pytest.mark.row("E08")

HEARTBEAT = GatewaySettings(apps=()).idle_timeout
"""The longest silence that the gateway takes for life, by default."""

BOUND_MS = round(2 * HEARTBEAT * 1000)
ANSWER_SECONDS = 1.5
"""How far behind the gateway the daemon may be."""


def gateway_ms(stage: Stage) -> int:
    """What the gateway's clock says."""
    return stage.world.host.gateway.clock.ms()


async def ends(stage: Stage, since_ms: int) -> dict[tuple[str, str], int]:
    """After how many milliseconds who was gone, from where."""
    return {(one.account, one.channel): one.ms - since_ms for one in await stage.records("offline", "left")}


def test_the_heartbeat_is_what_a_client_may_be_away_for() -> None:
    assert HEARTBEAT == RESUME_SECONDS == 30


@pytest.mark.parametrize("quiet", [0.0, 2.5, 4.9])
async def test_a_half_open_client_is_gone_within_twice_the_heartbeat(quiet: float, autojump_clock: MockClock) -> None:
    async with open_stage() as stage, WirePeer.connect(stage.world.connector, "web") as web:
        await stage.world.user("ann", channel="lobby")
        await stage.world.user("bob", channel="lobby")
        await web.request("channel_join", name="lobby")
        await trio.sleep(10 + quiet)
        await web.request("channel_query_userlist", name="lobby", num=10)  # heard just now
        since = gateway_ms(stage)
        for account in ("ann", "web"):
            stage.world.road(account).block()
        await trio.sleep(HEARTBEAT / 2)
        assert (await stage.believed()).keys() == {"ann", "bob", "web"}
        await trio.sleep(1.5 * HEARTBEAT + ANSWER_SECONDS)
        assert await stage.believed() == stage.truth() == {"bob": "lobby"}
        gone = await ends(stage, since)
    assert gone.keys() == {(account, channel) for account in ("ann", "web") for channel in ("", "lobby")}
    assert max(gone.values()) <= BOUND_MS
    assert gone["web", ""] == pytest.approx(BOUND_MS / 2, abs=1000)  # this client never comes back to a session


@pytest.mark.parametrize("down", [0, 5, HEARTBEAT])
async def test_of_a_gateway_that_crashed_none_remain(down: float, autojump_clock: MockClock) -> None:
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(open_stage())
        for number in range(6):
            await stage.world.user(f"u{number}", channel="lobby")
            await stack.enter_async_context(WirePeer.connect(stage.world.connector, f"web{number}"))
        await trio.sleep(20)
        since = gateway_ms(stage)
        for account in [f"u{number}" for number in range(4)]:
            stage.world.road(account).block()
        await stage.world.restart_gateway(down_seconds=down, crash=True)
        await trio.sleep(2 * HEARTBEAT + ANSWER_SECONDS - down)
        assert await stage.believed() == stage.truth() == {"u4": "lobby", "u5": "lobby"}
        gone = await ends(stage, since)
    assert {account for account, _ in gone} == {*(f"u{n}" for n in range(4)), *(f"web{n}" for n in range(6))}
    assert max(gone.values()) <= BOUND_MS


async def test_a_gateway_that_crashes_again_and_again_keeps_nobody(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        for account in ("ann", "bob"):
            await stage.world.user(account, channel="lobby")
        stage.world.road("ann").block()
        for _ in range(5):
            await trio.sleep(HEARTBEAT / 2)
            await stage.world.restart_gateway(crash=True)
        await trio.sleep(HEARTBEAT + ANSWER_SECONDS)
        assert await stage.believed() == stage.truth() == {"bob": "lobby"}


async def test_while_the_daemon_hears_nothing_it_says_of_nobody_that_they_are_there(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        ann = await stage.world.user("ann", channel="lobby")
        await stage.world.user("bob", channel="lobby")
        await trio.sleep(20)
        since = gateway_ms(stage)
        stage.world.road("presence").block()
        await ann.session.logout()
        await trio.sleep(2 * HEARTBEAT)
        now = await stage.now()
        assert {one.account: one.status for one in now.people} == {"ann": "unknown", "bob": "unknown"}
        assert "nothing was read for" in now.unknown
        assert now.sizes() == {"": 0}
        await trio.sleep(4 * HEARTBEAT)
        stage.world.road("presence").open()
        await trio.sleep(HEARTBEAT + ANSWER_SECONDS)  # a client waits so long at most for its next attempt
        assert await stage.believed() == stage.truth() == {"bob": "lobby"}
        gone = await ends(stage, since)
        assert gone == {("ann", "lobby"): pytest.approx(0, abs=100), ("ann", ""): pytest.approx(0, abs=100)}
        assert [gap.from_ms for gap in await stage.records("gap")] == [None]  # the ledger had it all


async def test_of_a_gateway_that_does_not_come_back_nobody_is_said_to_be_there(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await stage.world.user("ann", channel="lobby")
        await trio.sleep(20)
        stage.world.road("ann").block()
        await stage.world.host.stop()
        await trio.sleep(2 * HEARTBEAT)
        assert [(one.account, one.status) for one in (await stage.now()).people] == [("ann", "unknown")]
        await stage.world.host.start()
        await trio.sleep(2 * HEARTBEAT + ANSWER_SECONDS)
        assert await stage.believed() == stage.truth() == {}
