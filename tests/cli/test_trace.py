"""``botkit trace``: from any message that somebody got, the handler that sent it and the event that it came from."""

import json
import re
from pathlib import Path

import pytest
import trio
from typer.testing import CliRunner

from botkit import Bot, BotPlacement, ChannelMessage, Context, InstantMessage
from botkit.app.effect_store import open_effect_store
from botkit.cli.entry import build_app
from botkit.observability.metrics import Meters
from botkit.observability.texts import TextPolicy, text_hash
from botkit.testing import open_world


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(build_app(), ["trace", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def make_bot() -> Bot:
    bot = Bot("concierge")

    @bot.on_channel_message(text="!hello*")
    async def hello(message: ChannelMessage, ctx: Context) -> None:
        await ctx.reply(f"hello, {message.account}")

    @bot.on_channel_message(text="!later*")
    async def later(message: ChannelMessage, ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ctx.session.send_instant, message.account, "here I am\nforged")

    @bot.every(seconds=3600)
    async def tick(ctx: Context) -> None: ...

    @bot.on_message()
    async def fail(message: InstantMessage, ctx: Context) -> None:
        await ctx.session.mute("ann")

    return bot


async def use(store: Path, *, texts: TextPolicy = "hash", dry_run: bool = False) -> list[ChannelMessage]:
    """Have the bot do this and that; what its channel heard of it."""
    placement = BotPlacement(bot=make_bot(), account="porter", channels=("lobby",), dry_run=dry_run)
    async with (
        open_effect_store(f"sqlite:///{store}", Meters(), texts=texts) as effects,
        open_world(expect_failures=True) as world,
        world.running(placement, effect_sink=effects) as app,
    ):
        ann = await world.user("ann", channel="lobby")
        bob = await world.user("bob", channel="lobby")
        await ann.say("!hello there")
        await bob.say("!later, please")
        await ann.tell("porter", "mute me")
        while len([one for one in app.effects if one.outcome is not None]) < 4:  # noqa: ASYNC110
            await trio.sleep(0.01)
        heard = await ann.heard(ChannelMessage, seconds=0.1)
    return [message for message in heard if message.account == "porter"]


@pytest.mark.row("A18")
async def test_from_any_sent_message_to_the_event_that_it_came_from(tmp_path: Path) -> None:
    store = tmp_path / "botkit.db"
    (hello,) = await use(store, texts="full")
    code, by_number, _ = invoke(store, "--channel", "lobby", "--message", str(hello.message_id))
    assert code == 0
    id_, stamp = r"[0-9a-hjkmnp-tv-z]+", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
    chain = [
        rf"x-{id_}  {stamp}  porter send_to_channel lobby, message {hello.message_id}: hello, ann",
        r"    answer   done after \d+ ms",
        rf"    handler  h-{id_}  hello\(\) of bot concierge, {re.escape(__file__)}:\d+",
        rf"    event    e-{id_}  ChannelMessage of ann in lobby, message \d+, {stamp}: !hello there",
    ]
    assert re.fullmatch("\n".join(chain) + "\n", by_number), by_number
    assert invoke(store, "--text", "hello, ann")[1] == by_number
    effect_id, handler_id, event_id = (re.findall(rf"{kind}-{id_}", by_number)[0] for kind in "xhe")
    for option, value in [("--effect", effect_id), ("--handler", handler_id), ("--event", event_id)]:
        assert invoke(f"sqlite:///{store}", option, value)[1] == by_number
    _, to_bob, _ = invoke(store, "--account", "bob")
    assert "porter send_instant bob: here I am\\nforged" in to_bob
    assert "later() of bot concierge" in to_bob
    assert "ChannelMessage of bob in lobby" in to_bob
    _, failed, _ = invoke(store, "--event", re.findall(rf"e-{id_}", invoke(store, "--account", "ann")[1])[-1])
    assert "porter mute ann" in failed
    assert "failed after" in failed
    assert "1001: for server accounts only" in failed
    _, joined, _ = invoke(store, "--bot", "concierge", "--limit", "100")
    assert joined.index("porter join lobby") < joined.index("send_to_channel")
    assert "handler  none: botkit itself" in joined


async def test_a_text_is_found_by_its_hash_and_not_shown(tmp_path: Path) -> None:
    store = tmp_path / "botkit.db"
    await use(store)
    code, found, _ = invoke(store, "--text", "hello, ann")
    assert code == 0
    assert text_hash("hello, ann") in found
    assert "hello, ann" not in found
    assert "!hello" not in found


async def test_what_a_dry_run_held_back_says_so(tmp_path: Path) -> None:
    store = tmp_path / "botkit.db"
    assert await use(store, dry_run=True) == []
    _, found, _ = invoke(store, "--text", "hello, ann")
    assert "answer   none: a dry run held it back" in found
    assert "hello() of bot concierge" in found


async def test_as_json(tmp_path: Path) -> None:
    store = tmp_path / "botkit.db"
    await use(store)
    _, lines, _ = invoke(store, "--json", "--limit", "2")
    found = [json.loads(line) for line in lines.splitlines()]
    assert len(found) == 2
    assert found[0]["bot"] == "concierge"
    assert found[0]["ms"] <= found[1]["ms"]


async def test_the_store_of_a_configuration_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await use(tmp_path / "bots.db")
    config = tmp_path / "bots.yaml"
    config.write_text("app: {id: a}\nbots: [{bot: 'nowhere:bot', account: b}]\nstore: {url: 'sqlite:///bots.db'}\n")
    assert invoke(config, "--bot", "concierge")[0] == 0
    config.write_text("app: {id: a}\nbots: [{bot: 'nowhere:bot', account: b}]\n")
    code, _, problem = invoke(config)
    assert code == 2
    assert "store.url: is missing" in problem


async def test_nothing_that_fits(tmp_path: Path) -> None:
    await use(tmp_path / "botkit.db")
    assert invoke(tmp_path / "botkit.db", "--bot", "nobody") == (1, "", "botkit: nothing that fits is kept there\n")


def test_no_store(tmp_path: Path) -> None:
    code, _, problem = invoke(tmp_path / "none.db")
    assert code == 1
    assert "there is no such file" in problem
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at" * 50)
    assert "file is not a database" in invoke(tmp_path / "text.db")[2]
    assert invoke("sqlite:nonsense")[0] == 2


def test_a_database_without_bots(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    code, _, problem = invoke(tmp_path / "empty.db")
    assert code == 1
    assert "has no effect log" in problem
