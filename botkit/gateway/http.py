"""The gateway's HTTP side: address discovery for clients, health, metrics."""

from collections.abc import Callable

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from botkit.gateway.settings import Address, GatewaySettings
from botkit.observability.metrics import Counter, Meters

_log: FilteringBoundLogger = structlog.get_logger(room="gateway")

CORS = {"Access-Control-Allow-Origin": "*"}
"""Web clients look addresses up from whatever page they are on, and fail without this (201)."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
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
