"""Metrics that cost the hot path one addition.

A counter is a plain integer; nothing is locked, hashed or sent when it counts. All meters of a process hang on
one collector, which a Prometheus scrape reads. Meters are for one trio run: only its tasks may count.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "botkit_"

MAX_LABEL_VALUES = 100
"""Values of one label that get a series of their own; what counts for further ones counts as ``other``."""

OTHER = "other"


class Counter:
    """A number that only rises. Made by :meth:`Meters.counter`; exposed as ``botkit_<name>_total``."""

    __slots__ = ("_values", "help", "label", "name", "value")

    def __init__(self, name: str, help_text: str, label: str | None) -> None:
        self.name, self.help, self.label = name, help_text, label
        self.value = 0
        """What was counted, over all label values. Read it; to count, call ``add`` or ``add_for``."""
        self._values: dict[str, int] = {}

    def add(self, n: int = 1) -> None:
        """Count ``n`` on a counter without a label."""
        self.value += n

    def add_for(self, value: str, n: int = 1) -> None:
        """Count ``n`` for one ``value`` of the label; the 101st value and all after it count as ``other``."""
        if value not in self._values and len(self._values) >= MAX_LABEL_VALUES:
            value = OTHER
        self._values[value] = self._values.get(value, 0) + n
        self.value += n

    @property
    def values(self) -> Mapping[str, int]:
        """What was counted for each value of the label."""
        return MappingProxyType(self._values)

    def family(self) -> CounterMetricFamily:
        """The counter as a scrape shows it."""
        if self.label is None:
            return CounterMetricFamily(PREFIX + self.name, self.help, value=self.value)
        family = CounterMetricFamily(PREFIX + self.name, self.help, labels=[self.label])
        for value, count in self._values.items():
            family.add_metric([value], count)
        return family


class Gauge:
    """A number that is asked for at each scrape: the sum over its sources. Made by :meth:`Meters.gauge`."""

    __slots__ = ("_sources", "help", "name")

    def __init__(self, name: str, help_text: str) -> None:
        self.name, self.help = name, help_text
        self._sources: list[Callable[[], float]] = []

    def add_source(self, read: Callable[[], float]) -> None:
        """Count what ``read`` gives in, from now on. It must be quick, and not fail."""
        self._sources.append(read)

    def remove_source(self, read: Callable[[], float]) -> None:
        """Leave ``read`` out again. Raises ``ValueError`` when it is none of the sources."""
        self._sources.remove(read)

    @property
    def value(self) -> float:
        """The sum over all sources, now."""
        return sum(read() for read in self._sources)

    def family(self) -> GaugeMetricFamily:
        """The gauge as a scrape shows it."""
        return GaugeMetricFamily(PREFIX + self.name, self.help, value=self.value)


class GaugeByLabel:
    """Levels of one thing by the values of a label. Made by :meth:`Meters.gauge_by`; exposed as ``botkit_<name>``."""

    __slots__ = ("_sources", "help", "label", "name")

    def __init__(self, name: str, help_text: str, label: str) -> None:
        self.name, self.help, self.label = name, help_text, label
        self._sources: list[Callable[[], Mapping[str, float]]] = []

    def add_source(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Count what ``read`` gives in, from now on. It must be quick, and not fail."""
        self._sources.append(read)

    def remove_source(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Leave ``read`` out again. Raises ``ValueError`` when it is none of the sources."""
        self._sources.remove(read)

    @property
    def values(self) -> Mapping[str, float]:
        """The sum over all sources for each value of the label, now; those above the bound together, as ``other``."""
        sums: dict[str, float] = {}
        for read in self._sources:
            for value, level in read().items():
                known = value if value in sums or len(sums) < MAX_LABEL_VALUES else OTHER
                sums[known] = sums.get(known, 0) + level
        return MappingProxyType(sums)

    def family(self) -> GaugeMetricFamily:
        """The gauge as a scrape shows it."""
        family = GaugeMetricFamily(PREFIX + self.name, self.help, labels=[self.label])
        for value, level in self.values.items():
            family.add_metric([value], level)
        return family


class Histogram:
    """How often values fell below each bound. Made by :meth:`Meters.histogram`."""

    __slots__ = ("_counts", "bounds", "help", "name", "sum")

    def __init__(self, name: str, help_text: str, bounds: Sequence[float]) -> None:
        self.name, self.help = name, help_text
        self.bounds = tuple(bounds)
        if not self.bounds or list(self.bounds) != sorted(set(self.bounds)):
            raise ValueError(f"histogram {name}: buckets must be at least one, rising: {self.bounds}")
        self.sum = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count ``value`` in the first bucket whose bound is not below it."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many values were observed."""
        return sum(self._counts)

    def family(self) -> HistogramMetricFamily:
        """The histogram as a scrape shows it: cumulated counts, the last one for all."""
        names = [*(repr(float(bound)) for bound in self.bounds), "+Inf"]
        buckets = list(zip(names, accumulate(self._counts), strict=True))
        return HistogramMetricFamily(PREFIX + self.name, self.help, buckets=buckets, sum_value=self.sum)


Meter: TypeAlias = Counter | Gauge | GaugeByLabel | Histogram
_MeterT = TypeVar("_MeterT", Counter, Gauge, GaugeByLabel, Histogram)


class _MeterCollector(Collector):
    """Reads the meters when the registry is scraped."""

    def __init__(self, meters: Mapping[str, Meter]) -> None:
        self._meters = meters

    def collect(self) -> Iterator[Metric]:
        for meter in self._meters.values():
            yield meter.family()


class Meters:
    """All meters of one process, by name.

    ``registry`` is the Prometheus registry to hang on, a new one when none is handed in. Asking for a name
    again gives the same meter, so that parts which come and go (sessions, bots) share one; asking for it
    as something else is a ``ValueError``.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._meters: dict[str, Meter] = {}
        self.registry.register(_MeterCollector(self._meters))

    def counter(self, name: str, help: str, label: str | None = None) -> Counter:
        """The counter ``botkit_<name>_total``; with ``label`` it counts per value of that label."""
        meter = self._get(Counter(name, help, label))
        if meter.label != label:
            raise ValueError(f"counter {name} exists with label {meter.label!r}, asked for with {label!r}")
        return meter

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> Gauge:
        """The gauge ``botkit_<name>``, with ``read`` as a source; whoever ends calls ``remove_source(read)``."""
        meter = self._get(Gauge(name, help))
        meter.add_source(read)
        return meter

    def gauge_by(self, name: str, help: str, label: str, read: Callable[[], Mapping[str, float]]) -> GaugeByLabel:
        """The gauge ``botkit_<name>`` by ``label``, whose values are few; else like :meth:`gauge`."""
        meter = self._get(GaugeByLabel(name, help, label))
        if meter.label != label:
            raise ValueError(f"gauge {name} exists with label {meter.label!r}, asked for with {label!r}")
        meter.add_source(read)
        return meter

    def histogram(self, name: str, help: str, buckets: Sequence[float]) -> Histogram:
        """The histogram ``botkit_<name>`` with these upper bounds, rising; one for all beyond is added."""
        meter = self._get(Histogram(name, help, buckets))
        if meter.bounds != tuple(buckets):
            raise ValueError(f"histogram {name} exists with buckets {meter.bounds}, asked for with {buckets}")
        return meter

    def render(self) -> bytes:
        """The registry in Prometheus' text format, ``text/plain; version=0.0.4``, for ``/metrics``."""
        return generate_latest(self.registry)

    def _get(self, made: _MeterT) -> _MeterT:
        meter = self._meters.setdefault(made.name, made)
        if not isinstance(meter, type(made)):
            raise ValueError(f"{made.name} exists already, as a {type(meter).__name__.lower()}")
        return meter
