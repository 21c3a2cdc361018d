"""The gateway is killed under the vendor's own clients and started again on its store: who comes back, and to what."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.errors import ErrorCode
from botkit.events import MessageHeld, Reconnected
from tests.gateway_fire.process import GatewayProcess, open_gateway_process
from tests.vendor.clients import Sdk, next_event
from tests.vendor.drivers import Vendor
from tests.vendor.stage import CONNECTION_LOST, LOBBY, MODERATOR, Stage, expect_refusal

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow, pytest.mark.parametrize("sdk", ["web", "python"])]

NOT_SENT = int(ErrorCode.SENDMESSAGE_E_OTHER)


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway that can be killed."""
    async with open_gateway_process(tmp_path) as process:
        yield process


@pytest.fixture
async def vendor(installed: None, process: GatewayProcess, tmp_path: Path) -> Vendor:
    """The vendor's clients for that gateway."""
    return Vendor(process.url, tmp_path / "logs")


async def test_sanctions_hold_over_a_restart(stage: Stage, vendor: Vendor, process: GatewayProcess, sdk: Sdk) -> None:
    ann, bob = stage.ann, stage.bob
    await ann.do("set_attribute", name="topic", value="漢字")
    await bob.expect("attribute", name="topic")
    await stage.moderator.mute("ann", channel=LOBBY, reason="spam")
    await stage.moderator.ban("eve", reason="enough")
    await stage.moderator.hold(LOBBY, budget=10)

    await process.kill()
    users = {"web": ann, "python": bob} if sdk == "web" else {"web": bob, "python": ann}
    for user in users.values():
        await user.expect("state", state=CONNECTION_LOST)
    await users["python"].start_login()  # it does not come back by itself, but this is tried until there is a gateway
    await process.start()
    for user in users.values():
        await user.expect("logged_in")
    assert (await next_event(stage.moderator, Reconnected)).resumed
    seen = {online.account: online.channel for online in await stage.moderator.list_online()}
    assert seen == {"ann": "", "bob": "", MODERATOR: ""}, "neither SDK joins its channel again"

    async with vendor.open_driver(sdk) as eves:
        eve = eves.user("eve")
        await eve.start_login()
        await expect_refusal(eve, sdk)
    for user in (ann, bob):
        await stage.enter(user)
        await user.expect("attribute", name="topic", value="漢字", kind="update")
    assert await ann.ask_in_vain("channel_sendmsg", name=LOBBY, msg="unheard") == (NOT_SENT, "muted: spam")
    await bob.do("say", text="held")
    held = await next_event(stage.moderator, MessageHeld)
    await stage.moderator.judge(held.number, "replace", text="still held")
    for user in (ann, bob):
        await user.expect("channel_message", account="bob", text="still held")

    await stage.moderator.unmute("ann", channel=LOBBY)
    await stage.moderator.release(LOBBY)
    await stage.check_all_is_well(logins=2, bobs_logins=2)
