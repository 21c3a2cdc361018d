"""``send_channel_msg`` of the vendor's Python SDK, unchanged: a message into a channel without joining it."""

import msgspec
import pytest

from botkit.gateway.server import Gateway
from botkit.testing import TEST_APP
from botkit.types import JsonObject
from tests.vendor.clients import VendorUser
from tests.vendor.stage import LOBBY, Stage

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow, pytest.mark.parametrize("sdk", ["python"])]


async def shout(user: VendorUser, channel: str, text: str) -> tuple[object, object]:
    """Write into a channel from outside: (0, "") when it was delivered, else code and reason."""
    await user.do("shout", channel=channel, text=text)
    answer: JsonObject = (await user.expect("shouted"))["answer"]  # type: ignore[assignment]
    return answer.get("code", 0), answer.get("reason", "")


async def test_it_is_refused_unless_the_app_allows_it(stage: Stage) -> None:
    ann, bob = stage.ann, stage.bob
    await ann.do("leave")
    await ann.expect("left")
    assert await shout(ann, LOBBY, "unheard") == (400, "not a member of the lobby")
    await stage.enter(ann)
    assert await shout(ann, LOBBY, "from inside") == (0, "")
    for user in (ann, bob):
        await user.expect("channel_message", account="ann", text="from inside")
    await stage.check_all_is_well()
    assert not [told for told in bob.heard("channel_message") if told["text"] == "unheard"]


async def test_where_it_is_allowed_a_moderator_still_has_the_last_word(stage: Stage, gateway: Gateway) -> None:
    ann, bob = stage.ann, stage.bob
    hub = gateway.hubs[TEST_APP]
    hub.app = msgspec.structs.replace(hub.app, allow_force=True)
    await ann.do("leave")
    await ann.expect("left")
    assert await shout(ann, LOBBY, "from outside") == (0, "")
    await bob.expect("channel_message", account="ann", text="from outside")

    await stage.moderator.hold(LOBBY)
    assert await shout(ann, LOBBY, "unheard") == (400, "the lobby is held by a moderator: join it")
    await stage.moderator.release(LOBBY)
    await stage.moderator.mute("ann", channel=LOBBY, reason="spam")
    assert await shout(ann, LOBBY, "unheard") == (400, "muted: spam")
    await stage.moderator.unmute("ann", channel=LOBBY)
    await stage.enter(ann)
    await stage.moderator.kick("ann", LOBBY)
    assert await shout(ann, LOBBY, "unheard") == (400, "put out of the lobby: join it again")
    await stage.moderator.close_channel(LOBBY)
    assert await shout(ann, LOBBY, "unheard") == (400, "nobody is in the lobby")

    await stage.catch_up(ann)
    assert not ann.untaken("channel_message")
    for user in (ann, bob):
        await stage.enter(user)
    await stage.check_all_is_well()
    assert not [told for told in bob.heard("channel_message") if told["text"] == "unheard"]
