"""Answers that promise something wait until the store has it: held in order, bounded, and nobody else waits."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio

from botkit.errors import StoreError, TransportClosed
from botkit.gateway import journal
from botkit.gateway.server import Gateway, serve_gateway
from botkit.gateway.settings import AppCredentials, GatewaySettings
from botkit.stores.gateway import Change, MemoryGatewayStore
from botkit.testing import TEST_APP, Refusal, WirePeer, open_test_gateway
from botkit.types import JsonValue
from botkit.wire.ledger import decode_event


class Gate(MemoryGatewayStore):
    """A store that says it is durable, and commits only while its gate is open and it does not fail."""

    durable = True

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.failing = False
        self._open = trio.Event()
        self._open.set()

    def shut(self) -> None:
        self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    async def commit(self, changes: Sequence[Change]) -> None:
        await self._open.wait()
        if self.failing:
            raise StoreError("gate", "no space left")
        self.batches.append(len(changes))
        await super().commit(changes)


@asynccontextmanager
async def two(settings: GatewaySettings | None = None) -> AsyncIterator[tuple[Gateway, Gate, WirePeer, WirePeer]]:
    """A gateway on a gate, ann and bob in the lobby; the gate is opened in the end."""
    store = Gate()
    async with (
        open_test_gateway(settings, store=store) as gateway,
        WirePeer.connect(gateway.connector, "ann") as ann,
        WirePeer.connect(gateway.connector, "bob") as bob,
    ):
        for peer in (ann, bob):
            await peer.request("channel_join", name="lobby")
        await ann.next_notice("channel_user_join")
        yield gateway, store, ann, bob
        store.failing = False
        store.open()


def ask(function: str, call_id: int, line: str, arguments: str = "") -> str:
    return f'["call2",["{function}",{call_id},{{"line":"{line}"{arguments}}}]]'


SET = ',"name":"mood","value":"x"'


async def test_an_answer_waits_for_the_store_and_what_is_behind_it_too(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (_, store, ann, bob):
        store.shut()
        await ann.send('["ping",1]')
        await ann.send(ask("user_set_attr", 1, ann.line, SET))
        await ann.send('["ping",2]')
        await ann.send(ask("channel_query_num", 2, ann.line, ',"name":"lobby"'))
        assert await ann.receive() == ["pong", 1]
        assert await ann.is_silent(10)
        # Others are served meanwhile, but for what they promise themselves.
        assert (await bob.request("channel_query_num", name="lobby"))["num"] == 2
        await bob.request("channel_sendmsg", name="lobby", msg="hello")
        store.open()
        names = [(await ann.receive())[0] for _ in range(4)]
        assert names == ["call2-ret", "pong", "call2-ret", "notify"]


async def test_what_promises_nothing_does_not_wait(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (_, store, ann, _):
        store.shut()
        with trio.fail_after(1):
            await ann.request("channel_sendmsg", name="lobby", msg="hello")
            assert await ann.fetch() == []
            await ann.request("user_get_attr_all", account="ann")
            with pytest.raises(Refusal):
                await ann.request("user_set_attr", name="n" * 129, value="x")


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("user_sendmsg", {"peer": "cid", "flag": "v1:E:60", "t": "instant", "content": "x"}),
        ("user_set_attr", {"name": "n", "value": "v"}),
        ("channel_set_attr", {"channel": "lobby", "name": "n", "value": "v"}),
        ("channel_del_attr", {"channel": "lobby", "name": "n"}),
        ("channel_clear_attr", {"channel": "lobby"}),
        ("channel_join", {"name": "kitchen"}),
        ("user_logout", {}),
    ],
)
async def test_these_answers_are_promises(
    function: str, arguments: dict[str, JsonValue], autojump_clock: trio.testing.MockClock
) -> None:
    async with two() as (_, store, ann, _):
        store.shut()
        with trio.move_on_after(5) as waiting:
            await ann.request(function, **arguments)
        assert waiting.cancelled_caught
        store.open()
        assert await ann.receive_named("call2-ret")


async def test_a_login_is_answered_when_its_uid_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (gateway, store, _, _):
        store.shut()
        async with WirePeer.connect(gateway.connector) as cid:
            with trio.move_on_after(5) as waiting:
                await cid.login("cid")
            assert waiting.cancelled_caught
            store.open()
            assert await cid.receive_named("login_ret")


@pytest.mark.row("G06")
async def test_an_observer_is_shown_no_number_that_could_be_taken_back(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (gateway, store, ann, bob), WirePeer.connect(gateway.connector, "server") as server:
        await server.request("channel_join", name="__agora_channel_event")
        store.shut()
        await bob.send(ask("channel_join", 1, bob.line, ',"name":"kitchen"'))
        assert (await ann.next_notice()).kind == "channel_user_leave"
        assert await server.is_silent(5)
        store.open()
        events = [decode_event(str((await server.next_notice()).content["msg"])).event for _ in range(2)]
        assert events == ["channel_leave", "channel_join"]


async def test_changes_of_one_commits_time_go_together(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (gateway, store, ann, _):
        await gateway.journal.wait_committed()
        store.batches.clear()
        store.shut()
        for number in range(50):
            await ann.send(ask("user_set_attr", number, ann.line, SET))
        await trio.sleep(1)
        store.open()
        for _ in range(50):
            await ann.receive_named("call2-ret")
        assert len(store.batches) <= 2
        assert gateway.counters.commits.value >= 2


async def test_a_store_that_fails_is_asked_again_and_nothing_is_lost(
    autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    async with two() as (gateway, store, ann, bob):
        store.failing = True
        await ann.send(ask("user_set_attr", 1, ann.line, ',"name":"mood","value":"kept"'))
        assert await ann.is_silent(3.5)
        assert gateway.counters.store_errors.value == 4
        assert "no space left" in capsys.readouterr().out
        store.failing = False
        with trio.fail_after(1.1):
            assert (await ann.receive())[0] == "call2-ret"
        snapshot = await store.load()
        assert [*snapshot.user_attributes.values()] == [{"mood": "kept"}]
        assert (await bob.request("user_get_attr", account="ann", name="mood"))["value"] == "kept"


async def test_more_than_the_store_can_take_is_refused(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_PENDING", 20)
    async with two() as (gateway, store, ann, bob):
        store.shut()
        for number in range(40):
            await ann.send(ask("user_set_attr", number, ann.line, SET))
        await trio.sleep(1)
        with pytest.raises(Refusal, match="does not keep up") as refusal:
            await bob.request("user_set_attr", name="mood", value="x")
        assert refusal.value.code == 1001
        assert len(gateway.journal._pending) <= 22
        async with WirePeer.connect(gateway.connector) as cid:
            with pytest.raises(Refusal, match="does not keep up"):
                await cid.login("cid")
        store.open()
        answers = [str(await ann.receive_named("call2-ret")) for _ in range(40)]
        accepted = ['"result":"ok"' in answer for answer in answers]
        assert accepted == sorted(accepted, reverse=True)
        assert True in accepted
        assert False in accepted
        await bob.request("user_set_attr", name="mood", value="x")


async def test_more_bytes_than_the_store_can_take_are_refused(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_PENDING_BYTES", 40_000)
    async with two() as (gateway, store, ann, bob):
        await gateway.journal.wait_committed()
        store.shut()
        value = f',"channel":"lobby","name":"mood","value":"{"x" * 8000}"'
        for number in range(2):  # each is in the attributes and in the ledger
            await ann.send(ask("channel_set_attr", number, ann.line, value))
        await trio.sleep(1)
        assert 32_000 < gateway.journal._pending_bytes < 40_000
        assert await bob.request("channel_query_num", name="lobby")
        await ann.send(ask("channel_set_attr", 3, ann.line, value))
        await trio.sleep(1)
        with pytest.raises(Refusal, match="does not keep up") as refusal:
            await bob.request("channel_query_num", name="lobby")
        assert refusal.value.code == 1001
        assert gateway.counters.refused_changes.value == 1
        store.open()
        await gateway.journal.wait_committed()
        assert gateway.journal._pending_bytes == 0
        await bob.request("user_set_attr", name="mood", value="x")


async def test_a_peer_that_leaves_while_its_answer_is_held(autojump_clock: trio.testing.MockClock) -> None:
    async with two() as (gateway, store, _, bob):
        store.shut()
        async with WirePeer.connect(gateway.connector) as cid:
            await cid.send('["login",{"vid":"test-app","account":"cid","token":""}]')
            await trio.sleep(1)
        await trio.sleep(5)
        store.open()
        await trio.sleep(1)
        assert gateway.sessions == 2
        assert (await bob.request("user_query_user_status", account="cid"))["status"] == 0
        assert b"botkit_gateway_open_connections 2.0\n" in gateway.meters.render()


async def test_the_stop_waits_for_the_store_and_then_answers(autojump_clock: trio.testing.MockClock) -> None:
    store, stop = Gate(), trio.CancelScope()

    async def serve(*, task_status: trio.TaskStatus[Gateway]) -> None:
        with stop:
            settings = GatewaySettings(apps=(AppCredentials(id=TEST_APP),))
            await serve_gateway(settings, store=store, task_status=task_status)

    async with trio.open_nursery() as nursery:
        gateway = await nursery.start(serve)
        async with WirePeer.connect(gateway.connector, "ann") as ann:
            store.shut()
            await ann.send(ask("user_set_attr", 7, ann.line, ',"name":"mood","value":"kept"'))
            await trio.testing.wait_all_tasks_blocked()
            stop.cancel()
            assert await ann.is_silent(1)
            store.open()
            assert (await ann.receive())[0] == "call2-ret"
            with pytest.raises(TransportClosed) as closed:
                await ann.receive()
            assert closed.value.code == 1001
    assert [*(await store.load()).user_attributes.values()] == [{"mood": "kept"}]


@pytest.mark.parametrize("messages", [30, 31])
async def test_who_waits_for_the_store_for_too_long_is_not_taken_for_slow(
    messages: int, autojump_clock: trio.testing.MockClock
) -> None:
    """Ann's answer waits for the store, and what she is told behind it; bob, who waits for nothing, goes on."""
    frame = len(b"\x82\x7e__") + len(
        '["notify",["channel2","lobby",10,"msg-v2 bob - - channel_msg 1795384800000 '
        '{\\"channel\\":\\"lobby\\",\\"account\\":\\"bob\\",\\"uid\\":2,\\"msg\\":\\"\\"}"]]'
    )
    size = 1000
    settings = GatewaySettings(apps=(), send_buffer=30 * (frame + size) + 500)
    async with two(settings) as (gateway, store, ann, bob):
        await trio.sleep(1)
        store.shut()
        await ann.send(ask("user_set_attr", 1, ann.line, SET))
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(messages):
            await bob.request("channel_sendmsg", name="lobby", msg="x" * size)
            await bob.next_notice("channel_msg")
        assert gateway.counters.slow_peers.value == 0
        assert gateway.counters.unanswered_peers.value == (messages == 31)
        if messages == 31:
            assert gateway.counters.logouts.values == {"store_slow": 1}
            with pytest.raises(TransportClosed) as closed:
                await ann.receive()
            assert (closed.value.code, closed.value.reason) == (1013, "the store does not keep up")
        store.open()
        if messages == 30:
            assert (await ann.receive())[0] == "call2-ret"
            for _ in range(messages):
                await ann.next_notice("channel_msg")
