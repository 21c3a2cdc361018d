"""The vendor's web SDK says by itself that it takes binary messages: what it makes of the deflated ones it gets."""

from contextlib import AsyncExitStack

import pytest

from botkit.gateway import connection, fanout
from botkit.gateway.framing import DEFLATE_UP_TO, compact_frame
from botkit.gateway.server import Gateway
from botkit.testing import WirePeer
from tests.vendor.clients import Sdk
from tests.vendor.drivers import Vendor

pytestmark = [
    pytest.mark.row("W07"),
    pytest.mark.slow,
    pytest.mark.parametrize("ann_sdk", ["web"]),
    pytest.mark.parametrize("bob_sdk", ["python"]),
]

STORY = 'grüß dich, 漢字 😀 "two"  blanks\\ '
BINARY = 0x82


@pytest.fixture
def deflated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the messages that went out deflated, as they are gathered."""
    sizes = []

    def watched(payload: bytes) -> bytes:
        frame = compact_frame(payload)
        if frame[0] == BINARY:
            sizes.append(len(payload))
        return frame

    monkeypatch.setattr(fanout, "compact_frame", watched)
    monkeypatch.setattr(connection, "compact_frame", watched)
    return sizes


async def test_a_large_message_reaches_both_sdks(
    vendor: Vendor, ann_sdk: Sdk, bob_sdk: Sdk, deflated: list[int]
) -> None:
    async with vendor.open_driver(ann_sdk) as anns, vendor.open_driver(bob_sdk) as bobs:
        ann, bob = anns.user("ann"), bobs.user("bob")
        for user in (ann, bob):
            await user.log_in()
            await user.do("join", channel="lobby")
            await user.expect("joined")
        text = STORY * 150
        await bob.do("say", text=text)
        await bob.expect("channel_message", account="bob", text=text)
        await ann.expect("channel_message", account="bob", text=text)
        assert len(deflated) == 1
        await bob.do("send", account="ann", text=text)
        await ann.expect("instant", account="bob", text=text)
        assert len(deflated) == 2
        await bob.do("say", text="short")
        await ann.expect("channel_message", text="short")
        assert len(deflated) == 2


async def test_a_full_user_list(
    vendor: Vendor, gateway: Gateway, ann_sdk: Sdk, bob_sdk: Sdk, deflated: list[int]
) -> None:
    async with AsyncExitStack() as stack:
        for number in range(250):
            member = await stack.enter_async_context(WirePeer.connect(gateway.connector, f"member-{number}"))
            await member.request("channel_join", name="crowd")
        anns = await stack.enter_async_context(vendor.open_driver(ann_sdk))
        ann = anns.user("ann")
        await ann.log_in()
        await ann.do("join", channel="crowd")
        await ann.expect("joined")
        told = (await ann.expect("user_list"))["users"]
        assert isinstance(told, list)
        assert len(told) == 200
        assert len(deflated) == 1


@pytest.mark.parametrize("size", [3000, 3900, 8192])
async def test_a_full_page_of_the_inbox(
    vendor: Vendor, gateway: Gateway, ann_sdk: Sdk, bob_sdk: Sdk, deflated: list[int], *, size: int
) -> None:
    """About 90,000 bytes, almost all that this SDK can inflate, and more than that, which has to go as text."""
    async with vendor.open_driver(ann_sdk) as anns, WirePeer.connect(gateway.connector, "bob") as bob:
        texts = [f"{number:04}" + "ä" * ((size - 4) // 2) for number in range(30)]
        for text in texts:
            await bob.request("user_sendmsg", peer="ann", flag="v1:E:60", t="instant", content=text)
        ann = anns.user("ann")
        await ann.log_in()
        for text in texts:
            await ann.expect("instant", account="bob", text=text)
        page = 30 * size
        assert (max(deflated, default=0) > page) is (page < DEFLATE_UP_TO)
