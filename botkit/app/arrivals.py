"""What there is to know of an event when it comes that its type tells: found out once for each type."""

from typing import NamedTuple

from botkit.events import CallEvent, ChannelMessage, Event, EventsLost, InstantMessage, UserJoined, UserLeft
from botkit.routing.keys import Keying, is_lasting, keying_of


class Arrival(NamedTuple):
    """What holds for all events of one type.

    ``said``: it is a message, which may be the bot's own, or one of a loop. ``seen``: somebody came or went in the
    channel, which may be one of the bot's pool. ``loss``: events are missing. ``of_call``: it belongs to a call.
    """

    keying: Keying
    lasting: bool
    said: bool
    seen: bool
    loss: bool
    of_call: bool


_known: dict[type[Event], Arrival] = {}


def arrival_of(event_type: type[Event]) -> Arrival:
    """What holds for events of this type."""
    arrival = _known.get(event_type)
    if arrival is None:
        arrival = _known[event_type] = Arrival(
            keying=keying_of(event_type),
            lasting=is_lasting(event_type),
            said=event_type in (ChannelMessage, InstantMessage),
            seen=event_type in (UserJoined, UserLeft),
            loss=issubclass(event_type, EventsLost),
            of_call=issubclass(event_type, CallEvent),
        )
    return arrival
