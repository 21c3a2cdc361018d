"""The vendor's own clients as servers that sit in the special channels: what they read is what the ledger says."""

import pytest

from botkit.errors import ErrorCode
from botkit.wire.ledger import LedgerEvent, decode_event
from botkit.wire.limits import CHANNEL_EVENT_CHANNEL, USER_ONLINE_CHANNEL
from tests.vendor.clients import Sdk
from tests.vendor.drivers import Vendor
from tests.vendor.stage import Stage, expect_logout

pytestmark = [pytest.mark.row("W07"), pytest.mark.slow, pytest.mark.parametrize("sdk", ["web", "python"])]

HALL = 'the "hall" \\ 漢字 😀'
EVE = 'eve"\\-漢字-😀'
NOT_SENT = int(ErrorCode.SENDMESSAGE_E_OTHER)
STORY = {
    USER_ONLINE_CHANNEL: [("user_online", "", ""), ("user_offline", "", "banned")],
    CHANNEL_EVENT_CHANNEL: [
        ("channel_join", HALL, ""),
        ("channel_leave", HALL, "kicked"),
        ("channel_join", HALL, ""),
        ("channel_leave", HALL, "banned"),
    ],
}


@pytest.mark.parametrize(
    ("special", "kinds"),
    [
        (USER_ONLINE_CHANNEL, {"user_online", "user_offline"}),
        (CHANNEL_EVENT_CHANNEL, {"channel_join", "channel_leave"}),
    ],
)
async def test_everything_is_read_in_a_special_channel(
    stage: Stage, vendor: Vendor, sdk: Sdk, special: str, kinds: set[str]
) -> None:
    async with vendor.open_driver(sdk) as feeds:
        feed = feeds.user("server-feed")
        await feed.log_in()
        await feed.do("join", channel=special)
        await feed.expect("user_list", users=[["server-feed", feed.heard("logged_in")[0]["uid"]]])
        read_from = (await stage.moderator.read_online()).seq

        eve = feeds.user(EVE)
        await eve.log_in()
        await stage.enter(eve, HALL)
        await stage.moderator.kick(EVE, HALL, reason="out")
        await stage.enter(eve, HALL)
        await stage.moderator.ban(EVE, reason="out, 漢字")
        await expect_logout(eve, sdk)
        await stage.enter(stage.bob, HALL)
        await stage.moderator.close_channel(HALL)
        await stage.enter(stage.bob)
        await stage.catch_up(feed)

        read = [decode_event(str(told["text"])) for told in feed.heard("channel_message")]
        written = (await stage.moderator.read_ledger(await epoch(stage), read_from)).events
        assert read == [event for event in written if event.event in kinds]
        assert [(event.account, event.uid) for event in read] == [
            (told["account"], told["uid"]) for told in feed.heard("channel_message")
        ]
        assert [(event.event, event.channel, event.reason) for event in about(EVE, read)] == STORY[special]

        assert (await feed.ask_in_vain("channel_sendmsg", name=special, msg="unheard"))[0] == NOT_SENT
        await feed.do("send", account="ann", text="from a server")
        await stage.ann.expect("instant", account="server-feed", text="from a server")
        assert len(feed.heard("logged_in")) == 1
    await stage.check_all_is_well()


async def test_it_is_for_servers_only(stage: Stage, sdk: Sdk) -> None:
    for special in STORY:
        await stage.ann.do("join", channel=special)
        failed = await stage.ann.expect("join_failed")
        assert failed["reason"] in (int(ErrorCode.JOINCHANNEL_E_OTHER), f"{special} is for server accounts only")
    await stage.enter(stage.ann)
    await stage.check_all_is_well()
    assert not stage.bob.untaken("user_left"), "a refused join leaves it where it was"


async def epoch(stage: Stage) -> str:
    """The ledger's epoch now."""
    return (await stage.moderator.read_online()).epoch


def about(account: str, events: list[LedgerEvent]) -> list[LedgerEvent]:
    """Those of one account."""
    return [event for event in events if event.account == account]
