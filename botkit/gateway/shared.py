"""What all apps of a gateway share."""

from typing import NamedTuple

from botkit.clock import WallClock
from botkit.gateway.counters import Counters
from botkit.gateway.fanout import Marks
from botkit.gateway.history import HistoryRoom
from botkit.gateway.journal import Journal
from botkit.gateway.settings import GatewaySettings
from botkit.gateway.timers import Timers
from botkit.stores.gateway import GatewayStore


class Shared(NamedTuple):
    """One of each for the whole gateway; an app's own is in its hub."""

    settings: GatewaySettings
    store: GatewayStore
    journal: Journal
    histories: HistoryRoom
    counters: Counters
    timers: Timers
    clock: WallClock
    marks: Marks
