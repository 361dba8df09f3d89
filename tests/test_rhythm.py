"""When crying comes: local hours across clock changes, gaps left out, and a window only where there is a pattern."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.clock import Instant
from device.hours import cut
from device.journal import Span
from device.pattern import likely_window
from device.record import Bout, Episode
from device.rhythm import crying_by_day, day_of, listened_by_day, rhythm
from device.vocabulary import Outcome

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
DAY_S = 86_400.0


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def cry(utc: float, *bouts: tuple[float, float], outcome: Outcome | None = Outcome.ANSWERED) -> Episode:
    made = tuple(Bout(start, end, 0.5) for start, end in bouts)
    return Episode(f"{utc}", Instant(0.0, utc), made[-1].end_s if outcome else None, made, outcome=outcome)


def listening(start: float, end: float) -> Span:
    return Span(start, end, "listening")


@given(
    st.floats(1.7e9, 1.8e9),
    st.floats(0, 3 * DAY_S),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "UTC"]),
)
def test_pieces_fill_the_interval_and_keep_to_their_hours(start: float, length: float, name: str) -> None:
    zone, at_utc = ZoneInfo(name), start
    other = np.array([start + 7.0, start, start])
    pieces = cut(other, np.array([start, start + length, start]), zone)
    assert set(pieces.owner.tolist()) <= {1}, "what is empty has no pieces"
    for hour, seconds in zip(pieces.hour.tolist(), pieces.seconds.tolist(), strict=True):
        assert seconds > 0
        for instant in (at_utc + share * seconds for share in (0.001, 0.999) if seconds > 0.1):
            local = datetime.fromtimestamp(instant, zone)
            assert (local.date(), local.hour) == (day_of(hour // 24), hour % 24)
        at_utc += seconds
    assert at_utc - start == pytest.approx(length, abs=1e-3)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), BERLIN, 23.0),
        (date(2026, 10, 25), BERLIN, 25.0),
        (date(2026, 6, 1), BERLIN, 24.0),
        (date(2026, 10, 4), LORD_HOWE, 23.5),
        (date(2026, 4, 5), LORD_HOWE, 24.5),
    ],
)
def test_a_day_has_the_hours_that_it_has(day: date, zone: ZoneInfo, hours: float) -> None:
    midnight, end = (datetime(d.year, d.month, d.day, tzinfo=zone).timestamp() for d in (day, day + timedelta(days=1)))
    found = listened_by_day([listening(midnight, end)], zone)
    assert list(found) == [day]
    assert sum(found[day]) == pytest.approx(hours * 3600)


def test_the_hour_that_comes_twice_counts_twice() -> None:
    twice = [cry(at("2026-10-25 02:30", fold=fold), (0.0, 600.0)) for fold in (0, 1)]
    cover = [listening(at("2026-10-25 00:00"), at("2026-10-26 00:00"))]
    found = rhythm(twice, cover, BERLIN)
    assert found.crying_s[6][2] == 1200
    assert found.listened_s[6][2] == 7200
    assert found.minutes(6, 2) == pytest.approx(10.0)
    spring = rhythm([], [listening(at("2026-03-29 00:00"), at("2026-03-30 00:00"))], BERLIN)
    assert spring.listened_s[6][2] == 0
    assert spring.minutes(6, 2) is None


def test_crying_is_cut_at_hours_and_pauses_do_not_count() -> None:
    over = cry(at("2026-06-01 10:50"), (0.0, 300.0), (900.0, 1500.0))
    found = rhythm([over], [listening(at("2026-06-01 00:00"), at("2026-06-02 00:00"))], BERLIN)
    assert (found.crying_s[0][10], found.crying_s[0][11]) == (300, 600)
    night = cry(at("2026-06-01 23:55"), (0.0, 900.0))
    assert crying_by_day([night], BERLIN) == {date(2026, 6, 1): 300, date(2026, 6, 2): 600}


def test_gaps_and_false_alarms_are_left_out() -> None:
    cover = [
        listening(at("2026-06-01 10:00"), at("2026-06-01 10:40")),
        Span(at("2026-06-01 10:40"), at("2026-06-01 11:20"), "lost"),
        listening(at("2026-06-01 11:20"), at("2026-06-01 11:40")),
    ]
    false = cry(at("2026-06-01 10:10"), (0.0, 60.0), outcome=Outcome.FALSE_ALARM)
    real = cry(at("2026-06-01 10:20"), (0.0, 60.0))
    still = cry(at("2026-06-01 10:30"), (0.0, 30.0), outcome=None)
    found = rhythm([false, real, still], cover, BERLIN)
    assert found.minutes(0, 10) == pytest.approx(90 / 2400 * 60)
    assert found.minutes(0, 11) is None, "twenty minutes are too few to say anything"
    assert found.minutes(0, 12) is None


# ---- the window ----


def family(rng: random.Random, days: int, evening: float, clusters: bool = False) -> list[Episode]:
    """Six cries a day; a share of them between 17 and 19 o'clock, the others anywhere (in clusters, if so)."""
    episodes = []
    for day in range(days):
        midnight = datetime(2026, 3, 10, tzinfo=BERLIN) + timedelta(days=day)
        middle = rng.uniform(0, 24)
        for _ in range(6):
            hour = rng.uniform(17, 19) if rng.random() < evening else rng.uniform(0, 24)
            if clusters:
                hour = (middle + rng.gauss(0, 1)) % 24
            begin = midnight.replace(tzinfo=None) + timedelta(hours=hour)
            episodes.append(cry(begin.replace(tzinfo=BERLIN).timestamp(), (0.0, rng.uniform(60, 900))))
    return episodes


def cover(days: int) -> list[Span]:
    begin = datetime(2026, 3, 10, tzinfo=BERLIN)
    return [listening(begin.timestamp(), (begin + timedelta(days=days)).timestamp())]


def test_a_real_pattern_is_found_and_the_next_window_is_in_local_time() -> None:
    now = at("2026-03-28 21:00")
    found = likely_window(family(random.Random(1), 18, 0.6), cover(18), BERLIN, now)
    assert found is not None
    assert (found.start_hour, found.end_hour, found.of_days) == (17, 19, 18)
    assert found.days >= 14
    assert found.p < 0.001
    assert found.next_utc == at("2026-03-29 17:00"), "the clock changes in that night"
    today = likely_window(family(random.Random(1), 18, 0.6), cover(18), BERLIN, at("2026-03-28 12:00"))
    assert today is not None
    assert today.next_utc == at("2026-03-28 17:00")


@pytest.mark.parametrize("clusters", [False, True])
def test_where_there_is_no_pattern_none_is_claimed(clusters: bool) -> None:
    """At most one family in a hundred may be told of a pattern that is none, also if its cries come in clusters."""
    rng = random.Random(5)
    claimed = sum(likely_window(family(rng, 21, 0.0, clusters), cover(21), BERLIN, 2e9) is not None for _ in range(300))
    assert claimed <= 8


def test_a_monitor_that_is_on_in_the_evening_alone_makes_no_evening_pattern() -> None:
    rng = random.Random(6)
    spans = []
    for day in range(28):
        midnight = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=day)
        spans.append(listening(midnight.timestamp() + 10 * 3600, midnight.timestamp() + DAY_S))
    claimed = 0
    for _ in range(200):
        heard = [
            cry(span.start_utc + rng.uniform(0, 14 * 3600 - 1), (0.0, 300.0))
            for span in spans
            for _ in range(rng.randrange(8))
        ]
        claimed += likely_window(heard, spans, ZoneInfo("UTC"), 2e9) is not None
    assert claimed <= 6


def test_too_few_days_or_cries_say_nothing() -> None:
    assert likely_window(family(random.Random(1), 13, 0.9), cover(13), BERLIN, 2e9) is None
    assert likely_window(family(random.Random(1), 14, 0.9)[:19], cover(14), BERLIN, 2e9) is None
    assert likely_window(family(random.Random(1), 28, 0.9), [], BERLIN, 2e9) is None
    assert likely_window([], [], BERLIN, 2e9) is None
