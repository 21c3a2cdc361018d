"""The recording that a backtest reads: written by the bot, within bounds."""

import os
import threading
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Meters
from botkit.errors import SendFailed
from bots.moderation import recorder as recorder_module
from bots.moderation.backtest.recording import read_recording
from bots.moderation.recorder import RecordSettings, open_recorder
from bots.moderation.rules import Fact, Joined, Message
from tests.bots.moderation.stage import stage


def read(path: Path) -> list[Fact]:
    """The facts of a recording."""
    return list(read_recording(path, "", lambda _count: None))


def said(text: str) -> Message:
    """A message."""
    return Message(channel="lobby", account="bob", text=text, ms=1)


@pytest.mark.row("D12")
async def test_the_bot_records_what_it_judges(autojump_clock: MockClock, tmp_path: Path) -> None:
    file = tmp_path / "var" / "traffic.jsonl"
    async with stage(record=RecordSettings(file=str(file))) as at:
        bob = await at.user("bob")
        await bob.say("hello")
        with pytest.raises(SendFailed):
            await bob.say("spam")  # refused before its delivery, and recorded all the same
        await trio.sleep(2)
    facts = read(file)
    assert [fact.text for fact in facts if isinstance(fact, Message)] == ["hello", "spam"]
    assert {(type(fact), fact.channel, fact.account) for fact in facts if isinstance(fact, Joined)} == {
        (Joined, "lobby", "bob")
    }


async def test_an_end_while_it_writes_writes_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, begun, go_on = tmp_path / "traffic.jsonl", threading.Event(), threading.Event()
    append = recorder_module._append

    def append_late(path: Path, lines: bytes, max_mib: float) -> None:
        begun.set()
        go_on.wait(60)
        append(path, lines, max_mib)

    monkeypatch.setattr(recorder_module, "_append", append_late)
    monkeypatch.setattr(recorder_module, "FLUSH_SECONDS", 0)
    async with open_recorder(RecordSettings(file=str(file)), Meters()) as recorder:
        recorder.note(said("once"))
        await trio.to_thread.run_sync(begun.wait, 60)
        trio.lowlevel.current_trio_token().run_sync_soon(go_on.set)
    assert len(read(file)) == 1


async def test_what_was_noted_last_is_written_at_the_end(tmp_path: Path) -> None:
    file, meters = tmp_path / "t.jsonl", Meters()
    async with open_recorder(RecordSettings(file=str(file)), meters) as recorder:
        recorder.note(said("last"))
    assert read(file) == [said("last")]


async def test_without_a_file_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_recorder(None, Meters()) as recorder:
        recorder.note(said("x"))
        await recorder.flush()
    assert os.listdir(tmp_path) == []


async def test_a_full_file_makes_room_for_a_new_one(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    async with open_recorder(RecordSettings(file=str(file), max_mib=200 / (1 << 20)), Meters()) as recorder:
        for number in range(10):
            recorder.note(said(f"{number} " + "x" * 50))
            await recorder.flush()
    assert [fact.text[0] for fact in read(tmp_path / "t.jsonl.1") if isinstance(fact, Message)] == ["8", "9"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.jsonl.1"]  # noqa: ASYNC240 - a test's folder


async def test_what_cannot_be_written_is_told_once_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_WAITING", 3)
    (tmp_path / "file").write_text("")
    meters = Meters()
    with capture_logs() as logs:
        async with open_recorder(RecordSettings(file=str(tmp_path / "file" / "t.jsonl")), meters) as recorder:
            for number in range(4):
                recorder.note(said(str(number)))
            await recorder.flush()
            recorder.note(said("5"))
            await recorder.flush()
    assert [one["event"] for one in logs] == ["traffic cannot be recorded"]
    lost = meters.counter("moderation_unrecorded", "Facts that could not be written down")
    assert lost.value == 5
