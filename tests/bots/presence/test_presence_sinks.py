"""Sinks: all are told the same, what fails is tried again, and stops nothing else."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import BotPlacement, ChannelAttributeUpdated, ConfigError, InstantMessage, open_database
from botkit.testing import open_world
from bots.presence import assembly, bot
from bots.presence.functions import import_handler
from bots.presence.records import VERSION, Record, decode_record, encode_record
from bots.presence.settings import (
    AttributeSettings,
    DatabaseSettings,
    FileSettings,
    HandlerSettings,
    MessageSettings,
    StdoutSettings,
    WebhookSettings,
)
from bots.presence.sinks.files import FileSink, StdoutSink
from bots.presence.sinks.webhook import WebhookSink
from bots.presence.store import SCHEMA
from tests.bots.presence.heard import heard
from tests.bots.presence.presence_log import script
from tests.bots.presence.presence_stage import DATABASE, open_stage, settings_for
from tests.bots.presence.receiver import SECRET, URL, Receiver

TOLD = "sqlite://presence_told"
ALL = ("ann", "bob")

T = TypeVar("T")


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disks are waited for, which a virtual clock does not do."""

    async def run_here(function: Callable[..., T], *arguments: object, **_options: object) -> T:
        await trio.lowlevel.checkpoint()
        return function(*arguments)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_here)


@pytest.mark.row("E12")
async def test_each_sink_gets_the_same_sequence(
    autojump_clock: MockClock, no_threads: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    receiver, printed = Receiver(), io.StringIO()
    monkeypatch.setattr(
        assembly, "WebhookSink", lambda *a, **k: WebhookSink(*a, **k, transport=httpx.MockTransport(receiver))
    )
    monkeypatch.setattr(assembly, "StdoutSink", lambda: StdoutSink(printed))
    heard.clear()
    sinks = (
        FileSettings(name="file", path=str(tmp_path / "a" / "told.jsonl"), accounts=ALL),
        StdoutSettings(name="stdout", accounts=ALL),
        WebhookSettings(name="webhook", url=URL, secret=SECRET, accounts=ALL),
        DatabaseSettings(name="sqlite", database=TOLD, accounts=ALL),
        AttributeSettings(name="attribute", channel="board", accounts=ALL),
        MessageSettings(name="message", account="boss", accounts=ALL),
        HandlerSettings(name="handler", function="tests.bots.presence.heard:note", accounts=ALL),
    )
    placement = BotPlacement(
        bot=bot, account="presence", channels=("board",), settings=settings_for(sinks=sinks, ignore=("boss", "reader"))
    )
    async with (
        open_database(TOLD) as database,
        open_database(DATABASE, SCHEMA),
        open_world(placement, server_accounts=("presence",)) as world,
    ):
        boss, reader = await world.user("boss"), await world.user("reader", channel="board")
        await trio.sleep(30)
        for account in (*ALL, "eve"):
            async with world.visitor(account, channel="lobby"):
                await trio.sleep(3)
            await trio.sleep(5)
        await trio.sleep(60)
        rows = await database.fetch("SELECT json FROM told ORDER BY cursor_ms, cursor_n, cursor_k")
        messages = [decode_record(message.text) for message in await boss.heard(InstantMessage)]
        attributes = [decode_record(update.value) for update in await reader.heard(ChannelAttributeUpdated)]
    told = {
        "file": [decode_record(line) for line in (tmp_path / "a" / "told.jsonl").read_bytes().splitlines()],
        "stdout": [decode_record(line) for line in printed.getvalue().splitlines()],
        "webhook": receiver.taken,
        "sqlite": [decode_record(str(text)) for (text,) in rows],
        "message": messages,
        "handler": list(heard),
    }
    whole = told["file"]
    assert [(one.event, one.account) for one in whole if one.account] == [
        (event, account) for account in ALL for event in ("online", "joined", "left", "offline")
    ]
    for name, sequence in told.items():
        once = sorted({one.cursor: one for one in sequence}.items(), key=lambda item: item[0] or (0, 0, 0))
        assert [one for _, one in once] == whole, name
    assert [one for one in attributes if one.account] == [one for one in whole if one.account]


class Hanging:
    """A sink that never ends."""

    remembers = False

    async def last_told(self) -> None:
        """It does not know."""

    async def deliver(self, _records: object) -> None:
        """For ever."""
        await trio.sleep_forever()


class Failing(Hanging):
    """A sink that always fails."""

    async def deliver(self, _records: object) -> None:
        """Not at all."""
        raise RuntimeError("the sink is clogged")


@pytest.mark.row("E12")
@pytest.mark.parametrize(("sink", "says"), [(Hanging, "it took longer than 10 s"), (Failing, "the sink is clogged")])
async def test_a_sink_that_fails_or_hangs_is_loud_and_stops_nothing_else(
    sink: Callable[[], object], says: str, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "MessageSink", lambda *_: sink())
    heard.clear()
    sinks = (
        MessageSettings(name="broken", account="boss"),
        HandlerSettings(name="handler", function="tests.bots.presence.heard:note", window=0),
    )
    with capture_logs() as logs:
        async with open_stage(sinks=sinks) as stage:
            for account in ALL:
                await stage.world.user(account)
                await trio.sleep(60)
            assert [one.n for one in heard] == [one.n for one in await stage.records()]
            assert await stage.believed() == stage.truth()
            assert stage.world.metric("botkit_presence_sink_failures_total", sink="broken") > 3
    assert any(says in str(entry.get("error", "")) and entry.get("sink") == "broken" for entry in logs)


@pytest.mark.row("E04")
async def test_raw_and_debounced_views_at_once(autojump_clock: MockClock) -> None:
    sinks = tuple(
        DatabaseSettings(name=f"w{window}", database=f"sqlite://presence_w{window}", window=window, accounts=("ann",))
        for window in (0, 1, 5)
    )
    async with (
        open_database("sqlite://presence_w0") as raw,
        open_database("sqlite://presence_w1") as short,
        open_database("sqlite://presence_w5") as long,
        open_stage(sinks=sinks) as stage,
    ):
        for pause in (0.5, 3.0, 20.0):
            async with stage.world.visitor("ann"):
                await trio.sleep(1)
            await trio.sleep(pause)
        counts = [
            [
                str(event)
                for (event,) in await database.fetch(
                    "SELECT event FROM told WHERE account = 'ann' ORDER BY cursor_ms, cursor_n, cursor_k"
                )
            ]
            for database in (raw, short, long)
        ]
    assert counts == [["online", "offline"] * 3, ["online", "offline"] * 2, ["online", "offline"]]


async def written(sink: FileSink, *numbers: int) -> None:
    """These records go into the file."""
    await sink.deliver([line(number) for number in numbers])


def line(number: int) -> Record:
    """A record."""
    return Record(v=VERSION, id=f"e-{number}", n=number, event="online", ms=number, cursor=(number, number, 0))


def kept_in(folder: Path) -> dict[str, list[int]]:
    """The numbers of the records in each file."""
    return {path.name: [json.loads(text)["n"] for text in path.read_text().splitlines()] for path in folder.iterdir()}


async def test_a_file_is_rotated_and_the_oldest_goes(tmp_path: Path) -> None:
    size = len(encode_record(line(1))) + 1
    sink = FileSink(tmp_path / "a.jsonl", max_bytes=2 * size, keep=2)
    for number in range(1, 10):
        await written(sink, number)
    assert kept_in(tmp_path) == {"a.jsonl.1": [7, 8, 9], "a.jsonl.2": [4, 5, 6]}
    assert await sink.last_told() == (9, 9, 0)


async def test_half_a_line_is_taken_away_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    sink = FileSink(path, max_bytes=1_000_000, keep=1)
    await written(sink, 1, 2)
    with path.open("ab") as file:
        file.write(b'{"v":1,"id":"e-3"')
    assert await sink.last_told() == (2, 2, 0)
    await written(sink, 3)
    assert [json.loads(text)["n"] for text in path.read_text().splitlines()] == [1, 2, 3]


async def test_after_a_restart_a_file_has_each_record_once(
    autojump_clock: MockClock, no_threads: None, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    sinks = (FileSettings(name="file", path=str(path), window=2),)
    async with open_stage(runs=False) as stage:
        async with stage.daemon(sinks=sinks), stage.world.visitor("ann", channel="lobby"):
            await trio.sleep(20)
        await stage.database.execute("UPDATE positions SET ms = 0, n = 0, k = 0")  # killed before it was noted
        async with stage.daemon(sinks=sinks):
            await trio.sleep(30)
        records = await stage.records()
    assert sorted(json.loads(text)["n"] for text in path.read_text().splitlines()) == [one.n for one in records]


@pytest.mark.parametrize(
    "reference",
    [
        "nowhere.at_all:note",
        "tests.bots.presence.heard:nothing",
        "tests.bots.presence.heard:no_coroutine",
    ],
)
def test_a_handler_that_is_none_is_refused(reference: str) -> None:
    with pytest.raises(ConfigError) as caught:
        import_handler(reference)
    assert caught.value.key == "function"


async def test_an_attribute_needs_the_bot_in_the_channel(autojump_clock: MockClock) -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_stage(sinks=(AttributeSettings(name="a", channel="board"),)):
            pass
    assert caught.group_contains(ConfigError, match=r"sinks\[0\].channel")


def test_a_script_is_what_it_says() -> None:
    first, second = script("1 joined ann lobby", "2 left ann lobby leave")
    assert (first.channel, first.reason, second.reason) == ("lobby", "", "leave")
