"""The month's trend of distress: said where it is there, and not where days merely differ."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from device.vocabulary import Distress
from web.figures import Day
from web.upset import trend, upset_say
from web.words import Words

FIRST = date(2026, 11, 1)
W = Words("en", ZoneInfo("Europe/Berlin"))


def days(depths: list[float], *, listened: float = 1.0, minutes: float = 30.0) -> list[Day]:
    """Days of so many minutes of crying, of which the share `depth` is very upset and the rest fussing."""
    return [
        Day(
            FIRST + timedelta(days=number),
            {Distress.FUSSING: minutes * (1 - depth), Distress.CRYING: 0.0, Distress.SCREAMING: minutes * depth},
            listened,
        )
        for number, depth in enumerate(depths)
    ]


def wobbling(slope: float, count: int, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(np.clip(0.5 + slope * (n - count / 2) / count + rng.normal(0, 0.12), 0, 1)) for n in range(count)]


@pytest.mark.parametrize(("slope", "way"), [(0.6, 1), (-0.6, -1)])
def test_a_trend_is_found_in_either_direction(slope: float, way: int) -> None:
    assert [trend(days(wobbling(slope, 28, seed))) for seed in range(20)].count(way) >= 19


def test_chance_seldom_makes_one() -> None:
    found = [trend(days(wobbling(0.0, 28, seed))) for seed in range(400)]
    assert sum(each != 0 for each in found) <= 12


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (days([0.5] * 28), 0),
        (days(wobbling(0.6, 13, 0)), None),
        (days(wobbling(0.6, 28, 0), listened=0.4), None),
        (days(wobbling(0.6, 28, 0), minutes=0.0), None),
    ],
    ids=["all alike", "too short", "hardly listened", "no crying"],
)
def test_what_cannot_be_known_is_not_said(given: list[Day], expected: int | None) -> None:
    assert trend(given) == expected


def test_a_week_has_no_trend_and_nothing_is_said_of_it() -> None:
    assert upset_say(days([0.5] * 7), W) == ""
    assert "no trend beyond chance" in upset_say(days([0.5] * 28), W)
    assert "less upset" in upset_say(days(wobbling(-0.8, 28, 1)), W)
    assert "Not enough days" in upset_say(days([0.5] * 28, minutes=0.0), W)
