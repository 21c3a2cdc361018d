"""A bot as a feed sees it: what its full mailbox drops is counted and told, with its numbers."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from botkit import EventsLost, UserOnline
from botkit.actor.mailbox import OverflowPolicy
from botkit.actor.ref import ActorRef
from botkit.app.meters import AppMeters
from botkit.app.subscriber import Subscriber
from botkit.events import Event
from botkit.observability.metrics import Meters
from botkit.types import Account, Uid
from tests.app.test_feeds import watcher


def online(number: int) -> UserOnline:
    return UserOnline(account=Account(f"user{number}"), uid=Uid(number), ms=0, epoch="e", seq=number)


async def told(ref: ActorRef[Event]) -> list[object]:
    return [await ref.mailbox.get() for _ in range(ref.statistics().waiting)]


def lost(count: int, *, first: int) -> EventsLost:
    cause = "the mailbox of watcher was full"
    return EventsLost(cause=cause, count=count, epoch="e", after=first - 1, before=first + count)


async def test_what_a_full_mailbox_drops_is_counted_and_told() -> None:
    meters = AppMeters(Meters())
    bot = watcher([])
    ref = ActorRef[Event]("b", 3, OverflowPolicy.DROP_NEWEST)
    subscriber = Subscriber(bot, ref, meters)
    for number in range(10):
        subscriber.tell(online(number))
    assert await told(ref) == [online(0), online(1), online(2)]
    assert meters.feed_events_dropped.value == 7
    subscriber.tell(online(10))
    subscriber.tell(online(11))
    assert await told(ref) == [lost(7, first=3), online(10), online(11)]


async def test_a_mailbox_with_room_for_one_tells_the_loss_first() -> None:
    ref = ActorRef[Event]("b", 1, OverflowPolicy.DROP_NEWEST)
    subscriber = Subscriber(watcher([]), ref, AppMeters(Meters()))
    subscriber.tell(online(0))
    subscriber.tell(online(1))
    assert await told(ref) == [online(0)]
    subscriber.tell(online(2))
    assert await told(ref) == [lost(1, first=1)]
    subscriber.tell(online(3))
    assert await told(ref) == [lost(1, first=2)]
    subscriber.tell(online(4))
    assert await told(ref) == [lost(1, first=3)]


async def test_a_bot_that_has_ended_is_told_nothing() -> None:
    ref = ActorRef[Event]("b", 1, OverflowPolicy.DROP_NEWEST)
    ref.close()
    meters = AppMeters(Meters())
    Subscriber(watcher([]), ref, meters).tell(online(0))
    assert ref.statistics().waiting == 0
    assert meters.feed_events_dropped.values == {"watcher": 1}


async def take(ref: ActorRef[Event], subscriber: Subscriber, count: int) -> list[object]:
    """Take messages as a bot does."""
    messages = []
    for _ in range(count):
        messages.append(await ref.mailbox.get())
        subscriber.taken()
    return messages


async def test_the_loss_is_told_as_soon_as_the_mailbox_is_half_empty() -> None:
    ref = ActorRef[Event]("b", 8, OverflowPolicy.DROP_NEWEST)
    subscriber = Subscriber(watcher([]), ref, AppMeters(Meters()))
    for number in range(13):
        subscriber.tell(online(number))
    assert await take(ref, subscriber, 3) == [online(0), online(1), online(2)]
    subscriber.tell(online(13))  # there is room, but the loss comes first
    assert ref.statistics().waiting == 5
    await take(ref, subscriber, 1)
    assert ref.statistics().waiting == 5
    subscriber.tell(online(14))
    assert (await take(ref, subscriber, 6))[-2:] == [lost(6, first=8), online(14)]


async def test_a_loss_that_is_lost_itself_makes_the_number_unknown() -> None:
    ref = ActorRef[Event]("b", 2, OverflowPolicy.DROP_NEWEST)
    subscriber = Subscriber(watcher([]), ref, AppMeters(Meters()))
    subscriber.tell(online(0))
    subscriber.tell(online(1))
    subscriber.tell(EventsLost(cause="a hole", count=3))
    subscriber.tell(online(2))
    await take(ref, subscriber, 1)
    assert await told(ref) == [online(1), EventsLost(cause="the mailbox of watcher was full")]


async def test_events_of_two_epochs_have_a_number_but_no_place() -> None:
    ref = ActorRef[Event]("b", 1, OverflowPolicy.DROP_NEWEST)
    subscriber = Subscriber(watcher([]), ref, AppMeters(Meters()))
    for epoch in ("e", "e", "f"):
        subscriber.tell(UserOnline(account=Account("ann"), uid=Uid(1), ms=0, epoch=epoch, seq=7))
    await take(ref, subscriber, 1)
    assert await told(ref) == [EventsLost(cause="the mailbox of watcher was full", count=2)]


async def test_who_waits_for_room_goes_on_when_there_is(autojump_clock: MockClock) -> None:
    ref = ActorRef[Event]("b", 10, OverflowPolicy.DROP_NEWEST)
    subscriber = Subscriber(watcher([]), ref, AppMeters(Meters()))
    for number in range(10):
        subscriber.tell(online(number))
    rooms: list[int] = []

    async def wait(count: int) -> None:
        await subscriber.wait_for_room(count)
        rooms.append(count)

    async with trio.open_nursery() as nursery:
        for count in (2, 4, 1000):  # the last one more than there ever is: half of it will do
            nursery.start_soon(wait, count)
        for taken, expected in ((1, []), (1, [2]), (2, [2, 4]), (1, [2, 4, 1000])):
            await take(ref, subscriber, taken)
            await wait_all_tasks_blocked()
            assert rooms == expected
