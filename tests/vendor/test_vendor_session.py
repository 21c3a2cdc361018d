"""The vendor's own clients, byte for byte as published, against the gateway: with one another, across the two SDKs."""

import json

import pytest

from tests.vendor.clients import Sdk, VendorUser, parsed
from tests.vendor.drivers import Vendor

pytestmark = [
    pytest.mark.row("W07"),
    pytest.mark.slow,
    pytest.mark.parametrize("ann_sdk", ["web", "python"]),
    pytest.mark.parametrize("bob_sdk", ["web", "python"]),
]

TEXT = "grüß dich, 漢字 😀  two blanks"


async def log_in_both(ann: VendorUser, bob: VendorUser) -> tuple[int, int]:
    """Both log in; their uids."""
    return await ann.log_in(), await bob.log_in()


async def join_both(ann: VendorUser, bob: VendorUser, channel: str) -> None:
    """Ann joins, then Bob; everybody is told what the documents say."""
    await ann.do("join", channel=channel)
    await ann.expect("joined")
    await ann.expect("user_list")
    await bob.do("join", channel=channel)
    await bob.expect("joined")
    await bob.expect("user_list")
    await ann.expect("user_joined", account="bob")


async def test_a_session_from_login_to_logout(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        ann_uid, bob_uid = await log_in_both(ann, bob)
        assert ann_uid != bob_uid
        await ann.do("status")
        await ann.expect("status", status=2)

        await ann.do("send", account="bob", text=TEXT)
        await bob.expect("instant", account="ann", text=TEXT)
        await ann.expect("sent", ok=True)
        await bob.do("send", account="ann", text="")
        await ann.expect("instant", account="bob", text="")
        await bob.expect("sent", ok=True)

        await join_both(ann, bob, "the lobby")
        await ann.do("say", text=TEXT)
        for user in (ann, bob):
            await user.expect("channel_message", account="ann", uid=ann_uid, text=TEXT)
        await bob.do("say", text="hi")
        for user in (ann, bob):
            await user.expect("channel_message", account="bob", uid=bob_uid, text="hi")

        await bob.do("leave")
        await bob.expect("left")
        await ann.expect("user_left", account="bob", uid=bob_uid)
        await ann.do("say", text="alone?")
        await ann.expect("channel_message", text="alone?")

        await bob.do("logout")
        await bob.expect("logged_out", code=101)
        await ann.do("logout")
        await ann.expect("logged_out", code=101)
        assert not bob.untaken("channel_message"), "nothing reaches who left"
        assert not ann.untaken("user_joined"), "one's own joining is for the others"


async def test_attributes(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        await log_in_both(ann, bob)
        await ann.do("join", channel="lobby")
        await ann.expect("joined")
        await ann.do("set_attribute", name="topic", value=TEXT)
        await ann.expect("attribute", name="topic", value=TEXT, kind="update")
        await bob.do("join", channel="lobby")
        await bob.expect("joined")
        await bob.expect("attribute", name="topic", value=TEXT, kind="update")
        await bob.do("set_attribute", name="mood", value="good")
        await bob.do("delete_attribute", name="topic")
        await bob.do("clear_attributes")
        for user in (ann, bob):
            await user.expect("attribute", name="mood", value="good", kind="update")
            await user.expect("attribute", name="topic", kind="del")
            await user.expect("attribute", kind="clear")

        await ann.ask("user_set_attr", name="mood", value=TEXT)
        assert (await bob.ask("user_get_attr", account="ann", name="mood"))[1]["value"] == TEXT
        error, answer = await bob.ask("user_get_attr_all", account="ann")
        assert (error, parsed(answer["json"])) == ("", {"mood": TEXT})


async def test_questions(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        ann_uid, bob_uid = await log_in_both(ann, bob)
        await join_both(ann, bob, "lobby")
        assert (await ann.ask("user_query_user_status", account="bob"))[1]["status"] == 1
        assert (await ann.ask("user_query_user_status", account="nobody"))[1]["status"] == 0
        assert (await ann.ask("channel_query_num", name="lobby"))[1]["num"] == 2
        assert (await ann.ask("channel_query_num", name="empty"))[1]["num"] == 0
        assert (await ann.ask("channel_query_user_isin", name="lobby", account="bob"))[1]["isin"] == 1
        assert (await ann.ask("channel_query_user_isin", name="lobby", account="nobody"))[1]["isin"] == 0
        for func in ("channel_query_userlist", "channel_query_userlist_all"):
            error, users = await ann.ask(func, name="lobby")
            assert (error, users["num"]) == ("", 2)
            assert isinstance(users["list"], list)
            assert [["ann", ann_uid], ["bob", bob_uid]] == sorted(users["list"], key=str)
        error, refused = await ann.ask("no_such_function")
        assert error or refused["result"] == "failed"


async def test_a_full_inbox_comes_whole_and_in_order(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        await ann.log_in()
        for number in range(50):
            await ann.do("send", account="bob", text=f"message {number}")
            await ann.expect("sent", ok=True)
        await bob.log_in()
        for _ in range(50):
            await bob.expect("instant", account="ann")
        await ann.do("send", account="bob", text="last")
        await bob.expect("instant", text="last")
        assert not bob.untaken("instant"), "each message comes once"


async def test_in_one_channel_at_a_time(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        await log_in_both(ann, bob)
        await join_both(ann, bob, "first")
        await bob.do("join", channel="second")
        await bob.expect("joined")
        await ann.expect("user_left", account="bob")
        await ann.do("say", text="only here")
        await ann.expect("channel_message", text="only here")
        await bob.do("say", text="only there")
        await bob.expect("channel_message", text="only there")
        assert not ann.untaken("channel_message")
        assert not bob.untaken("channel_message")


async def test_a_second_login_ends_the_first(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as firsts, vendor.open_driver(bob_sdk) as seconds:
        first, second = firsts.user("ann"), seconds.user("ann")
        assert await first.log_in() == await second.log_in()
        if ann_sdk == "web":
            await first.expect("logged_out", code=103)
        else:  # it has no call-back for this: its connection is gone
            await first.expect("state", state=3)
        await second.do("send", account="ann", text="to myself")
        await second.expect("instant", text="to myself")
        assert not second.untaken("logged_out"), "the kicked side does not fight back"


async def test_a_call_from_ringing_to_its_end(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        await log_in_both(ann, bob)
        extra = json.dumps({"media": "audio", "any": [TEXT]})
        await ann.do("invite", channel="room", peer="bob", extra=extra)
        await bob.expect("invited", channel="room", peer="ann", extra=extra)
        await ann.expect("ringing")
        await bob.do("accept", channel="room", peer="ann", extra='{"yes": 1}')
        # The Python SDK accepts with the invitation's extra, whatever it is told.
        await ann.expect("accepted", extra='{"yes": 1}' if bob_sdk == "web" else extra)
        if ann_sdk == "web":
            await ann.do("press", channel="room", peer="bob", digits="12#*")
            message = await bob.expect("call_message")
            assert parsed(message["extra"]) == {"msgtype": "dtmf", "msgdata": "12#*"}
        await bob.do("end", channel="room", peer="ann", extra="")
        await ann.expect("ended_by_peer")
        await bob.expect("ended_by_myself")
        await ann.do("invite", channel="room", peer="bob", extra="")
        await bob.expect("invited", channel="room", peer="ann")
        await bob.do("refuse", channel="room", peer="ann", extra="")
        await ann.expect("refused")
        assert not ann.untaken("call_failed")


async def test_calls_that_fail(vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        await log_in_both(ann, bob)
        await ann.do("invite", channel="room", peer="nobody", extra='{"_require_peer_online": 1}')
        await ann.expect("call_failed", peer="nobody")
        await ann.do("invite", channel="room", peer="bob", extra='{"_timeout": 1}')
        await bob.expect("invited")
        await ann.expect("call_failed", peer="bob")
        assert not ann.untaken("call_failed"), "a failure is told once"
