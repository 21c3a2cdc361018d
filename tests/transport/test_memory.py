"""The pair in memory."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from botkit.errors import TransportClosed
from botkit.transport.memory import memory_transport_pair


async def test_messages_arrive_in_order_in_both_directions() -> None:
    here, there = memory_transport_pair()
    await here.send(b"1")
    await here.send(b"2")
    await there.send(b"back")
    assert [await there.receive(), await there.receive(), await here.receive()] == [b"1", b"2", b"back"]


async def test_a_sender_waits_at_the_capacity_and_a_cancel_leaves_the_message_unsent(autojump_clock: object) -> None:
    here, there = memory_transport_pair(capacity=1)
    await here.send(b"1")
    with trio.move_on_after(1) as scope:
        await here.send(b"2")
    assert scope.cancelled_caught
    assert await there.receive() == b"1"
    await here.send(b"3")
    assert await there.receive() == b"3"


async def test_what_was_sent_before_the_close_still_comes() -> None:
    here, there = memory_transport_pair()
    await here.send(b"last")
    await here.aclose()
    assert await there.receive() == b"last"
    with pytest.raises(TransportClosed) as caught:
        await there.receive()
    assert caught.value.code == 1000
    with pytest.raises(TransportClosed):
        await there.send(b"too late")
    with pytest.raises(TransportClosed):
        await here.send(b"too late")
    with pytest.raises(TransportClosed):
        await here.receive()
    await here.aclose()


async def test_a_waiting_receiver_learns_of_the_close(nursery: trio.Nursery) -> None:
    here, there = memory_transport_pair()
    ended = trio.Event()

    async def read() -> None:
        with pytest.raises(TransportClosed):
            await there.receive()
        ended.set()

    nursery.start_soon(read)
    await wait_all_tasks_blocked()
    await here.aclose()
    await ended.wait()
