"""Runs the HTTP side beside the bots."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from botkit.actor.tree import TreeNode
from botkit.app.app import App
from botkit.gateway.http_server import serve_http
from botkit.gateway.listeners import open_listeners
from botkit.gateway.settings import Address
from botkit.observability.metrics import Meters
from botkit.operations.http import create_operations_app
from botkit.transport.background import open_background

LISTEN_KEY = "operations.listen"


@asynccontextmanager
async def open_operations(address: Address | None, apps: Sequence[App], meters: Meters) -> AsyncIterator[str]:
    """Answer on ``address`` until the end of the block, with what ``apps`` say at the time; gives the URL.

    Without an address nothing is served, and the URL is empty. Raises ``ConfigError`` (key ``operations.listen``) when
    the port is in use.
    """
    if address is None:
        yield ""
        return

    def not_ready() -> list[str]:
        if not apps:
            return ["starting"]
        several = len(apps) > 1
        return [
            f"app {app.signal.app_id}: {problem}" if several else problem for app in apps for problem in app.not_ready()
        ]

    def tree() -> TreeNode:
        return TreeNode(kind="process", name="botkit", state="running", children=tuple(app.tree() for app in apps))

    with open_listeners(address, LISTEN_KEY, tls=False) as listeners:
        served = create_operations_app(meters=meters, not_ready=not_ready, tree=tree)
        async with open_background() as nursery:
            await nursery.start(serve_http, served, listeners)
            yield f"http://{listeners.address}/"
