"""The HTTP side of a process of bots: is it alive, does it receive, what does it count, what runs in it."""

import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing

import msgspec
import structlog
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from structlog.typing import FilteringBoundLogger

from botkit.actor.tree import TreeNode
from botkit.observability.metrics import Meters
from botkit.operations.tail import MAX_READERS, Tails

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
JSON_TYPE = "application/json"
LINES_TYPE = "application/x-ndjson"

_log: FilteringBoundLogger = structlog.get_logger("botkit.operations")


class Health(Struct, frozen=True, kw_only=True):
    """The answer of ``/livez`` and ``/readyz``: ``ok`` (200), or ``not ready`` (503) with what is wrong."""

    status: str
    problems: tuple[str, ...] = ()


def create_operations_app(
    *, meters: Meters, not_ready: Callable[[], Sequence[str]], tree: Callable[[], TreeNode]
) -> Starlette:
    """The ASGI app.

    ``/livez``: the process turns its loop, and answers; nothing else makes it dead. ``/readyz``: the bots really
    receive, see ``App.not_ready``. ``/metrics``: for Prometheus. For this machine alone (403): ``/tree``, what runs, as
    JSON, and ``/tail``, the log entries from now on, one JSON object a line; ``?bot=NAME`` and the like choose by
    field.
    """
    tails = Tails()
    errors = meters.counter("operations_http_errors", "Requests that failed by our own fault")

    async def livez(_request: Request) -> Response:
        return _json(Health(status="ok"))

    async def readyz(_request: Request) -> Response:
        problems = tuple(not_ready())
        if problems:
            return _json(Health(status="not ready", problems=problems), 503)
        return _json(Health(status="ok"))

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(meters.render(), media_type=METRICS_TYPE)

    async def show_tree(request: Request) -> Response:
        if not _from_here(request):
            return PlainTextResponse("only for this machine\n", 403)
        return _json(tree())

    async def tail(request: Request) -> Response:
        if not _from_here(request):
            return PlainTextResponse("only for this machine\n", 403)
        if tails.readers >= MAX_READERS:
            return PlainTextResponse(f"{MAX_READERS} readers follow the logs already\n", 503)
        wanted = dict(request.query_params)

        async def lines() -> AsyncIterator[bytes]:
            with tails.open(wanted) as entries:
                async with aclosing(entries.lines()) as followed:
                    async for line in followed:
                        yield line

        return StreamingResponse(lines(), media_type=LINES_TYPE)

    async def failed(request: Request, error: Exception) -> Response:
        _log.error("an HTTP request failed by our own fault", path=request.url.path, exc_info=error)
        errors.add()
        return PlainTextResponse("internal error\n", 500)

    routes = [
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/tree", show_tree),
        Route("/tail", tail),
    ]
    return Starlette(routes=routes, exception_handlers={Exception: failed})


def _json(answer: Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer) + b"\n", status, media_type=JSON_TYPE)


def _from_here(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
