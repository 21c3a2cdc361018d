"""A gateway for one command, when the command line names none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from botkit.gateway.server import serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings


@asynccontextmanager
async def open_gateway(url: str, credentials: AppCredentials) -> AsyncIterator[str]:
    """The address of a gateway: ``url``, or if that is empty, of a gateway of our own on a free loopback port.

    Our own one knows ``credentials`` and ends with the block.
    """
    if url:
        yield url
        return
    settings = GatewaySettings(apps=(credentials,), listen=Address("127.0.0.1", 0))
    async with trio.open_nursery() as nursery:
        gateway = await nursery.start(partial(serve_gateway, settings))
        yield gateway.ws_url
        nursery.cancel_scope.cancel()
