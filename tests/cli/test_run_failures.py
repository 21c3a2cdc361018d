"""What ends ``botkit run`` and ``botkit gateway`` with another code than 0, and what is said then."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import trio

from botkit import Signal

Run: TypeAlias = Callable[..., Any]
Start: TypeAlias = Callable[..., Any]
"""The fixtures of tests/processes.py."""

pytestmark = pytest.mark.slow

ANYWHERE = ("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")

BOT = """\
app: {id: the-app}
gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}
bots:
  - bot: bots.NAME:bot
    account: a-bot
    settings:
"""


@pytest.fixture
def junk(tmp_path: Path) -> None:
    """``adir`` is a folder, ``junk.db`` no database."""
    (tmp_path / "adir").mkdir()
    (tmp_path / "junk.db").write_bytes(b"no database" * 1000)


@pytest.mark.usefixtures("junk")
@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        (
            "presence",
            ["log_events: true", 'database: "sqlite:///junk.db"'],
            "8: bots[0].settings.database: bot presence cannot start: sqlite:///junk.db: ",
        ),
        (
            "presence",
            ["sinks:", "  - {to: webhook, name: a, url: nowhere, secret: 0123456789abcdef}"],
            "8: bots[0].settings.sinks[0].url: 'nowhere' is no HTTP address; ",
        ),
        (
            "moderation",
            ["hold: null", "scorers:", "  - name: rude", "    sources:", "      - {kind: model, file: junk.db}"],
            "11: bots[0].settings.scorers[0].sources[0].file: junk.db: is no usable model: ",
        ),
        (
            "moderation",
            ["scorers: [{name: rude, sources: [", "{kind: process, command: [no-such-program]}", "]}]"],
            "8: bots[0].settings.scorers[0].sources[0].command[0]: there is no program ",
        ),
        (
            "call_agent",
            ["max_calls: 3", 'database: "sqlite:///junk.db"'],
            "8: bots[0].settings.database: bot call_agent cannot start: sqlite:///junk.db: ",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    run_botkit: Run, tmp_path: Path, name: str, settings: list[str], told: str
) -> None:
    text = BOT.replace("NAME", name) + "".join(f"      {line}\n" for line in settings)
    (tmp_path / "bot.yaml").write_text(text)
    done = run_botkit("run", "bot.yaml")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"botkit: bot.yaml:{told}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("section", "named"),
    [
        (
            'gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0", store: "sqlite:///junk.db"}',
            "bot.yaml:2: gateway.store: sqlite:///junk.db",
        ),
        (
            'gateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}\nstore: {url: "sqlite:///junk.db"}',
            "bot.yaml:3: store.url: sqlite:///junk.db",
        ),
    ],
)
def test_a_store_that_cannot_be_used_is_named(
    run_botkit: Run, config: Path, junk: None, section: str, named: str
) -> None:
    lines = config.read_text().splitlines()
    config.with_name("bot.yaml").write_text("\n".join([lines[0], section, *lines[2:]]))
    done = run_botkit("run", "bot.yaml")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"botkit: {named}")


def test_a_store_on_the_command_line_that_cannot_be_used_is_named(run_botkit: Run, junk: None) -> None:
    done = run_botkit("gateway", "--app-id", "a", *ANYWHERE, "--store", "sqlite:///junk.db")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("botkit: --store: sqlite:///junk.db")


def test_a_bot_that_was_given_up_is_said_at_the_end(start_botkit: Start, config: Path) -> None:
    text = config.read_text()
    config.write_text(text.replace("demo:", '  - {bot: "hello_bot:bot", account: second}\ndemo:'))
    running = start_botkit("run", config.name)
    lines = running.read_until("ready: 2 of 2 bots at work")
    (url,) = (word.removeprefix("ws=") for line in lines for word in line.split() if word.startswith("ws="))

    async def take_over() -> None:
        async with Signal("the-app", url).open_session("second"):
            pass

    trio.run(take_over)
    running.read_until("bot over")
    code, out, err = running.stop(signal.SIGINT)
    assert (code, out.splitlines()[-1]) == (1, "stopped: every session is logged out")
    assert err == "botkit: given up on the way: concierge (second): its account logged in elsewhere\n"


@pytest.mark.row("B05")
def test_a_bot_that_asks_for_what_nobody_provides_keeps_the_process_from_starting(
    run_botkit: Run, tmp_path: Path
) -> None:
    (tmp_path / "hungry_bot.py").write_text(
        "from botkit import Bot, ChannelMessage, Router\n"
        "class Store: ...\n"
        "bot, router = Bot('hungry'), Router('r')\n"
        "bot.include(router)\n"
        "@router.on_channel_message()\n"
        "async def eat(message: ChannelMessage, store: Store) -> None: ...\n"
    )
    (tmp_path / "bot.yaml").write_text(
        'app: {id: the-app}\ngateway: {listen: "127.0.0.1:0", http: "127.0.0.1:0"}\n'
        "bots: [{bot: 'hungry_bot:bot', account: hungry}]\n"
    )
    done = run_botkit("run", "bot.yaml")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "hungry_bot.py:5: handler eat(): parameter store: nothing of type Store is known here" in done.stderr
