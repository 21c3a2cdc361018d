import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.moderation.links import LinkFinder
from bots.moderation.normalise import normalise
from bots.moderation.rules.settings import LinksRule

FINDER = LinkFinder(["example.org", "bücher.example"], LinksRule(id="links").bare_endings)


def forbidden(text: str) -> str | None:
    """The host of the first link that is not allowed."""
    link = FINDER.find_forbidden(normalise(text))
    return link.host if link else None


@pytest.mark.row("D01")
@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("see http://evil.example/x?y", "evil.example"),
        ("HTTPS://EVIL.EXAMPLE", "evil.example"),
        ("(www.evil.example)", "www.evil.example"),
        ("go to evil.com now", "evil.com"),
        ("-evil.com", "evil.com"),
        ("a.b.evil.com.", "a.b.evil.com"),
        ("..evil.com", "evil.com"),
        ("_https://evil.example_", "evil.example_"),
        ("ftp://files.evil.example:2121/", "files.evil.example"),
        ("https://example.org@evil.com/", "evil.com"),
        ("https://example.org:80@evil.com/", "evil.com"),
        ("https://example.org(@evil.com/", "evil.com"),
        ("https://evil.com\\@example.org/", "evil.com"),
        ("https://evil.com#@example.org", "evil.com"),
        ("https://example.org.evil.com", "example.org.evil.com"),
        ("https://notexample.org", "notexample.org"),
        ("https://ev\u200bil.com", "evil.com"),
        ("https://evil。com", "evil.com"),
        ("ｈｔｔｐｓ：／／ｅｖｉｌ．ｃｏｍ", "evil.com"),
        ("http://[::1]:8080/x", "[::1]"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("https://bücher.test", "xn--bcher-kva.test"),
        ("ok https://example.org then http://evil.com", "evil.com"),
        ("x" * 300 + ".com https://evil.com", "evil.com"),
    ],
)
def test_a_link_elsewhere_is_found(text: str, host: str) -> None:
    assert forbidden(text) == host


@pytest.mark.row("D01")
@pytest.mark.parametrize(
    "text",
    [
        "no link at all",
        "https://example.org/a(b)",
        "(https://example.org).",
        "https://example.org!",
        "https://EXAMPLE.ORG./",
        "https://docs.example.org:8443/?q=evil.example",
        "https://user:secret@example.org/",
        "https://bücher.example",
        "https://xn--bcher-kva.example",
        "see /etc/apt/sources.list and xorg.conf",
        "write to me@evil.com",
        "e.g. this, i.e. that... and 3.14",
        "https://",
        "www.",
        "a.company is no .com",
    ],
)
def test_an_allowed_link_or_none_is_not(text: str) -> None:
    assert forbidden(text) is None


def test_without_bare_endings_only_full_links_count() -> None:
    finder = LinkFinder([], [])
    assert list(finder.links(normalise("evil.com"))) == []
    assert [link.host for link in finder.links(normalise("http://evil.com www.evil.com"))] == [
        "evil.com",
        "www.evil.com",
    ]


def test_evidence_is_the_link_as_written() -> None:
    message = normalise("look: HTTP://Evil.com/path, nice")
    link = FINDER.find_forbidden(message)
    assert link is not None
    assert message.excerpt(link.start, link.end) == "HTTP://Evil.com"


@given(st.text("ahtpw:/.@\\[]-_ com\u3002", max_size=60))
def test_any_text_has_links_in_order_and_apart(text: str) -> None:
    end = 0
    for link in FINDER.links(normalise(text)):
        assert end <= link.start < link.end
        assert link.host
        end = link.end


@pytest.mark.parametrize(
    "piece", ["a", "a.", "a-", "www.", "h://", "a-" * 31 + "a.", "@", "www.example.org.", "ab.com", "[", "ä."]
)
def test_a_text_made_to_be_slow_is_read_to_its_end(piece: str) -> None:
    text = (piece * 8192)[:8192]
    assert all(link.end <= len(text) for link in FINDER.links(normalise(text)))
