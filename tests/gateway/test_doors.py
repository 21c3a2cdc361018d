"""Who may connect: limits by address and account, pages of browsers, TLS."""

import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
import trustme

from botkit.errors import ConfigError, ConnectFailed, LoginFailed
from botkit.gateway.admission import Admission, site_of
from botkit.gateway.counters import Counters
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.observability.metrics import Meters
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.transport.websocket import open_websocket
from botkit.types import Account, AppId
from botkit.wire.frames import decode_gateway_frame
from botkit.wire.tokens import make_token

APP, ANN = AppId(TEST_APP), Account("ann")


@pytest.fixture
def admission() -> Admission:
    settings = GatewaySettings(
        apps=(), connections_per_address=2, max_connections=3, logins_per_address=2, logins_per_account=3
    )
    return Admission(settings, Counters(Meters()))


@pytest.mark.row("G14")
def test_one_address_does_not_take_the_room_of_others(admission: Admission) -> None:
    assert [admission.enter("10.0.0.1") for _ in range(3)] == [True, True, False]
    assert admission.enter("10.0.0.2")
    assert not admission.enter("10.0.0.3"), "the gateway is full"
    admission.leave("10.0.0.1")
    assert admission.enter("10.0.0.3")


@pytest.mark.row("G14")
def test_all_of_an_ipv6_network_is_one_address(admission: Admission) -> None:
    assert [admission.enter(f"2001:db8:0:1::{number}") for number in range(3)] == [True, True, False]
    assert admission.enter("2001:db8:0:2::1")
    admission.leave("2001:db8:0:1::0")
    assert admission.enter("2001:db8:0:1:ffff:ffff:ffff:ffff")
    for number in range(2):
        admission.check_address(f"2001:db8::{number}", 0.0)
    with pytest.raises(LoginFailed, match="of this address"):
        admission.check_address("2001:db8:0:0:8000::", 1.0)


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("memory", "memory"),
        ("no: address", "no: address"),
    ],
)
def test_what_counts_as_one_address(address: str, site: str) -> None:
    assert site_of(address) == site


def test_a_trusted_address_is_trusted_through_ipv6_too(admission: Admission) -> None:
    assert [admission.enter("::ffff:127.0.0.1") for _ in range(3)] == [True] * 3


def test_trusted_addresses_are_bounded_by_the_whole_only(admission: Admission) -> None:
    assert [admission.enter("127.0.0.1") for _ in range(4)] == [True, True, True, False]


@pytest.mark.row("G14")
def test_logins_are_counted_by_address_and_by_account(admission: Admission) -> None:
    for _ in range(2):
        admission.check_address("10.0.0.1", 0.0)
    with pytest.raises(LoginFailed, match="of this address"):
        admission.check_address("10.0.0.1", 59.9)
    admission.check_address("10.0.0.2", 59.9)
    admission.check_address("10.0.0.1", 60.0)
    for _ in range(3):
        admission.check_account(APP, ANN, 0.0)
    with pytest.raises(LoginFailed, match="of this account"):
        admission.check_account(APP, ANN, 59.9)
    admission.check_account(AppId("other"), ANN, 59.9)


def test_rates_that_nobody_uses_are_forgotten(admission: Admission) -> None:
    admission.check_address("10.0.0.1", 0.0)
    admission.check_account(APP, ANN, 0.0)
    admission.tidy(60.0)
    assert admission._logins_by_account == {}
    assert admission._logins_by_address == {}


async def test_wrong_logins_lock_nobody_out(autojump_clock: trio.testing.MockClock) -> None:
    async with open_test_gateway(certificate="secret") as gateway, WirePeer.connect(gateway.connector) as thief:
        for _ in range(200):
            with pytest.raises(Refusal, match="TokenErrorWrong"):
                await thief.login("ann", "guessed")
        async with WirePeer.connect(gateway.connector) as ann:
            await ann.login("ann", make_token(TEST_APP, "secret", "ann", int(gateway.clock.seconds()) + 60))


async def test_an_account_that_logs_in_too_often_is_refused_for_a_while(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), logins_per_account=2)
    async with open_test_gateway(settings) as gateway:
        for _ in range(2):
            async with WirePeer.connect(gateway.connector, "ann"):
                pass
        async with WirePeer.connect(gateway.connector) as ann:
            with pytest.raises(Refusal, match="2 per minute") as refusal:
                await ann.login("ann")
            assert refusal.value.code == 202
        await trio.sleep(60)
        async with WirePeer.connect(gateway.connector, "ann"):
            assert gateway.counters.refused_logins.values == {"account": 1}


async def handshake(gateway: Gateway, headers: str) -> bytes:
    """The first line of the answer to a WebSocket handshake with these extra headers."""
    assert gateway.ws_address is not None
    stream = await trio.open_tcp_stream(gateway.ws_address.host, gateway.ws_address.port)
    async with stream:
        await stream.send_all(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + headers.encode() + b"\r\n"
        )
        return (await stream.receive_some()).splitlines()[0]


@pytest.mark.row("G14")
async def test_browsers_connect_from_listed_pages_only() -> None:
    settings = GatewaySettings(apps=(), listen=Address("127.0.0.1", 0), origins=("https://*.example.org",))
    async with open_test_gateway(settings) as gateway:
        assert await handshake(gateway, "") == b"HTTP/1.1 101 Switching Protocols"
        assert await handshake(gateway, "Origin: https://chat.example.org\r\n") == b"HTTP/1.1 101 Switching Protocols"
        assert await handshake(gateway, "Origin: https://evil.test\r\n") == b"HTTP/1.1 403 Forbidden"
        assert gateway.counters.refused_origins.value == 1


@pytest.fixture
def tls_files(tmp_path: Path) -> tuple[Path, Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1, its key, and a client's context that trusts it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    issued.private_key_pem.write_to_path(key)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return certificate, key, context


@pytest.mark.row("G14")
async def test_tls_on_the_port_after_the_plain_one(tls_files: tuple[Path, Path, ssl.SSLContext]) -> None:
    certificate, key, context = tls_files
    settings = GatewaySettings(
        apps=(),
        listen=Address("127.0.0.1", 0),
        http=Address("127.0.0.1", 0),
        tls_certificate=str(certificate),
        tls_key=str(key),
    )
    async with open_test_gateway(settings) as gateway:
        assert gateway.ws_address is not None
        url = f"wss://127.0.0.1:{gateway.ws_address.port + 1}/"
        async with open_websocket(url, ssl_context=context) as transport:
            peer = WirePeer(transport)
            await peer.login("ann")
            await peer.request("channel_join", name="lobby")
            for number in range(20):
                await peer.request("channel_sendmsg", name="lobby", msg=f"{number}" * 4000)
                assert (await peer.next_notice()).message_id == number + 2
        async with open_websocket(gateway.ws_url) as transport:
            await WirePeer(transport).login("bob")
        with pytest.raises(ConnectFailed):
            async with open_websocket(url, ssl_context=ssl.create_default_context()):
                raise AssertionError("trusted")


async def test_a_peer_that_speaks_no_tls_hurts_nobody(tls_files: tuple[Path, Path, ssl.SSLContext]) -> None:
    certificate, key, context = tls_files
    settings = GatewaySettings(
        apps=(), listen=Address("127.0.0.1", 0), tls_certificate=str(certificate), tls_key=str(key)
    )
    async with open_test_gateway(settings) as gateway:
        assert gateway.ws_address is not None
        port = gateway.ws_address.port + 1
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
            with trio.fail_after(60):
                while await stream.receive_some():
                    pass
        async with open_websocket(f"wss://127.0.0.1:{port}/", ssl_context=context) as transport:
            await transport.send(b'["ping",1]')
            assert decode_gateway_frame(await transport.receive()).number == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("files", "problem"),
    [(("/nowhere.pem", "/nowhere.key"), "No such file"), (("/nowhere.pem", ""), "needs a certificate and a key")],
)
async def test_tls_files_that_cannot_be_used_are_named(files: tuple[str, str], problem: str) -> None:
    settings = GatewaySettings(
        apps=(AppCredentials(id="a"),),
        listen=Address("127.0.0.1", 0),
        tls_certificate=files[0],
        tls_key=files[1],
    )
    with pytest.raises(ConfigError, match=problem):
        await serve_gateway(settings)


async def test_all_sessions_behind_one_address_come_back_at_once(autojump_clock: trio.testing.MockClock) -> None:
    settings = GatewaySettings(apps=(), logins_per_address=6, trusted_addresses=())
    async with open_test_gateway(settings) as gateway, AsyncExitStack() as stack:
        lines: dict[str, str] = {}
        for number in range(6):
            account = f"user{number}"
            peer = await stack.enter_async_context(WirePeer.connect(gateway.connector))
            lines[account] = str((await peer.login(account, resumable=True))["line"])
        for account, line in lines.items():
            peer = await stack.enter_async_context(WirePeer.connect(gateway.connector))
            await peer.resume(account, line)
        guesser = await stack.enter_async_context(WirePeer.connect(gateway.connector))
        with pytest.raises(Refusal, match="too many logins of this address"):
            await guesser.resume("user0", "a wrong line")
