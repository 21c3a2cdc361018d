"""The mailbox under ten times what it holds, for each policy."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from botkit.actor.mailbox import Mailbox, MailboxStatistics, OverflowPolicy
from botkit.errors import ActorDead, MailboxFull

CAPACITY = 4
OFFERED = 10 * CAPACITY


async def drain(mailbox: Mailbox[int], count: int) -> list[int]:
    return [await mailbox.get() for _ in range(count)]


@pytest.mark.row("A02")
async def test_block_makes_the_sender_wait_and_loses_nothing() -> None:
    mailbox = Mailbox[int]("m", CAPACITY)
    received: list[int] = []

    async def send() -> None:
        for number in range(OFFERED):
            assert await mailbox.put(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        assert mailbox.statistics().waiting == CAPACITY
        received += await drain(mailbox, OFFERED)
    assert received == list(range(OFFERED))
    statistics = mailbox.statistics()
    assert (statistics.taken, statistics.dropped, statistics.refused) == (OFFERED, 0, 0)
    assert statistics.blocked > 0


@pytest.mark.row("A02")
async def test_drop_oldest_keeps_the_newest() -> None:
    dropped: list[int] = []
    mailbox = Mailbox[int]("m", CAPACITY, OverflowPolicy.DROP_OLDEST, on_drop=dropped.append)
    assert all([await mailbox.put(number) for number in range(OFFERED)])
    assert await drain(mailbox, CAPACITY) == list(range(OFFERED - CAPACITY, OFFERED))
    assert dropped == list(range(OFFERED - CAPACITY))
    assert mailbox.statistics().dropped == OFFERED - CAPACITY


@pytest.mark.row("A02")
async def test_drop_newest_keeps_the_oldest() -> None:
    mailbox = Mailbox[int]("m", CAPACITY, OverflowPolicy.DROP_NEWEST)
    taken = [await mailbox.put(number) for number in range(OFFERED)]
    assert taken == [True] * CAPACITY + [False] * (OFFERED - CAPACITY)
    assert await drain(mailbox, CAPACITY) == list(range(CAPACITY))
    assert mailbox.statistics().dropped == OFFERED - CAPACITY


@pytest.mark.row("A02")
async def test_fail_tells_the_sender() -> None:
    mailbox = Mailbox[int]("m", CAPACITY, OverflowPolicy.FAIL)
    for number in range(CAPACITY):
        await mailbox.put(number)
    for number in range(CAPACITY, OFFERED):
        with pytest.raises(MailboxFull, match=r"m is full \(4 messages\)"):
            await mailbox.put(number)
    assert mailbox.statistics().refused == OFFERED - CAPACITY
    assert await drain(mailbox, CAPACITY) == list(range(CAPACITY))


async def test_put_nowait_on_a_full_blocking_mailbox() -> None:
    mailbox = Mailbox[int]("m", 1)
    mailbox.put_nowait(1)
    with pytest.raises(trio.WouldBlock):
        mailbox.put_nowait(2)


async def test_a_cancelled_put_leaves_the_message_out() -> None:
    mailbox = Mailbox[int]("m", 1)
    await mailbox.put(1)
    with trio.move_on_after(0):
        await mailbox.put(2)
    assert await mailbox.get() == 1
    assert mailbox.statistics().waiting == 0


async def test_close_gives_back_what_waits_and_wakes_senders_and_reader() -> None:
    mailbox = Mailbox[int]("m", 2)
    await mailbox.put(1)
    await mailbox.put(2)
    assert mailbox.close() == [1, 2]
    assert mailbox.close() == []
    with pytest.raises(ActorDead, match="m has stopped"):
        await mailbox.put(3)
    with pytest.raises(ActorDead):
        mailbox.put_nowait(3)
    with pytest.raises(trio.EndOfChannel):
        await mailbox.get()
    assert mailbox.statistics() == MailboxStatistics(capacity=2, waiting=0, taken=0, dropped=2, refused=0, blocked=0)


async def test_close_while_a_reader_waits() -> None:
    mailbox = Mailbox[int]("m", 2)

    async def read() -> None:
        with pytest.raises(trio.EndOfChannel):
            await mailbox.get()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        mailbox.close()


async def test_open_after_close_takes_messages_again() -> None:
    mailbox = Mailbox[int]("m", 2)
    mailbox.close()
    mailbox.open()
    await mailbox.put(1)
    mailbox.open()
    assert await mailbox.get() == 1


def test_capacity_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        Mailbox[int]("m", 0)


@pytest.mark.parametrize("policy", OverflowPolicy)
async def test_a_notice_comes_after_what_was_there_and_before_what_comes_later(policy: OverflowPolicy) -> None:
    mailbox = Mailbox[int]("m", 2, policy)
    await mailbox.put(1)
    await mailbox.put(2)
    mailbox.put_notice(-1)
    mailbox.put_notice(-2)
    assert mailbox.statistics().waiting == 4
    if policy is OverflowPolicy.DROP_OLDEST:
        await mailbox.put(3)
        assert await drain(mailbox, 4) == [2, -1, -2, 3]
    else:
        assert await drain(mailbox, 1) == [1]
        await mailbox.put(3)
        assert await drain(mailbox, 4) == [2, -1, -2, 3]
    assert mailbox.statistics().waiting == 0


async def test_a_notice_wakes_the_reader_and_a_closed_mailbox_drops_it() -> None:
    mailbox = Mailbox[int]("m", 1)
    read: list[int] = []

    async def read_one() -> None:
        read.append(await mailbox.get())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read_one)
        await wait_all_tasks_blocked()
        mailbox.put_notice(-1)
    assert read == [-1]
    await mailbox.put(1)
    mailbox.put_notice(-2)
    assert mailbox.close() == [1, -2]
    mailbox.put_notice(-3)
    mailbox.open()
    await mailbox.put(2)
    assert await drain(mailbox, 1) == [2]


async def test_a_cancelled_get_loses_no_notice() -> None:
    mailbox = Mailbox[int]("m", 1)
    await mailbox.put(1)
    mailbox.put_notice(-1)
    assert await drain(mailbox, 1) == [1]
    with trio.move_on_after(0):
        await mailbox.get()
    assert await drain(mailbox, 1) == [-1]
