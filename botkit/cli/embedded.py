"""Gateways in the process of a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from botkit.errors import ConfigError, StoreError
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.observability.metrics import Meters
from botkit.stores.gateway import MEMORY_URL


async def start_gateway(nursery: trio.Nursery, settings: GatewaySettings, meters: Meters | None = None) -> Gateway:
    """Run a gateway in ``nursery``; returns when it accepts connections.

    Raises ``ConfigError`` as ``serve_gateway`` does, and for a store that cannot be opened (key ``gateway.store``).
    """
    try:
        gateway: Gateway = await nursery.start(partial(serve_gateway, settings, meters=meters))
    except StoreError as error:
        raise ConfigError(str(error), key="gateway.store", hint=f"name a new file, or {MEMORY_URL}") from error
    return gateway


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
        gateway = await start_gateway(nursery, settings)
        yield gateway.ws_url
        nursery.cancel_scope.cancel()
