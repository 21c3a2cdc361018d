"""A bot as a feed sees it: what its full mailbox drops is counted and told, with its numbers."""

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
    return [await ref.next_message() for _ in range(ref.statistics().waiting)]


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
    Subscriber(watcher([]), ref, AppMeters(Meters())).tell(online(0))
