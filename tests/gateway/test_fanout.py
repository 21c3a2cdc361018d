"""A fan-out keeps what is told once for all, and yet every listener gets just what it would get one by one."""

import gc
import random
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from botkit.errors import TransportClosed
from botkit.gateway import fanout as fanout_module
from botkit.gateway.fanout import Fanout, SendNow
from botkit.gateway.framing import compact_frame, text_frame
from botkit.gateway.outbox import Cut, Flusher, Outbox

LONG = b"x" * 2000


class Socket:
    """A link that takes all, ``room`` bytes at a time; it notes each send."""

    peer = "test"
    pending = 0

    def __init__(self) -> None:
        self.direct_send = self._send_directly
        self.sends: list[bytes] = []
        self.room = 10**9
        self.broken = False
        self._more = trio.Event()

    @property
    def sent(self) -> bytes:
        return b"".join(self.sends)

    def send_nowait(self, data: bytes | memoryview) -> int:
        if self.broken:
            raise TransportClosed
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sends.append(taken)
        return len(taken)

    def _send_directly(self, data: bytes) -> int:
        if not self.broken and not self.room:
            raise BlockingIOError
        return self.send_nowait(data)

    def make_room(self) -> None:
        self.room = 10**9
        self._more.set()
        self._more = trio.Event()

    async def wait_writable(self) -> None:
        while not self.room:
            await self._more.wait()

    async def receive(self) -> bytes:
        raise NotImplementedError

    def send_eof(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.broken = True


class Group:
    """A fan-out, its flusher, and outboxes that hear it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.flusher = Flusher(10**9)
        self.fanout = Fanout(self.flusher)
        self.cuts: list[Cut] = []

    def outbox(self, socket: Socket, *, limit: int = 10**6) -> Outbox:
        return Outbox(
            socket,
            self.flusher,
            limit,
            spawn=lambda outbox: self.nursery.start_soon(outbox.drain),
            cut=lambda _, why: self.cuts.append(why),
        )

    def listeners(self, count: int) -> list[tuple[Socket, Outbox]]:
        made = [(socket, self.outbox(socket)) for socket in (Socket() for _ in range(count))]
        for _, outbox in made:
            self.fanout.add(outbox)
        return made


@asynccontextmanager
async def group() -> AsyncIterator[Group]:
    async with trio.open_nursery() as nursery:
        yield Group(nursery)
        nursery.cancel_scope.cancel()


def framed(*payloads: bytes) -> bytes:
    return b"".join(map(text_frame, payloads))


async def test_all_of_a_tick_is_one_send_of_the_same_bytes() -> None:
    async with group() as at:
        listeners = at.listeners(3)
        for payload in (b"one", b"two"):
            at.fanout.tell(payload)
        await at.flusher.flush()
        assert [socket.sends for socket, _ in listeners] == [[framed(b"one", b"two")]] * 3
        assert len({id(socket.sends[0]) for socket, _ in listeners}) == 1
        await at.flusher.flush()
        assert len(listeners[0][0].sends) == 1


async def test_own_messages_keep_their_place_between_those_of_all() -> None:
    async with group() as at:
        ((socket, outbox), (other, _)) = at.listeners(2)
        outbox.put(b"a")
        at.fanout.tell(b"one")
        outbox.put(b"b")
        at.fanout.tell(b"two")
        await at.flusher.flush()
        assert socket.sends == [b"a" + framed(b"one") + b"b" + framed(b"two")]
        assert other.sends == [framed(b"one", b"two")]


async def test_who_comes_hears_what_is_told_from_then_on_and_who_leaves_what_was_told_until_then() -> None:
    async with group() as at:
        ((socket, outbox),) = at.listeners(1)
        at.fanout.tell(b"one")
        at.fanout.remove(outbox)
        ((late, _),) = at.listeners(1)
        at.fanout.tell(b"two")
        await at.flusher.flush()
        assert (socket.sent, late.sent) == (framed(b"one"), framed(b"two"))


async def test_who_is_gone_gets_nothing_more_and_costs_nothing() -> None:
    async with group() as at:
        ((socket, outbox),) = at.listeners(1)
        at.fanout.tell(b"one")
        at.fanout.remove(outbox, gone=True)
        await at.flusher.flush()
        assert (socket.sent, len(at.fanout)) == (b"", 0)


async def test_who_takes_deflated_messages_gets_long_ones_so_and_short_ones_shared() -> None:
    async with group() as at:
        ((plain, _), (compact, outbox)) = at.listeners(2)
        outbox.compact = True
        at.fanout.tell(LONG)
        await at.flusher.flush()
        assert (plain.sent, compact.sent) == (text_frame(LONG), compact_frame(LONG))
        at.fanout.tell(b"short")
        await at.flusher.flush()
        assert compact.sends[1] is plain.sends[1]


async def test_a_full_socket_gets_the_rest_in_order_when_it_has_room() -> None:
    async with group() as at:
        ((socket, outbox), (other, _)) = at.listeners(2)
        socket.room = 4
        at.fanout.tell(b"one")
        await at.flusher.flush()
        at.fanout.tell(b"two")
        await at.flusher.flush()
        assert (socket.sent, other.sent) == (framed(b"one")[:4], framed(b"one", b"two"))
        assert outbox.stuck_since is not None
        assert at.flusher.waiting == outbox.backlog == len(framed(b"one", b"two")) - 4
        socket.make_room()
        await trio.testing.wait_all_tasks_blocked()
        assert (socket.sent, at.flusher.waiting) == (framed(b"one", b"two"), 0)


async def test_broken_socket_is_let_go_and_the_others_hear_all() -> None:
    async with group() as at:
        ((socket, outbox), (other, _)) = at.listeners(2)
        socket.broken = True
        at.fanout.tell(b"one")
        await at.flusher.flush()
        assert (other.sent, outbox.fanout, len(at.fanout)) == (framed(b"one"), None, 1)


@pytest.mark.parametrize("told_between", [False, True])
async def test_what_was_told_before_a_hold_waits_for_that_one_and_not_for_the_next(told_between: bool) -> None:
    async with group() as at:
        ((socket, outbox), (other, _)) = at.listeners(2)
        if told_between:
            outbox.put(b"answer")
            outbox.hold(1)
        at.fanout.tell(b"one")
        outbox.hold(2 if told_between else 1)
        await at.flusher.flush()
        outbox.put(b"promise")
        outbox.hold(3)
        await at.flusher.flush()
        assert (socket.sent, other.sent) == (b"", framed(b"one"))
        outbox.release(2)
        await at.flusher.flush()
        assert socket.sent == (b"answer" if told_between else b"") + framed(b"one")
        outbox.release(3)
        await at.flusher.flush()
        assert socket.sent.endswith(framed(b"one") + b"promise")


async def test_promise_holds_back_what_all_were_told_before_it() -> None:
    async with group() as at:
        ((socket, outbox),) = at.listeners(1)
        at.fanout.tell(b"one")
        outbox.hold(1)
        at.fanout.tell(b"two")
        await at.flusher.flush()
        assert socket.sent == b""
        assert outbox.release(1)
        await at.flusher.flush()
        assert socket.sent == framed(b"one", b"two")


async def test_what_is_told_while_a_flush_gives_others_a_turn_comes_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout_module, "SENDS_PER_TURN", 2)
    async with group() as at:
        listeners = at.listeners(7)
        leaver = listeners[5]

        async def interfere() -> None:
            assert [bool(socket.sends) for socket, _ in listeners].count(False) > 1, "the flush is over already"
            at.fanout.tell(b"two")
            listeners[6][1].put(b"own")
            at.fanout.remove(leaver[1])
            await at.flusher.flush()

        at.fanout.tell(b"one")
        at.nursery.start_soon(interfere)
        await at.flusher.flush()
        await trio.testing.wait_all_tasks_blocked()
        assert {socket.sent for socket, _ in listeners[:6]} == {framed(b"one", b"two")}
        assert listeners[6][0].sent == framed(b"one", b"two") + b"own"
        assert all(len(set(socket.sends)) == len(socket.sends) for socket, _ in listeners)


class Walk:
    """Random steps; beside each outbox, what it would have been sent if everything were put into it one by one."""

    def __init__(self, at: Group, seed: int) -> None:
        self.at, self.random = at, random.Random(seed)
        self.expected: dict[Outbox, bytes] = {}
        self.sockets: dict[Outbox, Socket] = {}
        self.held: dict[Outbox, int] = {}
        self.count = 0

    def text(self) -> bytes:
        self.count += 1
        return b"<%d>" % self.count

    async def step(self) -> None:
        await self.random.choice(
            [
                self.tell,
                self.tell,
                self.put,
                self.put,
                self.come,
                self.leave,
                self.hold,
                self.release,
                self.fill,
                self.flush,
            ]
        )()

    def anybody(self) -> Outbox:
        return self.random.choice(list(self.expected))

    async def tell(self) -> None:
        payload = self.text() if self.random.random() < 0.9 else LONG
        self.at.fanout.tell(payload)
        for outbox in self.expected:
            if outbox.fanout is not None:
                self.expected[outbox] += compact_frame(payload) if outbox.compact else text_frame(payload)

    async def put(self) -> None:
        outbox, data = self.anybody(), self.text()
        outbox.put(data)
        self.expected[outbox] += data

    async def come(self) -> None:
        socket = Socket()
        outbox = self.at.outbox(socket)
        outbox.compact = self.random.random() < 0.3
        self.expected[outbox], self.sockets[outbox] = b"", socket
        self.at.fanout.add(outbox)

    async def leave(self) -> None:
        outbox = self.anybody()
        if outbox.fanout is None:
            self.at.fanout.add(outbox)
        else:
            self.at.fanout.remove(outbox)

    async def hold(self) -> None:
        outbox = self.anybody()
        self.held[outbox] = self.held.get(outbox, 0) + 1
        outbox.hold(self.held[outbox])

    async def release(self) -> None:
        outbox = self.anybody()
        outbox.release(self.held.get(outbox, 0))

    async def fill(self) -> None:
        socket = self.sockets[self.anybody()]
        if socket.room > 10**6:
            socket.room = self.random.randrange(10)
        else:
            socket.make_room()

    async def flush(self) -> None:
        self.at.nursery.start_soon(self.at.flusher.flush)
        if self.random.random() < 0.5:
            await trio.lowlevel.checkpoint()

    async def check(self) -> None:
        for outbox, socket in self.sockets.items():
            outbox.release(10**9)
            socket.make_room()
        await self.at.flusher.flush()
        await trio.testing.wait_all_tasks_blocked()
        for outbox, socket in self.sockets.items():
            assert socket.sent == self.expected[outbox]
            assert outbox.backlog == 0
        assert self.at.flusher.waiting == 0


async def walk(seed: int, steps: int) -> None:
    async with group() as at:
        walked = Walk(at, seed)
        await walked.come()
        for _ in range(steps):
            await walked.step()
        await walked.check()


@pytest.mark.parametrize("seed", range(20))
async def test_walk(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout_module, "SENDS_PER_TURN", 2)
    await walk(seed, 120)


@pytest.mark.slow
async def test_long_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout_module, "SENDS_PER_TURN", 2)
    for seed in range(100, 600):
        await walk(seed, 200)


async def test_who_left_while_nothing_was_told_is_forgotten_at_once() -> None:
    class Leaver:
        fanout: Fanout | None = None
        multi = compact = False
        ready: SendNow | None = None

        def was_sent(self, data: bytes, taken: int) -> None:
            raise NotImplementedError

        def catch_up(self) -> None:
            assert self.fanout is not None
            assert self.fanout.news_for(self, compact=False) == []

    quiet, leaver = Fanout(Flusher(10**9)), Leaver()
    quiet.add(leaver)
    quiet.remove(leaver)
    left = weakref.ref(leaver)
    del leaver
    gc.collect()
    assert left() is None
