"""Sessions after a restart: only those that today's certificates and names would let in as what they were."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings, RetiringCertificate
from botkit.stores.gateway import MemoryGatewayStore
from botkit.testing import TEST_APP, Refusal, WirePeer
from botkit.types import JsonObject
from botkit.wire.ledger import decode_event
from botkit.wire.limits import NO_TOKEN, USER_ONLINE_CHANNEL
from botkit.wire.tokens import Role, make_role_token, make_token

CERTIFICATE = "the certificate"
LATER = 4_000_000_000


@asynccontextmanager
async def gateway_of(
    store: MemoryGatewayStore,
    *,
    servers: tuple[str, ...] = (),
    certificate: str = CERTIFICATE,
    retiring: tuple[RetiringCertificate, ...] = (),
    allow_no_token: bool = False,
) -> AsyncIterator[Gateway]:
    app = AppCredentials(
        id=TEST_APP,
        certificate=certificate,
        retiring=retiring,
        server_accounts=servers,
        allow_no_token=allow_no_token,
    )
    async with trio.open_nursery() as nursery:

        async def serve(*, task_status: trio.TaskStatus[Gateway]) -> None:
            await serve_gateway(GatewaySettings(apps=(app,)), store=store, task_status=task_status)

        yield await nursery.start(serve)
        nursery.cancel_scope.cancel()


async def begin(gateway: Gateway, token: str, channel: str) -> JsonObject:
    """A session of ann's in a channel, whose connection is lost."""
    async with WirePeer.connect(gateway.connector) as ann:
        seen = await ann.login("ann", token, resumable=True)
        await ann.request("channel_join", name=channel)
        await ann.drop()
        return seen


async def come_back(gateway: Gateway, seen: JsonObject) -> str:
    """What the session is when ann resumes it: ``server``, ``user``, or why she may not."""
    async with WirePeer.connect(gateway.connector) as ann:
        try:
            await ann.resume("ann", str(seen["line"]), boot=seen["boot"])
        except Refusal as refusal:
            return f"{refusal.code} {refusal.reason}"
        try:
            await ann.request("botkit_snapshot")
        except Refusal:
            return "user"
        return "server"


def role_token(role: Role, certificate: str = CERTIFICATE) -> str:
    return make_role_token(TEST_APP, certificate, "ann", LATER, role)


V1 = make_token(TEST_APP, CERTIFICATE, "ann", LATER)
GONE = "200 no such session: log in"

CASES = {
    "the same": ({}, role_token(Role.USER), {}, "user"),
    "the same, v1": ({}, V1, {}, "user"),
    "the same, server by token": ({}, role_token(Role.SERVER), {}, "server"),
    "the same, server by name": ({"servers": ("a*",)}, V1, {"servers": ("a*",)}, "server"),
    "no server any more": ({"servers": ("a*",)}, V1, {}, GONE),
    "server by token still": ({"servers": ("a*",)}, role_token(Role.SERVER), {}, "server"),
    "server by name now": ({}, V1, {"servers": ("ann",)}, "server"),
    "another certificate": ({}, V1, {"certificate": "new"}, GONE),
    "another certificate, server": ({}, role_token(Role.SERVER), {"certificate": "new"}, GONE),
    "another certificate, server by name still": (
        {"servers": ("ann",)},
        V1,
        {"servers": ("ann",), "certificate": "new"},
        GONE,
    ),
    "the old one counts, too": (
        {},
        role_token(Role.SERVER),
        {"certificate": "new", "retiring": (RetiringCertificate(certificate=CERTIFICATE, until=LATER),)},
        "server",
    ),
    "the old one counted": (
        {},
        role_token(Role.SERVER),
        {"certificate": "new", "retiring": (RetiringCertificate(certificate=CERTIFICATE, until=1000),)},
        GONE,
    ),
    "in by the old one, which counts": (
        {"certificate": "new", "retiring": (RetiringCertificate(certificate=CERTIFICATE, until=LATER),)},
        role_token(Role.SERVER),
        {"certificate": "new", "retiring": (RetiringCertificate(certificate=CERTIFICATE, until=LATER),)},
        "server",
    ),
    "in by the old one, which is gone": (
        {"certificate": "new", "retiring": (RetiringCertificate(certificate=CERTIFICATE, until=LATER),)},
        role_token(Role.SERVER),
        {"certificate": "new"},
        GONE,
    ),
    "no token needed": ({"certificate": ""}, NO_TOKEN, {"certificate": ""}, "user"),
    "no token needed, but now": ({"certificate": ""}, NO_TOKEN, {}, GONE),
    "without a token, as it may still be": ({"allow_no_token": True}, NO_TOKEN, {"allow_no_token": True}, "user"),
    "without a token, as it may be no more": ({"allow_no_token": True}, NO_TOKEN, {}, GONE),
    "a token no more needed": ({}, V1, {"certificate": ""}, "user"),
    "a server's token no more needed": ({}, role_token(Role.SERVER), {"certificate": ""}, GONE),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_session_is_what_it_was_or_has_to_log_in(case: str, autojump_clock: trio.testing.MockClock) -> None:
    before, token, after, outcome = CASES[case]
    store = MemoryGatewayStore()
    async with gateway_of(store, **before) as gateway:  # type: ignore[arg-type]
        seen = await begin(gateway, token, "lobby")
    async with gateway_of(store, **after) as gateway:  # type: ignore[arg-type]
        assert await come_back(gateway, seen) == outcome
        await gateway.journal.wait_committed()
        assert ((TEST_APP, "ann") in (await store.load()).sessions) is (outcome != GONE)


async def test_who_is_no_server_any_more_hears_no_special_channel(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with gateway_of(store, servers=("ann",)) as gateway:
        seen = await begin(gateway, V1, USER_ONLINE_CHANNEL)
    async with gateway_of(store) as gateway:
        assert await come_back(gateway, seen) == GONE
        special = gateway.hubs[TEST_APP].channels.get(USER_ONLINE_CHANNEL)
        assert special is None or not special.members
        kept = await store.read_ledger(TEST_APP, 0, 100, 10**6)
        last = decode_event(kept.events[-1][1])
        assert (last.event, last.account, last.reason) == ("user_offline", "ann", "expired")


async def test_what_the_store_has_of_a_token_lets_nobody_in(autojump_clock: trio.testing.MockClock) -> None:
    store = MemoryGatewayStore()
    async with gateway_of(store) as gateway:
        await begin(gateway, role_token(Role.SERVER), "lobby")
        [session] = (await store.load()).sessions.values()
        assert session.proof
        for account in ("ann", str(session.line), f"session {session.line}"):
            async with WirePeer.connect(gateway.connector) as thief:
                with pytest.raises(Refusal):
                    await thief.login(account, session.proof)
