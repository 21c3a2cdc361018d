"""Connections that are lost beside the vendor's own clients, and theirs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from botkit.errors import ErrorCode
from botkit.events import ChannelMessage, InstantMessage, Reconnected
from botkit.signaling import LoginSession, Signal
from botkit.testing import TEST_APP
from tests.vendor.clients import PATIENCE, Sdk, next_event
from tests.vendor.drivers import Vendor
from tests.vendor.relay import Relay, open_relay
from tests.vendor.stage import CONNECTION_LOST, LOBBY, Stage

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow]


@pytest.fixture
async def relay(vendor: Vendor) -> AsyncIterator[Relay]:
    """A way to the gateway that can be cut."""
    async with open_relay(vendor.url) as relay:
        yield relay


@pytest.mark.parametrize("sdk", ["web", "python"])
async def test_nobody_sees_a_botkit_session_come_back(stage: Stage, relay: Relay, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    async with Signal(TEST_APP, relay.url).open_session("carol") as carol:
        lobby = await carol.join(LOBBY)
        for user in (ann, bob):
            await user.expect("user_joined", account="carol")
        relay.cut()
        await stage.say(ann, bob)
        await stage.say(bob, ann)
        for user in (ann, bob):
            await user.do("send", account="carol", text=f"are you there? {user.name}")
            await user.expect("sent", ok=True)
        relay.mend()
        assert (await next_event(carol, Reconnected)).resumed
        heard = await messages(carol, 4)
        assert [message.account for message in heard if isinstance(message, ChannelMessage)] == ["ann", "bob"]
        assert {message.account for message in heard if isinstance(message, InstantMessage)} == {"ann", "bob"}
        await lobby.send("here I am")
        for user in (ann, bob):
            await user.expect("channel_message", account="carol", text="here I am")
        for user in (ann, bob):
            assert not user.untaken("user_left")
            assert not user.untaken("user_joined")
        await stage.check_all_is_well()
    for user in (ann, bob):
        await user.expect("user_left", account="carol")


@pytest.mark.parametrize("sdk", ["web"])
async def test_banned_while_it_is_away(stage: Stage, relay: Relay, sdk: Sdk, tmp_path: Path) -> None:
    """The web SDK comes back by itself and is refused: its application is told, and it gives up."""
    async with Vendor(relay.url, tmp_path / "far").open_driver(sdk) as far:
        eve = far.user("eve")
        await eve.log_in()
        await stage.enter(eve)
        relay.cut()
        await eve.expect("state", state=CONNECTION_LOST)
        await stage.ann.expect("user_left", account="eve")
        await stage.moderator.ban("eve")
        relay.mend()
        await eve.expect("logged_out", code=int(ErrorCode.LOGOUT_E_NET))
        attempts = relay.attempts
        await trio.sleep(1)
        assert relay.attempts == attempts, "it does not try again"
        assert not eve.untaken("logged_in")
        assert not eve.untaken("login_failed")

        await stage.moderator.unban("eve")
        await eve.log_in()
        await stage.enter(eve)
        await stage.say(eve, stage.ann, stage.bob)
    await stage.check_all_is_well()


@pytest.mark.parametrize("sdk", ["web", "python"])
async def test_its_own_connection_is_lost(stage: Stage, relay: Relay, sdk: Sdk, tmp_path: Path) -> None:
    """The web SDK comes back by itself, the Python SDK's application logs in again: both are muted as before."""
    async with Vendor(relay.url, tmp_path / "far").open_driver(sdk) as far:
        eve = far.user("eve")
        await eve.log_in()
        await stage.enter(eve)
        await stage.moderator.mute("eve", channel=LOBBY)
        relay.cut()
        for user in (stage.ann, stage.bob):
            await user.expect("user_left", account="eve")
        await eve.expect("state", state=CONNECTION_LOST)
        relay.mend()
        if sdk == "web":
            await eve.expect("logged_in")
        else:
            await eve.log_in()
        await stage.say(stage.ann, stage.bob)
        await stage.catch_up(eve)
        assert not eve.untaken("channel_message"), "it is in no channel until it joins one again"
        await stage.enter(eve)
        await stage.say(stage.ann, stage.bob, eve)
        code, _ = await eve.ask_in_vain("channel_sendmsg", name=LOBBY, msg="unheard")
        assert code == int(ErrorCode.SENDMESSAGE_E_OTHER)
    await stage.check_all_is_well()


async def messages(session: LoginSession, count: int) -> list[ChannelMessage | InstantMessage]:
    """The next so many messages of both kinds."""
    heard: list[ChannelMessage | InstantMessage] = []
    with trio.fail_after(PATIENCE):
        while len(heard) < count:
            event = await session.receive_event()
            if isinstance(event, ChannelMessage | InstantMessage):
                heard.append(event)
    return heard
