"""What a road does to the messages on it, decided by a seed: the same seed, the same fate."""

import random
from collections.abc import Sequence

from msgspec import Struct

REORDER_SECONDS = 0.05
"""How much later a message comes that others overtake."""


class Weather(Struct, frozen=True, kw_only=True):
    """What happens to messages on a road, in each direction.

    ``drop``, ``duplicate`` and ``reorder`` are shares from 0 to 1 of the messages: lost, delivered twice, overtaken by
    those of the next 50 ms. ``delay`` is how many seconds later each comes, ``jitter`` at most how many more; neither
    of the two changes the order. The WebSocket itself loses and swaps nothing: this weather is rougher than any
    network, for what must hold all the same.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name in ("drop", "duplicate", "reorder"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: a share from 0 to 1 expected, got {getattr(self, name)}")
        for name in ("delay", "jitter"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}: seconds, 0 or more, expected, got {getattr(self, name)}")


CALM = Weather()
"""Nothing happens to anything."""


class Fate(Struct, frozen=True):
    """One delivery of a message: ``after`` so many seconds; in line with the others, or ``overtaken`` by them."""

    after: float
    overtaken: bool


def draw_fates(weather: Weather, chance: random.Random) -> Sequence[Fate]:
    """The deliveries of one message: none when it is lost, two when it comes twice."""
    if chance.random() < weather.drop:
        return ()
    copies = 2 if chance.random() < weather.duplicate else 1
    return tuple(_draw(weather, chance) for _ in range(copies))


def _draw(weather: Weather, chance: random.Random) -> Fate:
    overtaken = chance.random() < weather.reorder
    after = weather.delay + weather.jitter * chance.random() + (REORDER_SECONDS if overtaken else 0.0)
    return Fate(after, overtaken)
