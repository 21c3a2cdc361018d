"""What waits for a peer: in order, bounded, held when asked to, and never at the expense of others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hypothesis.strategies as st
import pytest
import trio
from hypothesis import example, given, settings

from botkit.errors import TransportClosed
from botkit.gateway.fanout import SENDS_PER_TURN
from botkit.gateway.outbox import Cut, Flusher, Outbox


class Socket:
    """A link that takes ``room`` bytes, and breaks when told to.

    One that ``buffers`` takes all, as TLS does, and sends it on when there is room.
    """

    direct_send = None
    peer = "test"

    def __init__(self, room: int, *, buffers: bool) -> None:
        self.room, self.broken, self.ended = room, False, False
        self.closings = 0
        self.sends: list[bytes] = []
        self._buffers, self._buffered = buffers, b""
        self._writable = trio.Event()

    @property
    def sent(self) -> bytes:
        return b"".join(self.sends)

    @property
    def pending(self) -> int:
        return len(self._buffered)

    def make_room(self, room: int) -> None:
        self.room += room
        self._wake()

    def fail(self) -> None:
        self.broken = True
        self._wake()

    def _wake(self) -> None:
        self._writable.set()
        self._writable = trio.Event()

    def send_nowait(self, data: bytes | memoryview) -> int:
        if self.broken:
            raise TransportClosed
        if not self._buffers:
            return self._take(data)
        if self._buffered:
            return 0
        self._buffered = bytes(data)
        self._push()
        return len(data)

    def _push(self) -> None:
        self._buffered = self._buffered[self._take(self._buffered) :]

    def _take(self, data: bytes | memoryview) -> int:
        assert not self.ended, "sent after the end"
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sends.append(taken)
        return len(taken)

    async def wait_writable(self) -> None:
        while not (self.room or self.broken):
            await self._writable.wait()
        if self.broken:
            raise TransportClosed
        self._push()

    def send_eof(self) -> None:
        self.ended = True

    async def receive(self) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        self.broken = True
        self.closings += 1


class Box:
    """An outbox with its socket, and what happened to it."""

    def __init__(
        self,
        nursery: trio.Nursery,
        *,
        room: int = 10**9,
        limit: int = 100,
        buffers: bool = False,
        flusher: Flusher | None = None,
    ) -> None:
        self.socket, self.flusher = Socket(room, buffers=buffers), flusher or Flusher(10**9)
        self.cuts: list[Cut] = []
        self.outbox = Outbox(
            self.socket,
            self.flusher,
            limit,
            spawn=lambda outbox: nursery.start_soon(outbox.drain),
            cut=lambda _, why: self.cuts.append(why),
        )

    def is_stuck(self) -> bool:
        since = self.outbox.stuck_since
        return since is not None and since <= trio.current_time()

    async def flush(self) -> None:
        await self.flusher.flush()
        await trio.testing.wait_all_tasks_blocked()


@asynccontextmanager
async def box(*, room: int = 10**9, limit: int = 100, buffers: bool = False) -> AsyncIterator[Box]:
    async with trio.open_nursery() as nursery:
        yield Box(nursery, room=room, limit=limit, buffers=buffers)
        nursery.cancel_scope.cancel()


async def test_what_queued_up_goes_out_in_one_send() -> None:
    async with box() as b:
        for data in (b"one", b"two", b"three"):
            b.outbox.put(data)
        assert b.socket.sends == []
        assert b.outbox.backlog == 11
        await b.flush()
        assert b.socket.sends == [b"onetwothree"]
        await b.flush()
        assert b.socket.sends == [b"onetwothree"]
        assert b.outbox.backlog == 0


@pytest.mark.parametrize("buffers", [True, False])
async def test_what_a_full_socket_does_not_take_waits_for_it(buffers: bool) -> None:
    async with box(room=4, buffers=buffers) as b:
        b.outbox.put(b"abcdef")
        await b.flush()
        assert (b.socket.sent, b.outbox.backlog) == (b"abcd", 2)
        assert b.is_stuck()
        b.outbox.put(b"ghi")
        await b.flush()
        assert b.socket.sent == b"abcd"
        b.socket.make_room(3)
        await b.flush()
        assert b.socket.sent == b"abcdefg"
        b.socket.make_room(100)
        await b.flush()
        assert b.socket.sent == b"abcdefghi"
        assert not b.is_stuck()
        b.outbox.put(b"jkl")
        await b.flush()
        assert b.socket.sent == b"abcdefghijkl"


@pytest.mark.row("G09")
@pytest.mark.parametrize("stuck", [True, False])
@pytest.mark.parametrize("buffers", [True, False])
async def test_the_backlog_is_bounded_and_forgotten_beyond(stuck: bool, buffers: bool) -> None:
    async with box(room=0, limit=100, buffers=buffers) as b:
        b.outbox.put(b"x" * 60)
        if stuck:
            await b.flush()
        else:
            b.outbox.put(b"x" * 100)
        b.outbox.put(b"y" * 40)
        assert (b.outbox.backlog, b.cuts) == (100 if stuck else 200, [])
        b.outbox.put(b"z")
        assert b.cuts == [Cut.SLOW]
        b.outbox.put(b"more")
        await b.flush()
        assert b.cuts == [Cut.SLOW]
        assert b.outbox.backlog <= 60
        assert b.socket.sent == b""


@pytest.mark.parametrize("stuck", [True, False])
async def test_a_broken_socket_is_told_once(stuck: bool) -> None:
    async with box(room=1 if stuck else 0) as b:
        if stuck:
            b.outbox.put(b"abc")
            await b.flush()
        b.socket.fail()
        b.outbox.put(b"def")
        await b.flush()
        b.outbox.put(b"ghi")
        await b.flush()
        assert b.socket.closings == 1


async def test_the_end_comes_behind_what_is_queued() -> None:
    async with box(room=2) as b:
        b.outbox.put(b"bye")
        b.outbox.finish()
        await b.flush()
        assert not b.socket.ended
        b.socket.make_room(10)
        await b.flush()
        assert (b.socket.sent, b.socket.ended) == (b"bye", True)
        b.outbox.put(b"too late")
        await b.flush()
        assert b.socket.sent == b"bye"


@pytest.mark.parametrize("buffers", [True, False])
async def test_held_data_waits_also_behind_a_full_socket_and_before_the_end(buffers: bool) -> None:
    async with box(room=2, buffers=buffers) as b:
        b.outbox.put(b"abc")
        await b.flush()
        b.outbox.put(b"promise")
        b.outbox.hold(7)
        b.outbox.finish()
        b.socket.make_room(100)
        await b.flush()
        assert (b.socket.sent, b.socket.ended) == (b"abc", False)
        assert not b.outbox.release(6)
        await b.flush()
        assert (b.socket.sent, b.socket.ended) == (b"abc", False)
        assert b.outbox.release(7)
        await b.flush()
        assert (b.socket.sent, b.socket.ended) == (b"abcpromise", True)


async def test_each_promise_waits_for_its_own_position() -> None:
    async with box() as b:
        b.outbox.put(b"first,")
        b.outbox.hold(3)
        b.outbox.put(b"second,")
        b.outbox.hold(5)
        b.outbox.hold(4)
        b.outbox.put(b"third")
        for committed, sent in [(2, b""), (3, b"first,"), (4, b"first,"), (5, b"first,second,third")]:
            assert b.outbox.release(committed) is (committed == 5)
            await b.flush()
            assert b.socket.sent == sent
        assert b.outbox.backlog == 0


async def test_what_waits_for_the_store_has_a_bound_and_a_reason_of_its_own() -> None:
    async with box(limit=10) as b:
        b.outbox.put(b"12345")
        b.outbox.hold(1)
        b.outbox.put(b"678")
        b.outbox.hold(2)
        b.outbox.put(b"90")
        await b.flush()
        assert (b.outbox.backlog, b.cuts) == (10, [])
        b.outbox.put(b"x")
        assert (b.outbox.backlog, b.cuts) == (0, [Cut.STORE])
        assert b.outbox.release(1)
        b.outbox.put(b"more")
        b.outbox.put(b"goodbye", last=True)
        await b.flush()
        assert b.socket.sent == b"goodbye"


async def test_who_waits_for_the_store_is_not_slow_and_the_other_way_round() -> None:
    async with box(room=4, limit=10) as b:
        b.outbox.put(b"1234567890")
        await b.flush()
        assert b.outbox.backlog == 6
        b.outbox.put(b"abcd")
        b.outbox.hold(1)
        b.outbox.put(b"efghij")
        assert (b.outbox.backlog, b.cuts) == (16, [])
        assert b.outbox.release(1)
        assert b.cuts == []
        b.outbox.put(b"k")
        assert b.cuts == [Cut.SLOW]


async def test_what_the_store_let_out_is_tried_before_a_peer_is_slow() -> None:
    async with box(limit=10) as b:
        b.outbox.put(b"1234567890")
        b.outbox.hold(1)
        await b.flush()
        assert b.outbox.release(1)
        b.outbox.put(b"more")
        await b.flush()
        assert (b.socket.sent, b.cuts) == (b"1234567890more", [])


@pytest.mark.parametrize("buffers", [True, False])
async def test_what_all_leave_unread_is_bounded_and_who_has_most_goes(buffers: bool) -> None:
    async with trio.open_nursery() as nursery:
        flusher = Flusher(80)
        sizes = (5, 40, 25, 9)
        boxes = [Box(nursery, room=0, buffers=buffers, flusher=flusher) for _ in sizes]
        for b, size in zip(boxes, sizes, strict=True):
            b.outbox.put(b"x" * size)
        await flusher.flush()
        assert (flusher.waiting, [b.cuts for b in boxes]) == (79, [[]] * 4)
        boxes[0].outbox.put(b"y")
        await flusher.flush()
        assert (flusher.waiting, [b.cuts for b in boxes]) == (80, [[]] * 4)
        boxes[0].outbox.put(b"z")
        await flusher.flush()
        assert [b.cuts for b in boxes] == [[], [Cut.CROWD], [], []]
        assert (flusher.waiting, boxes[1].outbox.backlog, boxes[1].socket.closings >= 1) == (41, 0, True)
        boxes[2].socket.make_room(100)
        await trio.testing.wait_all_tasks_blocked()
        assert flusher.waiting == 16
        boxes[3].socket.fail()
        await trio.testing.wait_all_tasks_blocked()
        boxes[0].outbox.close()
        assert (flusher.waiting, flusher._behind) == (0, set())
        nursery.cancel_scope.cancel()


async def test_one_that_waits_for_the_store_is_told_when_it_is_cut_for_all() -> None:
    async with trio.open_nursery() as nursery:
        flusher = Flusher(10)
        one, other = (Box(nursery, flusher=flusher) for _ in range(2))
        for b, data in ((one, b"123456"), (other, b"1234")):
            b.outbox.put(data)
            b.outbox.hold(1)
        await flusher.flush()
        assert flusher.waiting == 10
        other.outbox.put(b"5")
        await flusher.flush()
        assert (flusher.waiting, one.cuts, other.cuts) == (5, [Cut.CROWD], [])
        one.outbox.put(b"goodbye", last=True)
        one.outbox.finish()
        await flusher.flush()
        assert (one.socket.sent, one.socket.ended, one.socket.closings) == (b"goodbye", True, 0)
        nursery.cancel_scope.cancel()


async def test_what_a_healthy_peer_gets_at_once_is_not_counted() -> None:
    async with trio.open_nursery() as nursery:
        flusher = Flusher(10)
        boxes = [Box(nursery, flusher=flusher) for _ in range(50)]
        for b in boxes:
            b.outbox.put(b"x" * 100)
        await flusher.flush()
        assert (flusher.waiting, flusher._behind) == (0, set())
        assert not any(b.cuts for b in boxes)
        nursery.cancel_scope.cancel()


actions = st.lists(
    st.sampled_from(["put", "put", "flush", "hold", "hold", "commit", "room 1", "room 5", "finish"]), max_size=30
)


class Walk:
    """Puts, holds and commits at random, and what may have been sent by then."""

    def __init__(self, b: Box) -> None:
        self._box = b
        self._put = b""
        self._flushed = 0
        self._promises: list[tuple[int, int]] = []
        self._position = self._committed = 0
        self._finished = False

    async def step(self, action: str) -> None:
        box = self._box
        if action == "put" and not self._finished:
            data = str(len(self._put) % 7).encode() * 3
            box.outbox.put(data)
            self._put += data
        elif action == "flush":
            await box.flush()
            self._flushed = len(self._put)
        elif action == "hold":
            self._position += 1
            box.outbox.hold(self._position)
            if self._flushed < len(self._put):  # what was put since the last flush or hold waits for this one
                self._promises.append((self._flushed, self._position))
            self._flushed = len(self._put)
        elif action == "commit":
            self._committed = min(self._committed + 1, self._position)
            box.outbox.release(self._committed)
        elif action == "finish":
            box.outbox.finish()
            self._finished = True
        elif action.startswith("room"):
            box.socket.make_room(int(action[5:]))
        self.check()

    def check(self) -> None:
        """What was sent is the beginning of what was put, and nothing that was put just before a hold is in it."""
        sent = self._box.socket.sent
        assert self._put.startswith(sent)
        assert all(len(sent) <= start for start, position in self._promises if position > self._committed)

    async def finish(self) -> None:
        assert self._box.outbox.release(self._position)
        self._box.socket.make_room(1000)
        await self._box.flush()
        assert self._box.socket.sent == self._put
        assert self._box.socket.ended is self._finished
        assert self._box.outbox.backlog == 0


@settings(max_examples=100)
@given(actions, st.booleans())
@example(["put", "flush", "put", "hold", "finish", "room 5", "flush"], False)
def test_any_order_of_events_sends_everything_once_in_order(actions: list[str], buffers: bool) -> None:
    async def main() -> None:
        async with box(room=2, limit=10**6, buffers=buffers) as b:
            walk = Walk(b)
            for action in actions:
                await walk.step(action)
            await walk.finish()

    trio.run(main)


async def test_a_big_flush_lets_other_tasks_have_a_turn() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        boxes = [Box(nursery) for _ in range(5 * SENDS_PER_TURN)]
        nursery.start_soon(count_turns)
        flusher = Flusher(10**9)
        for b in boxes:
            b.outbox._flusher = flusher
            b.outbox.put(b"x")
        await flusher.flush()
        assert all(b.socket.sent == b"x" for b in boxes)
        assert 3 <= turns <= 6
        nursery.cancel_scope.cancel()
