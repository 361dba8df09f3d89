"""Times of day in the family's zone."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from device.clock import Instant
from device.quiet import midnight_utc, quiet_hours


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("hours", "when", "inside"),
    [
        ("", "2026-11-24T02:00", False),
        ("22:00-06:00", "2026-11-24T22:30", True),
        ("22:00-06:00", "2026-11-24T04:59", True),
        ("22:00-06:00", "2026-11-24T05:00", False),  # 06:00 in Berlin
        ("08:00-18:00", "2026-11-24T07:00", True),
        ("08:00-18:00", "2026-11-24T17:00", False),
        ("08:00-18:00", "2026-07-24T06:00", True),  # summer time
    ],
)
def test_quiet_hours_are_the_family_s(hours: str, when: str, inside: bool) -> None:
    assert quiet_hours(hours, "Europe/Berlin")(Instant(0, utc(when))) is inside


def test_no_hour_is_quiet_while_the_clock_may_be_wrong() -> None:
    inside = quiet_hours("22:00-06:00", "Europe/Berlin")
    night = Instant(0, utc("2026-11-24T02:00"))
    assert inside(night) and not inside(replace(night, synced=False))


@pytest.mark.parametrize(
    ("when", "begins"),
    [
        ("2026-11-24T10:00", "2026-11-23T23:00"),
        ("2026-03-29T20:00", "2026-03-28T23:00"),  # the day with 23 hours
        ("2026-10-25T22:00", "2026-10-24T22:00"),  # the day with 25 hours
    ],
)
def test_a_day_begins_at_local_midnight(when: str, begins: str) -> None:
    assert midnight_utc(utc(when), ZoneInfo("Europe/Berlin")) == utc(begins)
