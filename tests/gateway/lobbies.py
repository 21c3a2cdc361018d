"""Members of one channel who have been told of one another."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from botkit.gateway.server import Gateway
from botkit.testing import WirePeer

UPDATE = "channel_set_attr"


@asynccontextmanager
async def lobby(gateway: Gateway, *accounts: str) -> AsyncIterator[list[WirePeer]]:
    """Members of ``lobby``, with nothing left to read."""
    async with AsyncExitStack() as stack:
        peers: list[WirePeer] = []
        for account in accounts:
            peer = await stack.enter_async_context(WirePeer.connect(gateway.connector, account))
            await peer.request("channel_join", name="lobby")
            for other in peers:
                assert (await other.next_notice()).kind == "channel_user_join"
            peers.append(peer)
        yield peers


async def set_attribute(peer: WirePeer, name: str, value: str) -> None:
    """Set an attribute of ``lobby``."""
    await peer.request(UPDATE, channel="lobby", name=name, value=value)
