"""A gateway for one test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import trio

from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.stores.gateway import GatewayStore
from botkit.types import AppId

TEST_APP = AppId("test-app")


@asynccontextmanager
async def open_test_gateway(
    settings: GatewaySettings | None = None,
    *,
    server_accounts: tuple[str, ...] = ("server*", "botkit-feed-*"),
    certificate: str = "",
    store: GatewayStore | None = None,
) -> AsyncIterator[Gateway]:
    """Run a gateway for the app ``TEST_APP`` until the end of the block; reach it by ``gateway.connector``.

    ``settings`` gives limits and addresses (its apps, if any, are replaced); ``store`` lets a second gateway start
    where the first one ended.
    """
    app = AppCredentials(id=TEST_APP, certificate=certificate, server_accounts=server_accounts)
    settings = msgspec.structs.replace(settings or GatewaySettings(apps=()), apps=(app,))
    async with trio.open_nursery() as nursery:

        async def serve(*, task_status: trio.TaskStatus[Gateway]) -> None:
            await serve_gateway(settings, store=store, task_status=task_status)

        yield await nursery.start(serve)
        nursery.cancel_scope.cancel()
