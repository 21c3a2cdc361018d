"""The gateway on real sockets: address discovery, health, metrics, ports."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import NamedTuple

import msgspec
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from botkit.errors import ConfigError
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import Address, AppCredentials, GatewaySettings
from botkit.testing import TEST_APP, WirePeer, open_test_gateway
from botkit.transport.websocket import websocket_connector
from tests.gateway_fire.process import free_port

LOOPBACK = Address("127.0.0.1", 0)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def get(gateway: Gateway, path: str, *, method: str = "GET") -> Answer:
    """One HTTP request on a connection of its own."""
    assert gateway.http_address is not None
    stream = await trio.open_tcp_stream(gateway.http_address.host, gateway.http_address.port)
    async with stream:
        request = f"{method} {path} HTTP/1.1\r\nHost: any.example\r\nOrigin: https://page.example\r\nConnection: close"
        await stream.send_all(f"{request}\r\n\r\n".encode())
        answer = b"".join([bytes(chunk) async for chunk in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(status.split()[1]), headers, body)


@asynccontextmanager
async def listening(settings: GatewaySettings | None = None) -> AsyncIterator[Gateway]:
    settings = settings or GatewaySettings(apps=(), listen=LOOPBACK, http=LOOPBACK)
    async with open_test_gateway(settings) as gateway:
        yield gateway


@pytest.mark.row("W08")
async def test_getaddr_is_what_the_vendors_clients_ask_for() -> None:
    async with listening() as gateway:
        assert gateway.ws_address is not None
        port = gateway.ws_address.port
        answer = await get(gateway, f"/getaddr?vid={TEST_APP}")
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["access-control-allow-origin"] == "*"
        # The web SDKs add 1 to the port: a text would grow a digit.
        web = [["127.0.0.1", port]]
        assert msgspec.json.decode(answer.body) == {"web": web, "web2": web, "wx_web": [f"127.0.0.1:{port}/"]}
        ip, found = msgspec.json.decode(answer.body)["web"][0]
        async with WirePeer.connect(websocket_connector(f"ws://{ip}:{found}/"), "ann") as ann:
            assert await ann.fetch() == []


@pytest.mark.row("W08")
@pytest.mark.parametrize("query", ["", "?vid=", "?vid=other", "?VID=test-app", "?vid=%ff", "?vid=test-app%00"])
async def test_getaddr_knows_its_own_apps_only(query: str) -> None:
    async with listening() as gateway:
        answer = await get(gateway, f"/getaddr{query}")
        assert answer.status == 404
        assert "vid" in msgspec.json.decode(answer.body)["error"]
        assert answer.headers["access-control-allow-origin"] == "*"  # so that a page can read why


async def test_getaddr_without_sockets_says_so() -> None:
    async with listening(GatewaySettings(apps=(), http=LOOPBACK)) as gateway:
        assert gateway.ws_url == ""
        assert (await get(gateway, f"/getaddr?vid={TEST_APP}")).status == 503


@pytest.mark.row("W08")
async def test_getaddr_names_an_address_that_can_be_reached_when_listening_on_all() -> None:
    settings = GatewaySettings(apps=(), listen=Address("0.0.0.0", 0), http=LOOPBACK, insecure=True)
    async with listening(settings) as gateway:
        assert gateway.ws_address is not None
        answer = msgspec.json.decode((await get(gateway, f"/getaddr?vid={TEST_APP}")).body)
        assert answer["web"] == [["127.0.0.1", gateway.ws_address.port]]


@pytest.mark.row("O04")
async def test_health_and_metrics() -> None:
    async with listening() as gateway, WirePeer.connect(websocket_connector(gateway.ws_url), "ann") as ann:
        await ann.request("channel_join", name="lobby")
        await ann.request("channel_sendmsg", name="lobby", msg="hello")
        health = await get(gateway, "/healthz")
        assert (health.status, msgspec.json.decode(health.body)) == (200, {"status": "ok", "sessions": 1})
        metrics = await get(gateway, "/metrics")
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
        samples = {
            sample.name + "".join(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(metrics.body.decode())
            for sample in family.samples
        }
        assert samples["botkit_gateway_sessions"] == 1
        assert samples["botkit_gateway_open_connections"] == 1
        assert samples["botkit_gateway_channel_messages_total"] == 1
        assert samples["botkit_gateway_requests_totalchannel_join"] == 1
        assert samples["botkit_gateway_logins_totalok"] == 1


async def test_other_paths_and_methods() -> None:
    async with listening() as gateway:
        assert (await get(gateway, "/")).status == 404
        assert (await get(gateway, "/metrics/x")).status == 404
        assert (await get(gateway, "/healthz", method="POST")).status == 405
        assert (await get(gateway, "/healthz", method="HEAD")).body == b""
        assert (await get(gateway, "/healthz")).status == 200


@pytest.mark.parametrize("key", ["listen", "http"])
async def test_a_port_in_use_names_its_key(key: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        addresses = {"listen": LOOPBACK, "http": LOOPBACK, key: address}
        settings = GatewaySettings(apps=(AppCredentials(id="app"),), listen=addresses["listen"], http=addresses["http"])
        with pytest.raises(ConfigError, match="port in use; stop what listens there") as error:
            await serve_gateway(settings)
        assert error.value.key == f"gateway.{key}"
        assert str(address) in error.value.problem


async def test_a_host_of_another_machine_names_its_key() -> None:
    settings = GatewaySettings(apps=(AppCredentials(id="app"),), http=Address("192.0.2.1", 0), insecure=True)
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:0") as error:
        await serve_gateway(settings)
    assert error.value.key == "gateway.http"


async def test_a_gateway_that_fails_to_start_lets_go_of_its_ports() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = Address("127.0.0.1", free_port())
        blocked = Address("127.0.0.1", taken.getsockname()[1])
        settings = GatewaySettings(apps=(AppCredentials(id=TEST_APP),), listen=address, http=blocked)
        with pytest.raises(ConfigError):
            await serve_gateway(settings)
        async with listening(GatewaySettings(apps=(), listen=address)) as gateway:
            assert gateway.ws_address == address


async def test_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    settings = GatewaySettings(apps=(), listen=Address("::1", 0), http=Address("::1", 0))
    async with listening(settings) as gateway:
        assert gateway.ws_url.startswith("ws://[::1]:")
        async with WirePeer.connect(websocket_connector(gateway.ws_url), "ann") as ann:
            assert ann.uid
        answer = msgspec.json.decode((await get(gateway, f"/getaddr?vid={TEST_APP}")).body)
        assert answer["web"][0][0] == "::1"


async def test_ready_means_ready() -> None:
    """Whoever is told that the gateway has started can connect at once."""
    settings = GatewaySettings(apps=(AppCredentials(id=TEST_APP),), listen=LOOPBACK, http=LOOPBACK)
    for _ in range(5):
        async with trio.open_nursery() as nursery:
            gateway: Gateway = await nursery.start(partial(serve_gateway, settings))
            assert (await get(gateway, "/healthz")).status == 200
            async with WirePeer.connect(websocket_connector(gateway.ws_url), "ann"):
                pass
            nursery.cancel_scope.cancel()


async def test_health_tells_when_the_store_cannot_write() -> None:
    async with listening() as gateway:
        gateway.journal.trouble = "disk full"
        health = await get(gateway, "/healthz")
        assert health.status == 503
        assert msgspec.json.decode(health.body)["status"] == "disk full"


async def test_http_open_to_other_machines_needs_a_certificate_too() -> None:
    settings = GatewaySettings(apps=(AppCredentials(id="app"),), http=Address("0.0.0.0", 0))
    with pytest.raises(ConfigError) as error:
        settings.check()
    assert error.value.key == "gateway.http"
