"""The gateway's HTTP side: address discovery for clients, health, metrics."""

from collections.abc import Callable

import structlog
import trio
from hypercorn.config import Config, Sockets
from hypercorn.trio import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from botkit.gateway.listeners import Listeners
from botkit.gateway.settings import Address, GatewaySettings
from botkit.observability.metrics import Counter, Meters

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")

CORS = {"Access-Control-Allow-Origin": "*"}
"""Web clients look addresses up from whatever page they are on, and fail without this (201)."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STOP_SECONDS = 1.0
ANY_HOST = frozenset({"0.0.0.0", "::", ""})


def create_http_app(
    settings: GatewaySettings,
    *,
    websocket_address: Callable[[], Address | None],
    meters: Meters,
    health: Callable[[], str],
    sessions: Callable[[], int],
    errors: Counter,
) -> Starlette:
    """The ASGI app with ``/getaddr?vid=APPID``, ``/healthz`` and ``/metrics``.

    ``health`` names what is wrong (503), or nothing. ``websocket_address`` tells where WebSockets are accepted. The
    vendor's Python SDK connects to that port, the web SDKs to the port after it by TLS, so the port is a number in the
    answer and never a text.
    """

    app_ids = frozenset(app.id for app in settings.apps)
    wx_offset = 1 if settings.tls_certificate else 0  # mini programs speak TLS only, to the address as it stands

    async def getaddr(request: Request) -> Response:
        if request.query_params.get("vid") not in app_ids:
            return JSONResponse({"error": "unknown app id: vid must be one of this gateway's"}, 404, CORS)
        address = websocket_address()
        if address is None:
            return JSONResponse({"error": "this gateway takes no connections from outside"}, 503, CORS)
        host = address.host
        if host in ANY_HOST:
            server = request.scope.get("server")
            host = server[0] if server else "127.0.0.1"
        web = [[host, address.port]]
        return JSONResponse({"web": web, "web2": web, "wx_web": [f"{host}:{address.port + wx_offset}/"]}, headers=CORS)

    async def healthz(_request: Request) -> Response:
        trouble = health()
        return JSONResponse({"status": trouble or "ok", "sessions": sessions()}, 503 if trouble else 200)

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(meters.render(), media_type=METRICS_TYPE)

    async def failed(request: Request, error: Exception) -> Response:
        _log.error("an HTTP request failed by our own fault", path=request.url.path, exc_info=error)
        errors.add()
        return PlainTextResponse("internal error\n", 500)

    routes = [Route("/getaddr", getaddr), Route("/healthz", healthz), Route("/metrics", metrics)]
    return Starlette(routes=routes, exception_handlers={Exception: failed})


class _BoundConfig(Config):
    """Hypercorn on sockets that are open already, so that a port in use is our error and not its."""

    def __init__(self, listeners: Listeners, settings: GatewaySettings) -> None:
        super().__init__()
        self._listeners = listeners
        self.accesslog = None
        self.errorlog = None
        self.include_server_header = False
        self.graceful_timeout = STOP_SECONDS
        if settings.tls_certificate:
            self.certfile, self.keyfile = settings.tls_certificate, settings.tls_key

    def create_sockets(self) -> Sockets:
        secure = [self._listeners.tls] if self._listeners.tls is not None else []
        return Sockets(secure_sockets=secure, insecure_sockets=[self._listeners.plain], quic_sockets=[])


async def serve_http(
    app: Starlette,
    listeners: Listeners,
    settings: GatewaySettings,
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve ``app`` on ``listeners`` until cancelled; the caller closes them."""
    # Starlette's and Hypercorn's ASGI types spell the same protocol differently.
    await serve(app, _BoundConfig(listeners, settings), task_status=task_status)  # type: ignore[arg-type]
