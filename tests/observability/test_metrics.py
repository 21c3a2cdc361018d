import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from botkit.observability.metrics import MAX_LABEL_VALUES, OTHER, Meters


def scrape(meters: Meters) -> dict[str, float]:
    """Samples as ``name{label=value}``, read by Prometheus' own parser."""
    return {
        sample.name + (str(sample.labels) if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(meters.render().decode())
        for sample in family.samples
    }


def test_a_counter_counts() -> None:
    meters = Meters()
    frames = meters.counter("gateway_frames", "Frames read.")
    assert scrape(meters) == {"botkit_gateway_frames_total": 0}
    frames.add()
    frames.add(41)
    assert frames.value == 42
    assert scrape(meters) == {"botkit_gateway_frames_total": 42}
    assert b"# HELP botkit_gateway_frames_total Frames read.\n" in meters.render()


def test_a_counter_with_a_label_counts_per_value() -> None:
    meters = Meters()
    refused = meters.counter("refused", "Refusals.", "code")
    assert scrape(meters) == {}
    refused.add_for("206")
    refused.add_for('a "b"\n', 2)
    refused.add_for("206", 3)
    assert scrape(meters) == {
        "botkit_refused_total{'code': '206'}": 4,
        "botkit_refused_total{'code': 'a \"b\"\\n'}": 2,
    }
    assert (refused.value, dict(refused.values)) == (6, {"206": 4, 'a "b"\n': 2})


def test_the_hundredth_value_has_a_series_and_the_next_ones_share_one() -> None:
    meters = Meters()
    counter = meters.counter("by_account", "Counts.", "account")
    for number in range(MAX_LABEL_VALUES):
        counter.add_for(str(number))
    assert OTHER not in counter.values
    assert len(counter.values) == 100
    counter.add_for("the 101st", 5)
    counter.add_for("the 102nd", 6)
    counter.add_for("99", 7)
    assert counter.values[OTHER] == 11
    assert counter.values["99"] == 8
    assert len(counter.values) == 101
    assert counter.value == sum(counter.values.values())


def test_a_gauge_is_read_at_the_scrape_from_all_its_sources() -> None:
    meters = Meters()
    sessions: list[str] = []
    calls = {"ann": 2.5}

    def count() -> float:
        return len(sessions)

    gauge = meters.gauge("sessions", "Sessions.", count)
    sessions.extend(["ann", "bob"])
    assert scrape(meters) == {"botkit_sessions": 2}
    assert meters.gauge("sessions", "Sessions.", lambda: calls["ann"]) is gauge
    assert (gauge.value, scrape(meters)) == (4.5, {"botkit_sessions": 4.5})
    gauge.remove_source(count)
    assert scrape(meters) == {"botkit_sessions": 2.5}
    with pytest.raises(ValueError, match="not in list"):
        gauge.remove_source(count)


def test_a_gauge_by_label_sums_its_sources_for_each_value() -> None:
    meters = Meters()

    def more() -> dict[str, float]:
        return {"ended": 1, "running": 1}

    meters.gauge_by("bots", "Bots", "state", lambda: {"running": 2})
    gauge = meters.gauge_by("bots", "Bots", "state", more)
    assert dict(gauge.values) == {"running": 3, "ended": 1}
    assert 'botkit_bots{state="running"} 3.0' in meters.render().decode()
    gauge.remove_source(more)
    assert 'botkit_bots{state="ended"}' not in meters.render().decode()
    with pytest.raises(ValueError, match="label"):
        meters.gauge_by("bots", "Bots", "kind", more)


@pytest.mark.row("O04")
def test_a_gauge_by_label_is_bounded_like_a_counter() -> None:
    meters = Meters()
    levels = {str(number): 1.0 for number in range(MAX_LABEL_VALUES)}
    gauge = meters.gauge_by("waiting", "Waiting", "bot", lambda: levels)
    assert OTHER not in gauge.values
    levels |= {"the 101st": 5, "the 102nd": 6}
    assert gauge.values[OTHER] == 11
    assert len(gauge.values) == 101


def test_a_histogram_counts_up_to_and_with_each_bound() -> None:
    meters = Meters()
    seconds = meters.histogram("seconds", "Took.", [0.1, 1, 2.5])
    for value in (0.05, 0.1, 0.2, 1, 2.6, 100):
        seconds.observe(value)
    assert seconds.count == 6
    assert scrape(meters) == {
        "botkit_seconds_bucket{'le': '0.1'}": 2,
        "botkit_seconds_bucket{'le': '1.0'}": 4,
        "botkit_seconds_bucket{'le': '2.5'}": 4,
        "botkit_seconds_bucket{'le': '+Inf'}": 6,
        "botkit_seconds_count": 6,
        "botkit_seconds_sum": pytest.approx(103.95),
    }


@pytest.mark.parametrize("buckets", [[], [1, 1], [2, 1]])
def test_buckets_must_rise(buckets: list[float]) -> None:
    with pytest.raises(ValueError, match="buckets"):
        Meters().histogram("seconds", "Took.", buckets)


def test_a_name_is_one_meter_whoever_asks() -> None:
    meters = Meters()
    assert meters.counter("a", "A.") is meters.counter("a", "A.")
    assert meters.histogram("h", "H.", (1, 2)) is meters.histogram("h", "H.", [1, 2])


def test_a_name_cannot_become_something_else() -> None:
    meters = Meters()
    meters.counter("a", "A.")
    meters.histogram("h", "H.", [1])
    with pytest.raises(ValueError, match="label"):
        meters.counter("a", "A.", "code")
    with pytest.raises(ValueError, match="already, as a counter"):
        meters.gauge("a", "A.", lambda: 0.0)
    with pytest.raises(ValueError, match="buckets"):
        meters.histogram("h", "H.", [2])


def test_the_registry_that_is_handed_in_is_the_one_that_is_filled() -> None:
    registry = CollectorRegistry()
    meters = Meters(registry)
    meters.counter("a", "A.").add(3)
    assert meters.registry is registry
    assert registry.get_sample_value("botkit_a_total") == 3
    assert Meters().registry is not Meters().registry
