"""The effect log in a store: written behind the bots' backs, bounded, and complete when they have stopped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from botkit import Bot, ChannelMessage, Context, Database, open_database
from botkit.app import effect_store
from botkit.app.causality import Cause, handling
from botkit.app.effect_log import BotEffects, EffectLog
from botkit.app.effect_store import SCHEMA, EffectStore, open_effect_store
from botkit.app.meters import AppMeters
from botkit.app.signatures import Place
from botkit.errors import ConfigError, StoreError
from botkit.events import DigitsPressed
from botkit.observability.metrics import Meters
from botkit.observability.texts import TextPolicy, show_text
from botkit.signaling.effects import SendInCall, SendInstant
from botkit.signaling.outgoing import DONE, Outcome
from botkit.testing import open_world
from botkit.types import Account, AppId, ChannelName
from botkit.wire.messages import dtmf_extra


class Kept:
    """An effect log with a store in memory."""

    def __init__(self, database: Database, *, keep: int = 1000, texts: TextPolicy = "hash") -> None:
        self.database = database
        self.meters = Meters()
        self.store = EffectStore(database, self.meters, texts=texts, keep=keep)
        self.log = EffectLog(AppId("app"), AppMeters(self.meters), sink=self.store)
        self.observer = BotEffects(self.log, "b")

    def do(self, text: str, outcome: Outcome | None = DONE) -> None:
        followed = self.observer.begun(Account("bot"), SendInstant(account="ann", text=text, ttl=1))
        if outcome is not None:
            followed.ended(outcome)

    async def column(self, name: str) -> list[object]:
        return [row[0] for row in await self.database.fetch(f"SELECT {name} FROM bot_effects ORDER BY id")]

    @property
    def not_kept(self) -> int:
        return self.meters.counter("effects_not_kept", "Effects that were not written to the store").value


@asynccontextmanager
async def kept(*, keep: int = 1000, texts: TextPolicy = "hash") -> AsyncIterator[Kept]:
    async with open_database("sqlite://", SCHEMA) as database, trio.open_nursery() as nursery:
        one = Kept(database, keep=keep, texts=texts)
        nursery.start_soon(one.store.run)
        yield one
        nursery.cancel_scope.cancel()


async def test_what_bots_do_is_in_the_table_with_its_reason(autojump_clock: MockClock) -> None:
    bot = Bot("greeter")

    @bot.on_channel_message()
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply("hello")

    async with kept(texts="full") as one:
        async with open_world() as world, world.running(bot, effect_sink=one.store):
            ann = await world.user("ann", channel="lobby")
            await ann.say("hi")
            said = await ann.expect(ChannelMessage, text="hello")
            await trio.sleep(1)
        columns = "bot, account, verb, target, channel, words, message_id, fate, function, file, event_type, event_from"
        rows = await one.database.fetch(f"SELECT {columns}, event_message_id, event_words FROM bot_effects ORDER BY id")
    sent = ("greeter", "greeter", "send_to_channel", "lobby", "lobby", "hello", said.message_id, "done")
    nothing: tuple[object, ...] = ("", "", "", "", 0, "")
    assert rows == [
        ("greeter", "greeter", "join", "lobby", "lobby", "", 0, "done", *nothing),
        (*sent, "hello", __file__, "ChannelMessage", "ann", said.message_id - 1, "hi"),
    ]


async def test_a_late_answer_corrects_what_was_written(autojump_clock: MockClock) -> None:
    async with kept() as one:
        followed = one.observer.begun(Account("bot"), SendInstant(account="ann", text="x", ttl=1))
        await trio.sleep(1.5)
        assert await one.column("fate") == [""]
        followed.ended(Outcome("cancelled"))
        await trio.sleep(1)
        assert await one.column("fate") == ["cancelled"]
        followed.ended(Outcome("failed", 400, "muted"))
        await trio.sleep(1)
        assert await one.column("fate") == ["failed"]
        assert await one.column("reason") == ["muted"]


async def test_what_is_left_is_written_at_the_end(autojump_clock: MockClock) -> None:
    async with open_database("sqlite://", SCHEMA) as database:
        one = Kept(database, keep=5000)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.store.run)
            await trio.sleep(0.1)
            for number in range(1200):
                one.do(str(number))
            nursery.cancel_scope.cancel()
        assert len(await one.column("id")) == 1200


async def test_the_latest_stay(autojump_clock: MockClock) -> None:
    async with kept(keep=10, texts="full") as one:
        for begin in (0, 7, 14):
            for number in range(begin, begin + 7):
                one.do(str(number))
            await trio.sleep(1.1)
        assert await one.column("words") == [str(number) for number in range(11, 21)]


async def test_more_than_can_be_written_is_counted(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effect_store, "MOST_WAITING", 5)
    async with kept() as one:
        for number in range(8):
            one.do(str(number), outcome=None)
        assert one.not_kept == 3
        await trio.sleep(1.1)
        assert len(await one.column("id")) == 5
        one.do("there is room again")
        await trio.sleep(1.1)
        assert len(await one.column("id")) == 6


async def test_a_store_that_fails_costs_the_log_and_nothing_else(autojump_clock: MockClock) -> None:
    async with kept() as one:
        await one.database.execute("DROP TABLE bot_effects")
        with capture_logs() as logs:
            one.do("x")
            await trio.sleep(1.1)
        assert one.not_kept == 1
        assert [(entry["event"], entry["log_level"]) for entry in logs] == [("effects are not kept", "error")]
        await one.database.write([(statement, ()) for statement in SCHEMA])
        one.do("y")
        await trio.sleep(1.1)
        assert len(await one.column("id")) == 1


@pytest.mark.parametrize("policy", ["full", "hash", "none"])
async def test_texts_are_kept_by_policy(policy: TextPolicy, autojump_clock: MockClock) -> None:
    async with kept(texts=policy) as one:
        one.do("my secret")
        await trio.sleep(1.1)
        assert await one.column("words") == [show_text("my secret", policy)]
        everything = str(await one.database.fetch("SELECT * FROM bot_effects"))
        assert ("my secret" in everything) == (policy == "full")


async def test_digits_are_never_kept(autojump_clock: MockClock) -> None:
    async with kept(texts="full") as one:
        pressed = DigitsPressed(call=1, channel=ChannelName("room"), peer=Account("ann"), digits="4711")
        with handling(Cause("b", Place("f", "f.py", 1), pressed, 1)):
            one.observer.begun(
                Account("bot"), SendInCall(channel="room", account="ann", extra=dtmf_extra("0815"))
            ).ended(DONE)
        await trio.sleep(1.1)
        everything = str(await one.database.fetch("SELECT * FROM bot_effects"))
        assert "DigitsPressed" in everything
        assert "4711" not in everything
        assert "0815" not in everything


async def test_a_store_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        async with open_effect_store(f"sqlite:///{tmp_path}", Meters()):  # which is a folder
            pass
    with pytest.raises(ConfigError):
        async with open_effect_store("redis://", Meters()):
            pass
