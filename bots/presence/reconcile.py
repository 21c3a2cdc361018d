"""Snapshots with a cursor over HTTP, for whoever has missed webhooks, or begins.

``GET /snapshot?sink=NAME`` with ``Authorization: Bearer SECRET``, the secret of that sink, answers with who is there as
that sink has been told, flaps and outages left out as they are there, and the ``cursor`` up to which that is true. From
then on the receiver passes over records whose cursor is not above it, and applies the others: that is all.
"""

import hmac
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
import trio
from hypercorn.config import Config, Sockets
from hypercorn.trio import serve
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from botkit import ConfigError
from bots.presence.projection import Status
from bots.presence.pump import Pump
from bots.presence.records import VERSION, Place
from bots.presence.store import PresenceStore


class Present(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who is in the service, or in a channel; ``unknown`` in a gap."""

    account: str
    channel: str = ""
    session: str = ""
    status: Status = "online"


class Snapshot(Struct, frozen=True, kw_only=True):
    """Who is there, as the sink has been told up to ``cursor``."""

    v: int
    sink: str
    cursor: Place
    known_ms: int
    present: tuple[Present, ...]


class Offer(Struct, frozen=True):
    """A sink whose snapshots are handed out to who knows the secret."""

    pump: Pump
    secret: str


async def take_snapshot(store: PresenceStore, pump: Pump) -> Snapshot:
    """Who is there as the sink of ``pump`` has been told. Raises ``StoreError``."""
    n, cursor, held, known_ms = pump.read_n, pump.taken, pump.held(), pump.known_ms
    present = {
        stay.key: Present(
            account=stay.account,
            channel=stay.channel,
            session=stay.session,
            status="unknown" if stay.state == "held" else "online",
        )
        for stay in await store.stays_at(n)
    }
    for account, channel in sorted(held - present.keys()):
        present[account, channel] = Present(account=account, channel=channel)
    return Snapshot(
        v=VERSION,
        sink=pump.name,
        cursor=cursor,
        known_ms=known_ms,
        present=tuple(present[key] for key in sorted(present) if pump.is_told_of(*key)),
    )


def create_reconcile_app(store: PresenceStore, offers: Mapping[str, Offer]) -> Starlette:
    """The ASGI app."""

    async def snapshot(request: Request) -> Response:
        offer = offers.get(request.query_params.get("sink", ""))
        given = request.headers.get("authorization", "").encode()
        wanted = f"Bearer {offer.secret}".encode() if offer is not None else b""
        if offer is None or not hmac.compare_digest(given, wanted):
            return PlainTextResponse("name a webhook sink (?sink=NAME), and send its secret as a bearer token\n", 401)
        answer = await take_snapshot(store, offer.pump)
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return Starlette(routes=[Route("/snapshot", snapshot)])


@asynccontextmanager
async def open_reconcile(listen: str, store: PresenceStore, offers: Mapping[str, Offer]) -> AsyncIterator[str]:
    """Answer on ``listen``, a host and a port, until the end of the block; gives the URL, empty without an address.

    Raises ``ConfigError`` (key ``listen``) when the port is in use.
    """
    if not listen:
        yield ""
        return
    with _listening(listen) as listener:
        host, port = listener.getsockname()[:2]
        async with trio.open_nursery() as nursery:
            await nursery.start(_serve, create_reconcile_app(store, offers), listener)
            yield f"http://{host}:{port}/"
            nursery.cancel_scope.cancel()


class _Bound(Config):
    """Hypercorn on a socket that is open already, so that a port in use is told by its key."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__()
        self._listener = listener
        self.accesslog = self.errorlog = None
        self.include_server_header = False
        self.graceful_timeout = 1.0

    def create_sockets(self) -> Sockets:
        return Sockets(secure_sockets=[], insecure_sockets=[self._listener], quic_sockets=[])


async def _serve(app: Starlette, listener: socket.socket, *, task_status: trio.TaskStatus[list[str]]) -> None:
    await serve(app, _Bound(listener), task_status=task_status)  # type: ignore[arg-type] # two spellings of ASGI


def _listening(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    try:
        listener = socket.create_server((host, int(port)), backlog=100)
    except OSError as error:
        hint = "stop what listens there, or choose another port"
        raise ConfigError(f"cannot listen on {listen}: {error.strerror}", key="listen", hint=hint) from error
    listener.setblocking(False)
    return listener
