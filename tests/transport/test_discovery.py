"""Finding a gateway: lookups and gateways on loopback, some of them dead, wrong or slow."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import trio

from botkit.errors import ConfigError, ConnectFailed
from botkit.gateway.settings import Address, GatewaySettings
from botkit.testing import TEST_APP, open_test_gateway
from botkit.transport.discovery import MAX_ANSWER_BYTES, Discovery, gateway_connector
from botkit.types import JsonValue

pytestmark = pytest.mark.row("W08")

LOOPBACK = Address("127.0.0.1", 0)


_TAKEN: list[socket.socket] = []
"""Sockets that are bound and do not listen."""


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    """Close them after the test."""
    yield
    while _TAKEN:
        _TAKEN.pop().close()


def dead_port() -> int:
    """A port of the loopback interface where nobody listens, and nobody else will."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    _TAKEN.append(taken)
    port: int = taken.getsockname()[1]
    return port


class Lookup:
    """A place to ask that answers every request with the same bytes, and keeps the requests."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.url = ""

    async def open(self, nursery: trio.Nursery) -> None:
        """Listen on a free port of the loopback interface."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.start_soon(trio.serve_listeners, self._serve, listeners)

    async def _serve(self, stream: trio.SocketStream) -> None:
        try:
            async with stream:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += await stream.receive_some()
                self.requests.append(request)
                await stream.send_all(self.answer)
        except trio.BrokenResourceError:
            pass  # the client had seen enough


def response(body: bytes, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def addresses(*ports: int) -> bytes:
    """The answer that names gateways on these ports of the loopback interface."""
    web: JsonValue = [["127.0.0.1", port] for port in ports]
    return response(msgspec.json.encode({"web": web, "web2": web, "wx_web": []}))


@pytest.fixture
async def nursery_of_lookups() -> AsyncIterator[trio.Nursery]:
    async with trio.open_nursery() as nursery:
        yield nursery
        nursery.cancel_scope.cancel()


async def opened(nursery: trio.Nursery, answer: bytes) -> Lookup:
    """A lookup that listens."""
    lookup = Lookup(answer)
    await lookup.open(nursery)
    return lookup


async def failure(*lookups: str, timeout: float = 5.0) -> ConnectFailed:
    """Why no gateway was found."""
    with pytest.raises(ConnectFailed) as caught:
        async with Discovery("app", lookups, connect_timeout=timeout).connect():
            pytest.fail("it is connected")
    return caught.value


async def test_the_gateways_own_lookup() -> None:
    async with open_test_gateway(GatewaySettings(apps=(), listen=LOOPBACK, http=LOOPBACK)) as gateway:
        async with Discovery(TEST_APP, [gateway.http_url]).connect() as transport:
            await transport.send(b'["ping",1]')
            assert await transport.receive() == '["pong",1]'
        with pytest.raises(ConnectFailed, match="answers HTTP 404: unknown app id: vid must be one of this gateway's"):
            async with Discovery("another app", [gateway.http_url]).connect():
                pytest.fail("it is connected")


async def test_a_dead_lookup_is_passed_over_and_the_one_that_helped_is_asked_first_next_time(
    nursery_of_lookups: trio.Nursery,
) -> None:
    async with open_test_gateway(GatewaySettings(apps=(), listen=LOOPBACK, http=LOOPBACK)) as gateway:
        wrong = await opened(nursery_of_lookups, response(b"", "500 Internal Server Error"))
        found = Discovery(TEST_APP, [f"http://127.0.0.1:{dead_port()}", wrong.url, gateway.http_url])
        for _ in range(3):
            async with found.connect() as transport:
                await transport.send(b'["ping",1]')
                assert await transport.receive() == '["pong",1]'
        assert len(wrong.requests) == 1


async def test_a_dead_gateway_is_passed_over(nursery_of_lookups: trio.Nursery) -> None:
    async with open_test_gateway(GatewaySettings(apps=(), listen=LOOPBACK)) as gateway:
        assert gateway.ws_address is not None
        lookup = await opened(nursery_of_lookups, addresses(dead_port(), gateway.ws_address.port))
        async with Discovery(TEST_APP, [lookup.url]).connect() as transport:
            await transport.send(b'["ping",1]')
            assert await transport.receive() == '["pong",1]'


async def test_gateways_that_were_tried_are_not_tried_again(nursery_of_lookups: trio.Nursery) -> None:
    nobody = dead_port()
    lookups = [await opened(nursery_of_lookups, addresses(nobody)) for _ in range(2)]
    error = await failure(*(lookup.url for lookup in lookups))
    assert error.address == f"ws://127.0.0.1:{nobody}/"
    assert [len(lookup.requests) for lookup in lookups] == [1, 1]


async def test_what_is_asked(nursery_of_lookups: trio.Nursery) -> None:
    lookup = await opened(nursery_of_lookups, addresses(dead_port()))
    for base in ("", "/", "/lbs/", "/lbs?ignored=1"):
        await failure(lookup.url + base)
    lines = [request.split(b"\r\n")[0].decode() for request in lookup.requests]
    assert lines == [f"GET {path}getaddr?vid=app HTTP/1.1" for path in ("/", "/", "/lbs/", "/lbs/")]
    assert f"Host: {lookup.url.removeprefix('http://')}".encode() in lookup.requests[0]
    with pytest.raises(ConnectFailed):
        async with Discovery("ä&b=/", [lookup.url]).connect():
            pytest.fail("it is connected")
    assert b"?vid=%C3%A4%26b%3D%2F " in lookup.requests[-1]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"", "does not answer in HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "does not answer in HTTP"),
        (response(b"gone", "410 Gone"), "answers HTTP 410"),
        (response(b'{"error":"unknown app id"}', "404 Not Found"), "answers HTTP 404: unknown app id"),
        (response(b"", "302 Found\r\nLocation: http://127.0.0.1/"), "answers HTTP 302"),
        (response(b"<html>"), "something else than addresses: JSON is malformed"),
        (response(b"[]"), "something else than addresses: Expected `object`"),
        (response(b"{}"), "missing required field `web`"),
        (response(b'{"web":[]}'), "Expected `array` of length >= 1"),
        (response(b'{"web":[["127.0.0.1","8001"]]}'), r"Expected `int`, got `str` - at `\$.web\[0\]\[1\]`"),
        (response(b'{"web":[["127.0.0.1",0]]}'), "Expected `int` >= 1"),
        (response(b'{"web":[["127.0.0.1",65536]]}'), "Expected `int` <= 65534"),
        (response(b'{"web":[["127.0.0.1/x?",80]]}'), "matching regex"),
        (response(b'{"web":[["",80]]}'), "matching regex"),
        (response(b'{"web":[["a b",80]]}'), "matching regex"),
        (response(b'{"web":' + b"[" * 50_000), "something else than addresses"),
        (response(b"\xff\xfe"), "something else than addresses"),
        (response(b" " * MAX_ANSWER_BYTES + b"{}"), f"more than {MAX_ANSWER_BYTES} bytes"),
    ],
)
async def test_wrong_answers_are_told_with_their_address(
    nursery_of_lookups: trio.Nursery, answer: bytes, complaint: str
) -> None:
    lookup = await opened(nursery_of_lookups, answer)
    error = await failure(lookup.url)
    assert error.address == f"{lookup.url}/getaddr?vid=app"
    with pytest.raises(ConnectFailed, match=complaint):
        raise error


async def test_all_that_failed_is_told(nursery_of_lookups: trio.Nursery) -> None:
    dead = f"http://127.0.0.1:{dead_port()}"
    wrong = await opened(nursery_of_lookups, response(b"[]"))
    nobody = dead_port()
    useless = await opened(nursery_of_lookups, addresses(nobody))
    error = await failure(dead, wrong.url, useless.url)
    for text in (dead, wrong.url, f"ws://127.0.0.1:{nobody}/", "refused", "Expected `object`"):
        assert text in str(error)


async def test_one_that_never_answers_is_given_up(nursery_of_lookups: trio.Nursery) -> None:
    async def keep_waiting(stream: trio.SocketStream) -> None:
        async with stream:
            await trio.sleep_forever()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery_of_lookups.start_soon(trio.serve_listeners, keep_waiting, listeners)
    silent = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    assert (await failure(f"http://{silent}", timeout=0.05)).reason == "no answer in time"
    lookup = await opened(nursery_of_lookups, addresses(listeners[0].socket.getsockname()[1]))
    for timeout in (0.05, 0.5, 60.0):
        error = await failure(lookup.url, timeout=timeout)
        if error.reason != "no answer in time":  # it was the gateway that did not answer, not who knows where it is
            break
    assert (error.address, error.reason) == (f"ws://{silent}/", "no WebSocket handshake in time")


async def test_a_lookup_over_tls_leads_to_a_gateway_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parent / "tls"
    certificate, key = str(folder / "localhost.pem"), str(folder / "localhost-key.pem")
    settings = GatewaySettings(apps=(), listen=LOOPBACK, http=LOOPBACK, tls_certificate=certificate, tls_key=key)
    async with open_test_gateway(settings) as gateway:
        assert gateway.http_address is not None
        assert gateway.ws_address is not None
        lookup = f"https://127.0.0.1:{gateway.http_address.port + 1}"
        error = await failure(lookup)
        assert "CERTIFICATE_VERIFY_FAILED" in error.reason
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
        async with gateway_connector(lookup, TEST_APP)() as transport:
            await transport.send(b'["ping",1]')
            assert await transport.receive() == '["pong",1]'


@pytest.mark.parametrize("lookups", [[], ["ws://127.0.0.1/"], ["http://"], ["http://127.0.0.1/", "ftp://127.0.0.1/"]])
def test_what_is_no_place_to_ask(lookups: list[str]) -> None:
    with pytest.raises(ConfigError, match="http://HOST:PORT/"):
        Discovery("app", lookups)


@pytest.mark.parametrize("gateway", ["", "127.0.0.1:8001", "ftp://127.0.0.1/", "ws://"])
def test_what_is_neither_a_gateway_nor_a_place_to_ask(gateway: str) -> None:
    with pytest.raises(ConfigError, match="ws://HOST:PORT/"):
        gateway_connector(gateway, "app")
