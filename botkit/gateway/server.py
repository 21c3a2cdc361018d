"""How a gateway starts and stops: its store, its ports, its tasks, its goodbye."""

import ssl
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

import trio

from botkit.gateway.gateway import Gateway
from botkit.gateway.http_server import serve_http
from botkit.gateway.listeners import Listeners, accept_links, open_listeners
from botkit.gateway.settings import Address, GatewaySettings
from botkit.gateway.tls import TlsLink, load_tls
from botkit.observability.metrics import Meters
from botkit.stores.gateway import GatewayStore, Snapshot, open_gateway_store
from botkit.transport.links import Link

STOP_SECONDS = 2.0

__all__ = ["STOP_SECONDS", "Gateway", "serve_gateway"]


class _Listeners(NamedTuple):
    websocket: Listeners | None
    http: Listeners | None


class _Start(NamedTuple):
    settings: GatewaySettings
    store: GatewayStore
    snapshot: Snapshot
    meters: Meters
    listeners: _Listeners
    tls: ssl.SSLContext | None


async def serve_gateway(
    settings: GatewaySettings,
    *,
    meters: Meters | None = None,
    store: GatewayStore | None = None,
    task_status: trio.TaskStatus[Gateway] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a gateway until cancelled; ``task_status`` gets the ``Gateway`` once it accepts connections.

    Without ``settings.listen`` it is reached through ``Gateway.connector`` only. ``store`` overrides
    ``settings.store``. Raises ``ConfigError`` for settings that are unsafe or a port in use (keys ``gateway.listen``
    and ``gateway.http``), ``StoreError`` when the store cannot be read. A cancel closes all connections with 1001,
    makes durable what was promised, and leaves no task behind.
    """
    settings.check()
    async with AsyncExitStack() as resources:
        tls = bool(settings.tls_certificate)
        listeners = _Listeners(
            _open(resources, settings.listen, "gateway.listen", tls),
            _open(resources, settings.http, "gateway.http", tls),
        )
        if store is None:
            store = await resources.enter_async_context(open_gateway_store(settings.store))
        start = _Start(
            settings,
            store,
            await store.load(),
            meters or Meters(),
            listeners,
            load_tls(settings.tls_certificate, settings.tls_key) if tls else None,
        )
        gateway: Gateway | None = None
        running = trio.CancelScope(shield=True)  # peers are served until the goodbye is said, whoever cancels us
        async with trio.open_nursery() as nursery:
            try:
                gateway = await nursery.start(_run, start, running)
                task_status.started(gateway)
                await trio.sleep_forever()
            finally:
                if gateway is not None:
                    with trio.move_on_after(STOP_SECONDS, shield=True):
                        await gateway.stop()
                    gateway.leave_meters()
                running.cancel()


def _open(resources: AsyncExitStack, address: Address | None, key: str, tls: bool) -> Listeners | None:
    return resources.enter_context(open_listeners(address, key, tls=tls)) if address is not None else None


async def _run(start: _Start, running: trio.CancelScope, *, task_status: trio.TaskStatus[Gateway]) -> None:
    listeners, tls = start.listeners, start.tls
    with running:
        async with trio.open_nursery() as nursery:
            gateway = Gateway(start.settings, start.store, start.meters, nursery)
            gateway.load(start.snapshot)
            nursery.start_soon(gateway.run)
            if listeners.websocket is not None:
                gateway.ws_address = listeners.websocket.address
                failed = gateway.counters.failed_accepts
                nursery.start_soon(accept_links, listeners.websocket.plain, gateway.accept, failed)
                if listeners.websocket.tls is not None and tls is not None:
                    accept_tls = partial(_accept_tls, gateway, tls)
                    nursery.start_soon(accept_links, listeners.websocket.tls, accept_tls, failed)
            if listeners.http is not None:
                gateway.http_address = listeners.http.address
                certificate, key = start.settings.tls_certificate, start.settings.tls_key
                serve = partial(serve_http, certificate=certificate, key=key)
                await nursery.start(serve, gateway.http_app(), listeners.http)
            task_status.started(gateway)


def _accept_tls(gateway: Gateway, tls: ssl.SSLContext, link: Link) -> None:
    gateway.accept(TlsLink(link, tls))
