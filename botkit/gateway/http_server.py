"""Serves an ASGI app on sockets that are open already: the gateway's HTTP side, and that of a process of bots."""

import trio
from hypercorn.config import Config, Sockets
from hypercorn.trio import serve
from starlette.applications import Starlette

from botkit.gateway.listeners import Listeners

STOP_SECONDS = 1.0


class _BoundConfig(Config):
    """Hypercorn on sockets that are open already, so that a port in use is our error and not its."""

    def __init__(self, listeners: Listeners, certificate: str, key: str) -> None:
        super().__init__()
        self._listeners = listeners
        self.accesslog = None
        self.errorlog = None
        self.include_server_header = False
        self.graceful_timeout = STOP_SECONDS
        if certificate:
            self.certfile, self.keyfile = certificate, key

    def create_sockets(self) -> Sockets:
        secure = [self._listeners.tls] if self._listeners.tls is not None else []
        return Sockets(secure_sockets=secure, insecure_sockets=[self._listeners.plain], quic_sockets=[])


async def serve_http(
    app: Starlette,
    listeners: Listeners,
    *,
    certificate: str = "",
    key: str = "",
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve ``app`` on ``listeners`` until cancelled; the caller closes them. ``certificate`` and ``key`` are files."""
    config = _BoundConfig(listeners, certificate, key)
    # Starlette's and Hypercorn's ASGI types spell the same protocol differently.
    await serve(app, config, task_status=task_status)  # type: ignore[arg-type]
