"""Webhooks: signed, in order, again and again until they are taken, and a snapshot for who has missed some."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import httpx
import msgspec
import pytest
import trio
from starlette.applications import Starlette
from structlog.testing import capture_logs
from trio.testing import MockClock

from bots.presence import assembly, daemon
from bots.presence.reconcile import Offer, Snapshot, create_reconcile_app
from bots.presence.records import PRESENCE
from bots.presence.settings import WebhookSettings
from bots.presence.signing import HEADER, WrongSignature, sign, verify_signature
from bots.presence.sinks.webhook import WebhookRefused, WebhookSink
from bots.presence.store import PresenceStore
from tests.bots.presence.presence_log import script
from tests.bots.presence.presence_stage import Stage, open_stage
from tests.bots.presence.receiver import SECRET, URL, Receiver

pytestmark = pytest.mark.row("E11")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Receiver]:
    """Makes the receiver that every webhook goes to."""

    def make() -> Receiver:
        receiver = Receiver()
        transport = httpx.MockTransport(receiver)
        monkeypatch.setattr(assembly, "WebhookSink", partial(WebhookSink, transport=transport))
        return receiver

    return make


def webhook(**settings: object) -> WebhookSettings:
    """The sink's settings."""
    return WebhookSettings(**({"name": "backend", "url": URL, "secret": SECRET, "window": 0} | settings))  # type: ignore[arg-type]


async def come_and_go(stage: Stage, *accounts: str) -> None:
    """They come into a channel, and go."""
    for account in accounts:
        async with stage.world.visitor(account, channel="lobby"):
            await trio.sleep(1)


async def test_a_receiver_that_is_down_for_ten_minutes_catches_up_in_order(
    autojump_clock: MockClock, receiver: Callable[[], Receiver]
) -> None:
    told = receiver()
    with capture_logs() as logs:
        async with open_stage(sinks=(webhook(batch=3),)) as stage:
            await come_and_go(stage, "ann")
            told.down = True
            await come_and_go(stage, "bob", "cat", "ann")
            await trio.sleep(600)
            await come_and_go(stage, "dan")
            assert {record.account for record in told.taken} == {"", "ann"}
            told.down, told.forgets_to_answer = False, True
            await trio.sleep(100)
            told.forgets_to_answer = False
            await trio.sleep(200)
            records = await stage.records()
    assert [record.n for record in told.taken] == [record.n for record in records] == list(range(1, len(records) + 1))
    assert told.repeated
    assert any(entry["event"] == "a sink fails and is tried again" for entry in logs)


async def test_a_try_has_the_key_of_the_first(autojump_clock: MockClock, receiver: Callable[[], Receiver]) -> None:
    told = receiver()
    async with open_stage(sinks=(webhook(),)) as stage:
        await trio.sleep(2)
        told.keys.clear()
        told.forgets_to_answer = True
        async with stage.world.visitor("ann"):
            await trio.sleep(30)
            told.forgets_to_answer = False
            await trio.sleep(60)
    assert len(told.keys) > 3
    assert len(set(told.keys)) < len(told.keys)


async def test_nothing_is_lost_or_doubled_by_a_restart_of_the_daemon(
    autojump_clock: MockClock, receiver: Callable[[], Receiver]
) -> None:
    told = receiver()
    async with open_stage(runs=False) as stage:
        for _ in range(2):
            async with stage.daemon(sinks=(webhook(window=2),)):
                await come_and_go(stage, "ann", "bob")
            await come_and_go(stage, "cat")
        async with stage.daemon(sinks=(webhook(window=2),)):
            await trio.sleep(10)
        records = await stage.records()
    assert sorted(record.n for record in told.taken) == [record.n for record in records]
    for account in ("ann", "bob", "cat"):
        mine = [record for record in told.taken if record.account == account]
        assert [record.n for record in mine] == sorted(record.n for record in mine)


async def test_past_the_budget_it_goes_to_the_dead_letters_and_the_rest_goes_on(
    autojump_clock: MockClock,
    receiver: Callable[[], Receiver],
) -> None:
    told = receiver()
    with capture_logs() as logs:
        async with open_stage(sinks=(webhook(retry_seconds=30),)) as stage:
            await trio.sleep(2)
            told.down = True
            async with stage.world.visitor("ann"):
                await trio.sleep(60)
                told.down = False
                await trio.sleep(60)
            await trio.sleep(5)
            dead = await stage.database.fetch("SELECT sink, json FROM dead_letters")
            assert stage.world.metric("botkit_presence_sink_dead_letters_total", sink="backend") == len(dead) == 1
    assert [(record.event, record.account) for record in told.taken][-1] == ("offline", "ann")
    assert any(entry["event"] == "a sink did not take records in time" for entry in logs)


class Endless(httpx.AsyncByteStream):
    """An answer without an end."""

    def __init__(self) -> None:
        self.parts = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await trio.lowlevel.checkpoint()
            self.parts += 1
            yield b"x" * 1024


async def test_an_answer_is_not_read_without_a_bound(autojump_clock: MockClock) -> None:
    endless = Endless()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=endless))
    sink = WebhookSink("backend", URL, SECRET, timeout=10, transport=transport)
    with trio.fail_after(10):
        await sink.deliver(script("1 online ann"))
    await sink.aclose()
    assert endless.parts == 0


async def test_a_refusal_names_no_more_of_the_address_than_its_host() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(503))
    sink = WebhookSink("backend", f"{URL}?token=confidential", SECRET, timeout=10, transport=transport)
    with pytest.raises(WebhookRefused, match=r"^backend\.example\.org answers 503$"):
        await sink.deliver(script("1 online ann"))
    await sink.aclose()


def test_a_signature_is_believed_only_with_its_body_its_secret_and_its_time() -> None:
    body, now = b'{"v":1}', 1_800_000_000
    header = sign(SECRET, body, now)
    verify_signature(SECRET, header, body, now)
    verify_signature(SECRET, header, body, now + 300)
    verify_signature(SECRET, header, body, now - 300)
    for wrong in (
        partial(verify_signature, SECRET, header, body + b" ", now),
        partial(verify_signature, SECRET + "x", header, body, now),
        partial(verify_signature, SECRET, header, body, now + 301),
        partial(verify_signature, SECRET, header, body, now - 301),
        partial(verify_signature, SECRET, header.replace("t=18", "t=19"), body, now),
        partial(verify_signature, SECRET, "", body, now),
        partial(verify_signature, SECRET, "t=x,v1=y", body, now),
        partial(verify_signature, SECRET, f"t={now}", body, now),
        partial(verify_signature, SECRET, f"t={now},v1=ä", body, now),
    ):
        with pytest.raises(WrongSignature):
            wrong()
    assert HEADER == "Botkit-Signature"


@asynccontextmanager
async def reconcile(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, Offer]]:
    """What the daemon would hand out on its address."""
    offers: dict[str, Offer] = {}
    real = daemon._offers

    def noting(*arguments: object) -> dict[str, Offer]:
        offers.update(real(*arguments))  # type: ignore[arg-type]
        return offers

    monkeypatch.setattr(daemon, "_offers", noting)
    yield offers


async def ask(app: Starlette, secret: str, sink: str = "backend") -> httpx.Response:
    """Ask for a snapshot."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://presence") as client:
        return await client.get("/snapshot", params={"sink": sink}, headers={"Authorization": f"Bearer {secret}"})


@pytest.mark.parametrize("window", [0, 2])
async def test_a_snapshot_and_what_comes_after_its_cursor_are_the_truth(
    window: int, autojump_clock: MockClock, receiver: Callable[[], Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = receiver()
    async with reconcile(monkeypatch) as offers, open_stage(sinks=(webhook(window=window),)) as stage:
        app = create_reconcile_app(PresenceStore(stage.database), offers)
        stays = [await stage.world.user("ann", channel="lobby"), await stage.world.user("bob", channel="lobby")]
        await come_and_go(stage, "cat")
        await trio.sleep(5)
        for pause in (0.0, 0.5, 1.0, 3.0):
            await stays[0].session.logout()
            await trio.sleep(pause)
            answer = await ask(app, SECRET)
            assert answer.status_code == 200
            snapshot = msgspec.json.decode(answer.content, type=Snapshot)
            stays[0] = await stage.world.user("ann", channel="room")
            await trio.sleep(10)
            there = {(one.account, one.channel) for one in snapshot.present}
            for record in told.taken:
                if record.event in PRESENCE and record.cursor is not None and record.cursor > snapshot.cursor:
                    change = there.add if record.event in ("online", "joined") else there.discard
                    change((record.account, record.channel))
            assert there == {("ann", ""), ("ann", "room"), ("bob", ""), ("bob", "lobby")}


async def test_a_snapshot_is_for_who_knows_the_secret(
    autojump_clock: MockClock, receiver: Callable[[], Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver()
    async with reconcile(monkeypatch) as offers, open_stage(sinks=(webhook(),)) as stage:
        app = create_reconcile_app(PresenceStore(stage.database), offers)
        assert (await ask(app, SECRET)).status_code == 200
        assert (await ask(app, "another")).status_code == 401
        assert (await ask(app, "")).status_code == 401
        assert (await ask(app, SECRET, "other")).status_code == 401
