"""WebSocket URLs."""

import pytest

from botkit.errors import ConfigError
from botkit.transport.address import UrlAddress, check_http_url, parse_websocket_url


@pytest.mark.parametrize(
    ("url", "address", "header"),
    [
        ("ws://127.0.0.1:8001", UrlAddress(False, "127.0.0.1", 8001, "/"), "127.0.0.1:8001"),
        ("ws://example.org/", UrlAddress(False, "example.org", 80, "/"), "example.org"),
        ("wss://example.org/a?b=c", UrlAddress(True, "example.org", 443, "/a?b=c"), "example.org"),
        ("wss://[::1]:9/", UrlAddress(True, "::1", 9, "/"), "[::1]:9"),
    ],
)
def test_parts(url: str, address: UrlAddress, header: str) -> None:
    assert parse_websocket_url(url) == address
    assert address.host_header == header


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:8001", "http://127.0.0.1/", "ws://", "ws://host:port/", "ws://[::1/"),
        *("ws://two words/", "ws://host:0/", "ws://a%20b/", 'ws://"host"/'),
    ],
)
def test_what_is_no_websocket_url_says_what_would_be(url: str) -> None:
    with pytest.raises(ConfigError, match="wss://HOST:PORT/"):
        parse_websocket_url(url)


@pytest.mark.parametrize(
    "url", ["http://host", "https://host:65535/a b?c=d", "http://[::1]:1/", "https://bücher.example/"]
)
def test_an_http_address(url: str) -> None:
    check_http_url(url)
    for wrong in (url.replace("http", "ws"), url.replace("//", "// "), url.replace("//", "")):
        with pytest.raises(ConfigError) as caught:
            check_http_url(wrong, "sinks[0].url")
        assert (caught.value.key, caught.value.hint) == ("sinks[0].url", "write https://HOST/PATH")
