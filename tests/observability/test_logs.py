import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from botkit.observability.logs import LogFormat, LogLevel, configure_logs
from botkit.observability.redaction import is_secret, redact
from botkit.wire.tokens import Role, make_role_token, make_token

_WHO = ("970ca35de60c44645bbae8a215061b33", "5cfd2fd1755d40ecb72977518be15d3b", "ann", 1446455471)
TOKEN = make_token(*_WHO)


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def configured(format: LogFormat, level: LogLevel = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(format, level, stream)
    return stream


def objects(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_is_one_object_per_line() -> None:
    stream = configured("json")
    log = structlog.get_logger().bind(bot="moderation")
    log.info("verdict", account="ann", strikes=2, text="two\nlines", odd={("a", 1): object})
    log.warning("half a pair", text="\ud800")
    first, second = objects(stream)
    assert (first["level"], first["event"], first["bot"], first["strikes"]) == ("info", "verdict", "moderation", 2)
    assert first["text"] == "two\nlines"
    assert str(first["timestamp"]).endswith("Z")
    assert second["level"] == "warning"
    assert list(first)[:4] == ["timestamp", "level", "event", "bot"]


def test_text_is_one_line_whatever_strangers_write() -> None:
    stream = configured("text")
    structlog.get_logger().info("refused", reason="x\n12:00:00 [info] forged", name="\x1b[2J", ok="plain")
    (line,) = stream.getvalue().splitlines()
    assert "refused" in line
    assert "ok=plain" in line
    assert "\x1b" not in line


def test_what_cannot_be_seen_is_escaped_once() -> None:
    stream = configured("text")
    structlog.get_logger().info("said", text="cas\u200bino pays", evidence="cas\u200bino")
    assert "text='cas\\u200bino pays' evidence='cas\\u200bino'" in stream.getvalue()


def test_a_bots_line_begins_with_what_it_is_about() -> None:
    stream = configured("text")
    log = structlog.get_logger().bind(bot="guard", account="moderator", event_type="ChannelMessage", channel="lobby")
    log.info("verdict", by="bob", action="warn")
    log.warning("verdict", by="bob")
    first, second = (" ".join(line.split()) for line in stream.getvalue().splitlines())
    assert first.endswith("verdict by=bob action=warn channel=lobby bot=guard")
    assert second.endswith("verdict by=bob channel=lobby bot=guard account=moderator event_type=ChannelMessage")


def test_json_leaves_nothing_out() -> None:
    stream = configured("json")
    structlog.get_logger().info("verdict", bot="guard", account="moderator", event_type="ChannelMessage", by="bob")
    (line,) = objects(stream)
    assert list(line)[2:] == ["event", "bot", "account", "event_type", "by"]


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_is_logged_with_its_traceback(format: LogFormat) -> None:
    stream = configured(format)
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        structlog.get_logger().exception("handler failed", handler="welcome")
    assert "handler failed" in stream.getvalue()
    assert "Traceback" in stream.getvalue()
    assert "ValueError: bad token [redacted]" in stream.getvalue()
    assert TOKEN not in stream.getvalue()


@pytest.mark.parametrize("format", ["text", "json"])
def test_secrets_do_not_reach_the_stream(format: LogFormat) -> None:
    stream = configured(format, "debug")
    log = structlog.get_logger()
    log.info("logging in", token="sesame", app_certificate="sesame", Password="sesame", account="ann")
    log.debug(f'frame ["login",{{"token":"{TOKEN}"}}]', frames=[{"client-secret": "sesame"}, (TOKEN,)])
    logging.getLogger("library").warning("sent %s", TOKEN)
    assert "sesame" not in stream.getvalue()
    assert TOKEN not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") == 7
    assert "ann" in stream.getvalue()


def test_levels_below_the_one_asked_for_are_silent() -> None:
    stream = configured("json", "warning")
    log = structlog.get_logger()
    log.info("no")
    log.warning("yes")
    assert [line["event"] for line in objects(stream)] == ["yes"]


def test_libraries_are_heard_from_warning_up_and_in_full_at_debug() -> None:
    for level, expected in (("info", ["w"]), ("error", []), ("debug", ["d", "i", "w"])):
        stream = configured("json", level)  # type: ignore[arg-type]
        library = logging.getLogger("some.library")
        library.debug("d")
        library.info("i")
        library.warning("w")
        assert [line["event"] for line in objects(stream)] == expected
        assert all(line["logger"] == "some.library" for line in objects(stream))


def test_configuring_again_replaces_the_former_set_up() -> None:
    first = configured("text")
    early = structlog.get_logger()
    second = configured("json")
    early.info("once")
    logging.getLogger("library").warning("once")
    assert first.getvalue() == ""
    assert [line["event"] for line in objects(second)] == ["once", "once"]


def test_context_that_was_bound_for_a_task_is_in_each_line() -> None:
    stream = configured("json")
    with structlog.contextvars.bound_contextvars(session="ann", token="sesame"):
        structlog.get_logger().info("hello")
    (line,) = objects(stream)
    assert (line["session"], line["token"]) == ("ann", "[redacted]")


def test_a_stream_that_cannot_show_a_name_escapes_it() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    configure_logs("text", "info", stream)
    structlog.get_logger().info("hello", account="größe")
    stream.flush()
    assert b"gr\\xf6\\xdfe" in raw.getvalue()


@pytest.mark.parametrize("key", ["token", "certificate", "secret", "password", "app_certificate", "X-Token", "TOKEN"])
def test_these_keys_are_secret(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize("key", ["token_expires", "tokens", "account", "", "secretary"])
def test_these_keys_are_not(key: str) -> None:
    assert not is_secret(key)


@pytest.mark.parametrize(
    "token", [TOKEN, make_role_token(*_WHO), make_role_token(*_WHO, Role.SERVER)], ids=["1", "2-user", "2-server"]
)
def test_a_token_is_found_in_any_text(token: str) -> None:
    assert redact(f'refused: {token}; "{token}"') == 'refused: [redacted]; "[redacted]"'
    assert redact({"command": ["botkit", f"--token={token}"]}) == {"command": ["botkit", "--token=[redacted]"]}


def test_redaction_ends_somewhere() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "…" in str(redact(endless))


def test_an_absent_secret_is_seen_to_be_absent() -> None:
    assert redact({"token": "", "certificate": None, "password": 0}) == {
        "token": "",
        "certificate": None,
        "password": 0,
    }
