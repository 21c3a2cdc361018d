"""A bot as a feed sees it: a mailbox that may be full."""

import trio

from botkit.actor.ref import ActorRef
from botkit.app.bot import Bot
from botkit.app.meters import AppMeters
from botkit.errors import ActorDead
from botkit.events import Event, EventsLost, FeedEvent


class Missing:
    """Events that a mailbox did not take: how many, and from which number to which, where they have numbers."""

    def __init__(self) -> None:
        self._count = 0
        self._uncounted = False
        self._epochs = set[str]()
        self._lowest = self._highest = 0

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, event: Event) -> None:
        """One more. An ``EventsLost`` that is lost itself stands for nobody knows how many."""
        self._count += 1
        if not isinstance(event, FeedEvent):
            self._uncounted = True
            return
        self._lowest = min(self._lowest, event.seq) if self._epochs else event.seq
        self._highest = max(self._highest, event.seq)
        self._epochs.add(event.epoch)

    def told(self, cause: str) -> EventsLost:
        """What to tell of them."""
        if self._uncounted or len(self._epochs) != 1:
            return EventsLost(cause=cause, count=None if self._uncounted else self._count)
        (epoch,) = self._epochs
        return EventsLost(cause=cause, count=self._count, epoch=epoch, after=self._lowest - 1, before=self._highest + 1)


class Subscriber:
    """A bot that feeds tell their events. What the bot's full mailbox does not take is counted, and told.

    From the first event that there is no room for, none is taken until the mailbox is half empty; then the bot is told
    how many are missing and which, before anything else.
    """

    def __init__(self, bot: Bot, ref: ActorRef[Event], meters: AppMeters) -> None:
        self._bot, self._ref, self._meters = bot, ref, meters
        self._capacity = ref.statistics().capacity
        self._missing, self._away = Missing(), False
        self._waiting_for_room = trio.lowlevel.ParkingLot()
        self._takes: dict[type[Event], bool] = {}

    def become(self, bot: Bot) -> None:
        """From now on, take what the handlers of this version of the bot want."""
        self._bot = bot
        self._takes.clear()

    def tell(self, event: Event) -> None:
        """Put the event in the bot's mailbox, if a handler wants it and there is room."""
        event_type = type(event)
        takes = self._takes.get(event_type)
        if takes is None:
            takes = self._takes[event_type] = event_type is EventsLost or self._bot.wants(event_type)
        if not takes:
            return
        try:
            if self._missing:
                self._tell_missing()
            if self._missing or not self._ref.tell_nowait(event):
                self._missing.add(event)
                self._meters.feed_events_dropped.add_for(self._bot.name)
        except ActorDead:  # in quarantine, perhaps: it is told when it is back
            self._away = True
            self._missing.add(event)
            self._meters.feed_events_dropped.add_for(self._bot.name)

    def taken(self) -> None:
        """The bot has taken a message out of its mailbox, or is back: there may be room now."""
        if self._missing:
            self._tell_missing()
        if self._waiting_for_room:
            self._waiting_for_room.unpark_all()

    async def wait_for_room(self, count: int) -> None:
        """Wait until the mailbox takes ``count`` events, or half of what it can ever take."""
        most = self._capacity - min(count, self._capacity // 2)
        while self._ref.statistics().waiting > most:
            await self._waiting_for_room.park()

    def _tell_missing(self) -> None:
        if self._ref.statistics().waiting > self._capacity // 2:
            return
        cause = f"{self._bot.name} was in quarantine" if self._away else f"the mailbox of {self._bot.name} was full"
        if self._ref.tell_nowait(self._missing.told(cause)):
            self._missing, self._away = Missing(), False
