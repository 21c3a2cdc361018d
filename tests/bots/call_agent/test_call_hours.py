from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit import ConfigError
from bots.call_agent.hours import ALL_DAY, Hours, parse_hours, time_zone
from bots.call_agent.settings import ALL_DAYS

WEEKDAYS = range(5)
DAY_NAMES = [str(day) for day in ALL_DAYS]


def at(text: str) -> datetime:
    """A time of a week that begins with Monday the 1st, in UTC."""
    day, clock = text.split()
    return datetime.fromisoformat(f"2024-01-0{1 + DAY_NAMES.index(day)}T{clock}+00:00")


@pytest.mark.row("F01")
@pytest.mark.parametrize(
    ("hours", "now", "open_then"),
    [
        ("09:00-17:30", "mon 09:00", True),
        ("09:00-17:30", "mon 08:59", False),
        ("09:00-17:30", "mon 17:29", True),
        ("09:00-17:30", "mon 17:30", False),
        ("09:00-17:30", "sat 12:00", False),
        ("22:00-06:00", "mon 22:00", True),
        ("22:00-06:00", "tue 05:59", True),
        ("22:00-06:00", "tue 06:00", False),
        ("22:00-06:00", "sat 05:59", True),
        ("22:00-06:00", "sat 22:00", False),
        ("22:00-06:00", "mon 05:59", False),
        ("00:00-24:00", "fri 23:59", True),
        ("00:00-24:00", "sat 00:00", False),
    ],
)
def test_hours_of_weekdays(hours: str, now: str, open_then: bool) -> None:
    assert parse_hours(hours).contain(at(now), WEEKDAYS, UTC) is open_then


@pytest.mark.row("F01")
@pytest.mark.parametrize(
    ("zone", "now", "open_then"),
    [
        ("UTC", "2024-07-01T08:30+00:00", False),
        ("Europe/Berlin", "2024-07-01T08:30+00:00", True),
        ("Europe/Berlin", "2024-07-01T07:00+00:00", True),
        ("Europe/Berlin", "2024-07-01T06:59+00:00", False),
        ("Europe/Berlin", "2024-01-01T07:30+00:00", False),
        ("Asia/Tokyo", "2024-01-01T00:00+00:00", True),
        ("Asia/Tokyo", "2023-12-31T19:00-05:00", True),
    ],
)
def test_hours_are_local_and_know_summer_time(zone: str, now: str, open_then: bool) -> None:
    assert Hours(9 * 60, 17 * 60).contain(datetime.fromisoformat(now), range(7), time_zone(zone)) is open_then


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        ALL_DAY.contain(datetime(2024, 1, 1), range(7), UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9-17",
        "9:00-17:00",
        "09:00",
        "09:00-25:00",
        "24:00-06:00",
        "09:60-10:00",
        "09:00-10:60",
        "24:01-24:02",
        "08:00-08:00",
        "a",
    ],
)
def test_wrong_hours_are_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_hours(text)
    assert caught.value.key == "hours"


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "utc0"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        time_zone(name)
    assert caught.value.key == "timezone"


@given(
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.sets(st.integers(0, 6)),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(-12, 14),
)
def test_agrees_with_the_days_around(start: int, end: int, days: set[int], now: datetime, offset: int) -> None:
    if start == end:
        return
    zone = timezone(timedelta(hours=offset))
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    expected = False
    for day in (midnight - timedelta(days=1), midnight):
        begin = day + timedelta(minutes=start)
        until = day + timedelta(minutes=end if start < end else end + 1440)
        expected |= day.weekday() in days and begin <= now < until
    assert Hours(start, end).contain(now, days, zone) is expected
