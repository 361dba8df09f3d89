"""Drawings are well-formed, without styles, inside their frame, and say something to those who cannot see them."""

import random
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.journal import Context, Span
from device.quiet import family_zone
from device.record import AlertMark, Bout, Episode, Mark
from device.statistics import Rhythm
from device.survival import COMPETING, EVENT, aalen_johansen
from device.vocabulary import Distress, Outcome, Source
from tests.fakes_web import episode
from web import chart_day, chart_episode, charts, charts_days
from web.charts import Range
from web.figures import Day, lasted_s
from web.story import story
from web.words import Words

WORDS = Words("en", family_zone("Europe/Berlin"))
DAY_UTC = 1_760_000_000.0 // 86400 * 86400


def sound(drawing: str) -> ElementTree.Element:
    root = ElementTree.fromstring(drawing)
    assert root.get("aria-label")
    assert root.get("role") == "img"
    assert "style" not in drawing.replace("data-style", "")
    assert "nan" not in drawing and "inf" not in drawing
    width = float((root.get("viewBox") or "").split()[2])
    for each in root.iter("rect"):
        assert float(each.get("width") or 0) >= 0
        if each.get("class") not in (None, "touch"):
            assert -0.2 <= float(each.get("x") or 0) <= width + 0.2
    return root


@given(st.integers(0, 100_000))
def test_any_episode_can_be_drawn_and_told(seed: int) -> None:
    one = episode(DAY_UTC, random.Random(seed))
    sound(chart_episode.draw(one, WORDS, "an episode"))
    moments = story(one, WORDS)
    assert moments[0].text == "Crying began."
    assert [m.at_s for m in moments] == sorted(m.at_s for m in moments)


@pytest.mark.parametrize(
    "one",
    [
        Episode("a", episode(DAY_UTC, random.Random(1)).onset),
        Episode("b", episode(DAY_UTC, random.Random(1)).onset, bouts=(Bout(0, 0.1, 2.0),), arrived=Mark(-30, Source.BUTTON)),
        Episode("c", episode(DAY_UTC, random.Random(1)).onset, 90_000.0, (Bout(0, 90_000, -1.0),),
                outcome=Outcome.UNANSWERED, alerts=tuple(AlertMark(10.0 + n, n + 1, "Ana", n == 3) for n in range(10))),
    ],
    ids=["just begun", "they were there before", "a day long"],
)  # fmt: skip
def test_odd_episodes_too(one: Episode) -> None:
    sound(chart_episode.draw(one, WORDS, "odd"))
    assert story(one, WORDS)


def test_a_day_shows_gaps_feeds_and_what_is_still_to_come() -> None:
    edges = tuple(DAY_UTC + hour * 3600.0 for hour in (0, 6, 12, 18, 24))
    late = replace(episode(DAY_UTC + 5.99 * 3600, random.Random(3)), id="over-the-edge")
    shown = chart_day.Shown(
        edges,
        [late, episode(DAY_UTC - 30, random.Random(4))],
        [Span(DAY_UTC, DAY_UTC + 3600, "off", "cut"), Span(DAY_UTC + 3600, edges[-1], "listening")],
        [
            Context("1", "feed", DAY_UTC + 7200, DAY_UTC + 8000, "", "Baby Buddy"),
            Context("2", "sleep", DAY_UTC - 999, None, "", ""),
        ],
        DAY_UTC + 13 * 3600,
        ["/episode/over-the-edge"],
    )
    root = sound(chart_day.draw(shown, WORDS, "a day"))
    classes = [each.get("class") for each in root.iter("rect")]
    assert {"gap", "feed", "later"} <= set(classes)
    assert len([g for g in root.iter("g") if g.get("data-href")]) == 2  # on both lines that it touches


@given(st.lists(st.tuples(st.floats(0, 5000), st.sampled_from([EVENT, COMPETING, 0])), min_size=1, max_size=300))
def test_any_curve_can_be_drawn_lightly(data: list[tuple[float, int]]) -> None:
    curve = aalen_johansen([time for time, _ in data], [kind for _, kind in data])
    drawing = charts.answered_by(curve, curve, 900.0, WORDS, "a curve")
    sound(drawing)
    assert len(drawing) < 30_000


@given(st.lists(st.floats(0, 1e6), max_size=40))
def test_dots_bars_and_ranges(times: list[float]) -> None:
    sound(charts.dots(times, WORDS, "dots"))
    sound(charts.ranges([Range("few", None, None, None, times), Range("many", 1.0, 2.0, 3.0)], WORDS, "ranges"))
    sound(charts.distribution([len(times), 0, 3], (0.0, 30.0, 60.0), WORDS, "a distribution"))
    sound(charts_days.bars([("<b>&", len(times))], WORDS, "bars"))


def test_the_week_is_a_map_with_holes_where_nobody_listened() -> None:
    listened = tuple(tuple(0.0 if hour < 3 else 3600.0 for hour in range(24)) for _ in range(7))
    cried = tuple(tuple(60.0 * hour for hour in range(24)) for _ in range(7))
    root = sound(charts_days.heat(Rhythm(cried, listened), (22, 1), WORDS, "a week"))
    classes = [each.get("class") for each in root.iter("rect")]
    assert classes.count("gap") == 21
    assert classes.count("ring") == 2  # over midnight
    assert [charts_days.level(m) for m in (None, 0.0, 0.5, 4.0, 7.0, 60.0)] == [None, 0, 1, 2, 3, 4]


def test_days_stack_by_distress() -> None:
    days = [
        Day(date(2026, 11, n), {Distress.FUSSING: 5.0, Distress.SCREAMING: 1.0 * n}, 0.2 if n == 2 else 1.0)
        for n in (1, 2, 3)
    ]
    root = sound(charts_days.by_day(days, WORDS, "days"))
    classes = [each.get("class") for each in root.iter("rect")]
    assert (classes.count("d1"), classes.count("d3"), classes.count("gap")) == (3, 3, 1)
    assert [each.text for each in root.iter("text")][:2] == ["5", "10"]


@pytest.mark.parametrize(
    ("minutes", "marks"), [(0.0, ["5", "10"]), (61.0, ["45", "90"]), (127.0, ["90", "180"]), (700.0, ["360", "720"])]
)
def test_the_scale_of_days_is_round(minutes: float, marks: list[str]) -> None:
    root = sound(charts_days.by_day([Day(date(2026, 11, 1), {Distress.CRYING: minutes}, 1.0)], WORDS, "a day"))
    assert [each.text for each in root.iter("text")][:2] == marks


def test_a_day_lasts_as_long_as_it_has_so_far() -> None:
    zone = WORDS.zone
    days = [date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25)]
    assert [lasted_s(day, zone, 4e9) / 3600 for day in days] == [23, 24, 25]
    midnight = WORDS.midnight(days[1])
    assert lasted_s(days[1], zone, midnight + 7200) == 7200
