"""The presence bot on a real gateway: who is there, with reasons, and what it does when something is missing."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import BotPlacement, LoggedOut
from botkit.gateway.settings import GatewaySettings
from botkit.testing import open_world
from bots.presence import bot
from tests.bots.presence.presence_stage import open_stage, settings_for

pytestmark = pytest.mark.row("E02")


async def test_a_login_has_a_session_and_an_end_with_a_reason(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await trio.sleep(1)
        async with stage.world.visitor("ann", channel="lobby") as ann:
            await trio.sleep(2)
            await ann.join("room")
            await trio.sleep(1)
            assert await stage.believed() == stage.truth() == {"ann": "room"}
        await trio.sleep(1)
        records = [record for record in await stage.records() if record.account == "ann"]
    assert [(record.event, record.channel, record.reason) for record in records] == [
        ("online", "", ""),
        ("joined", "lobby", ""),
        ("left", "lobby", "moved"),
        ("joined", "room", ""),
        ("left", "room", "logout"),
        ("offline", "", "logout"),
    ]
    assert {record.session for record in records} == {f"{records[0].epoch}-{records[0].seq}"}
    assert records[2].ms - (records[2].since_ms or 0) == pytest.approx(2000, abs=20)
    assert not any(record.uncertain for record in records)


async def test_each_login_has_a_session_of_its_own(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        for _ in range(2):
            async with stage.world.visitor("ann"):
                await trio.sleep(1)
        await trio.sleep(1)
        first, first_end, second, second_end = await stage.records("online", "offline")
    assert (first.session, second.session) == (first_end.session, second_end.session)
    assert first.session != second.session


async def test_a_lost_network_is_a_reason(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await stage.world.user("ann", channel="lobby")
        stage.world.road("ann").block()
        await trio.sleep(90)
        assert ("offline", "ann", "", "disconnected") in await stage.told()
        assert ("left", "ann", "lobby", "disconnected") in await stage.told()


async def test_a_login_elsewhere_is_a_reason(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        ann = await stage.world.user("ann", channel="lobby")
        await stage.world.displace("ann")
        await ann.expect(LoggedOut)
        await trio.sleep(1)
        assert ("offline", "ann", "", "replaced") in await stage.told()
        assert ("left", "ann", "lobby", "replaced") in await stage.told()


async def test_a_kick_and_a_ban_are_reasons(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await stage.world.user("ann", channel="lobby")
        await stage.world.kick("ann", "lobby")
        await trio.sleep(1)
        assert await stage.believed() == {"ann": ""}
        await stage.world.ban("ann")
        await trio.sleep(1)
        assert [one for one in await stage.told() if one[1] == "ann"][-2:] == [
            ("left", "ann", "lobby", "kicked"),
            ("offline", "ann", "", "banned"),
        ]


async def test_a_token_that_runs_out_is_a_reason(autojump_clock: MockClock) -> None:
    async with open_stage(certificate="secret") as stage:
        stage.world.token_seconds = 60
        await stage.world.user("ann")
        await trio.sleep(90)
        assert ("offline", "ann", "", "expired") in await stage.told()


@pytest.mark.row("E18")
async def test_the_watcher_is_in_no_user_list(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        ann = await stage.world.user("ann", channel="lobby")
        await trio.sleep(1)
        assert await stage.believed() == {"ann": "lobby"}
        assert list(ann.session.channel.members) == ["ann"] if ann.session.channel else False
        for channel in ("lobby", "room"):
            listed = await ann.session.list_channel_users(channel)
            assert [account for account, _ in listed] == (["ann"] if channel == "lobby" else [])
            assert await ann.session.query_channel_count(channel) == len(listed)
        assert [one.account for one in (await stage.now()).people] == ["ann"]


@pytest.mark.row("E07")
async def test_who_was_there_before_it_is_found_and_before_that_nothing_is_known(autojump_clock: MockClock) -> None:
    async with open_stage(runs=False) as stage, stage.world.visitor("ann", channel="lobby"):
        await trio.sleep(1)
        async with stage.daemon():
            await trio.sleep(5)
            assert await stage.believed() == {"ann": "lobby"}
            gap, online, joined, snapshot = await stage.records()
            assert (gap.event, gap.from_ms, snapshot.event, snapshot.found) == ("gap", None, "snapshot", 2)
            assert online.uncertain
            assert joined.uncertain
            assert await stage.queries.status("ann", "", online.ms - 1) == "unknown"
            assert await stage.queries.status("ann", "", online.ms) == "online"


@pytest.mark.row("E07")
async def test_after_a_gap_it_is_true_again_who_is_there(autojump_clock: MockClock) -> None:
    async with open_stage(gateway=GatewaySettings(apps=(), ledger_events=1)) as stage:
        bob = await stage.world.user("bob", channel="lobby")
        async with stage.world.visitor("ann", channel="lobby"):
            await trio.sleep(5)
            stage.world.road("presence").block()
            await trio.sleep(5)
        await bob.join("garden")
        await trio.sleep(70)  # the ledger is trimmed meanwhile
        stage.world.road("presence").open()
        await trio.sleep(60)
        assert await stage.believed() == stage.truth() == {"bob": "garden"}
        told = [(one.event, one.account, one.channel, one.uncertain) for one in await stage.records()]
    assert told[-6:] == [
        ("gap", "", "", False),
        ("left", "bob", "lobby", True),
        ("joined", "bob", "garden", False),
        ("left", "ann", "lobby", True),
        ("offline", "ann", "", True),
        ("snapshot", "", "", False),
    ]


@pytest.mark.row("E07")
async def test_a_gateway_without_its_past_is_a_gap(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await stage.world.user("ann", channel="lobby")
        await trio.sleep(1)
        stage.world.host.forget()
        await stage.world.restart_gateway(crash=True)
        await trio.sleep(60)
        assert await stage.believed() == stage.truth() == {"ann": "lobby"}
        gaps = await stage.records("gap")
    assert [gap.reason for gap in gaps][1:] == ["a new epoch of the ledger began"]


async def test_without_the_role_it_says_so_once(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        placement = BotPlacement(bot=bot, account="presence", settings=settings_for())
        async with open_world(placement):
            await trio.sleep(30)
    said = [entry for entry in logs if entry["event"] == "the gateway does not tell who is there"]
    assert len(said) == 1
    assert "server_accounts" in str(said[0]["hint"])
