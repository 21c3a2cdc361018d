"""How many were there over time: steps from stays. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from bots.presence.stays import Stay
from bots.presence.timeline import Knowledge, Period


class Line(Struct, frozen=True, kw_only=True):
    """How many were in ``channel`` (empty: online): from each point's time on so many."""

    channel: str
    points: Sequence[tuple[int, int]]


class Course(Struct, frozen=True, kw_only=True):
    """What can be drawn of a time: the line of who was online first, then those of the largest channels."""

    lines: Sequence[Line]
    unknown: Sequence[Period]


def course_of(stays: Iterable[Stay], knowledge: Knowledge, from_ms: int, to_ms: int, channels: int) -> Course:
    """The lines of who was online, and in the ``channels`` that were the largest; in gaps they go by what is known."""
    steps: dict[str, Counter[int]] = {"": Counter()}
    for stay in stays:
        start, end = max(stay.start_ms, from_ms), min(knowledge.known_ms if stay.end_ms is None else stay.end_ms, to_ms)
        if start < end:
            of_channel = steps.setdefault(stay.channel, Counter())
            of_channel[start] += 1
            of_channel[end] -= 1
    lines = {channel: _line(channel, counts, from_ms, to_ms) for channel, counts in steps.items()}
    peaks = {channel: max((size for _, size in line.points), default=0) for channel, line in lines.items() if channel}
    largest = sorted(peaks, key=lambda channel: (-peaks[channel], channel))[:channels]
    return Course(
        lines=[lines[""], *(lines[channel] for channel in largest)], unknown=knowledge.unknown(from_ms, to_ms)
    )


def _line(channel: str, counts: Counter[int], from_ms: int, to_ms: int) -> Line:
    points, size = [(from_ms, 0)], 0
    for ms in sorted(counts):
        size += counts[ms]
        points.append((ms, size))
    points.append((to_ms, size))
    return Line(channel=channel, points=points)
