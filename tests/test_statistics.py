"""What the page says of a family: answered, calmed, today and the week."""

import math
import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from device.clock import Instant
from device.journal import JournalReader, Span
from device.journal_rows import put_episode
from device.record import Bout, Episode, Mark
from device.statistics import (
    LEAST,
    Curve,
    LogNormal,
    NotEnough,
    Usual,
    answered_by,
    calmed,
    crying_by_day,
    day_and_night,
    median_response,
    needs,
    outcomes,
    soothed,
    today,
    typical,
    usual,
    week,
)
from device.vocabulary import Helped, Need, Outcome, Source
from tests.fakes_history import writer

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 3, 23)
"""The week whose Sunday has 23 hours."""


def local(day: int, hour: float) -> float:
    """UTC of a local time in the week of MONDAY."""
    return (datetime(2026, 3, 23, tzinfo=BERLIN) + timedelta(days=day, hours=hour)).timestamp()


def one(
    utc: float = 1.775e9,
    arrived: float | None = 60.0,
    lasts: float = 300.0,
    outcome: Outcome | None = Outcome.ANSWERED,
    acknowledged: float | None = None,
    need: Need | None = None,
    helped: tuple[Helped, ...] = (),
) -> Episode:
    def mark(at_s: float | None) -> Mark | None:
        return None if at_s is None else Mark(at_s, Source.BUTTON)

    return Episode(
        f"{utc}-{arrived}-{lasts}", Instant(0.0, utc), lasts if outcome else None, (Bout(0.0, lasts, 0.5),), (),
        mark(acknowledged), mark(arrived), outcome, need=need, helped=helped,
    )  # fmt: skip


def alone(lasts: float = 30.0, outcome: Outcome | None = Outcome.SELF_SETTLED) -> Episode:
    return one(arrived=None, lasts=lasts, outcome=outcome)


def test_fewer_than_ten_give_dots_and_no_curve() -> None:
    few = [one(arrived=float(n)) for n in (30, 10, 20)] + [alone()] * 6
    for found in (answered_by(few), usual(few), median_response(few), typical(few)):
        assert found == NotEnough(9, LEAST, (10.0, 20.0, 30.0))
    false_alarm = one(outcome=Outcome.FALSE_ALARM)
    assert isinstance(usual([*few, false_alarm]), NotEnough), "false alarms do not count"
    assert isinstance(usual([*few, alone()]), Usual)
    assert answered_by([]) == NotEnough(0, LEAST, ())


def test_self_settled_competes_and_unknown_is_not_ignored() -> None:
    episodes = [one(arrived=10.0 * n) for n in range(1, 11)]
    settled = [alone(5.0)] * 10
    cut = [alone(5.0, Outcome.INTERRUPTED)] * 10
    unanswered = [alone(5.0, Outcome.UNANSWERED)] * 10
    still = [alone(5.0, None)] * 10

    def share(cases: list[Episode]) -> float:
        curve = answered_by(cases)
        assert isinstance(curve, Curve)
        return curve.at(1e6)[0]

    assert share(episodes) == pytest.approx(1.0)
    assert share(episodes + settled) == share(episodes + unanswered) == pytest.approx(0.5)
    assert share(episodes + cut) == share(episodes + still) == pytest.approx(1.0)


def test_a_response_before_the_onset_counts_at_once_and_on_the_way_where_no_arrival_is_known() -> None:
    curve = answered_by([one(arrived=-5.0)] * 5 + [one(arrived=None, acknowledged=40.0)] * 5)
    assert isinstance(curve, Curve)
    assert curve.times_s == (0.0, 40.0)
    assert curve.p == pytest.approx((0.5, 1.0))


def test_usually_covers_three_of_five() -> None:
    found = usual([one(arrived=float(n)) for n in range(1, 101)])
    assert found == Usual(20.0, 50.0, 80.0, 100)
    with_settled = usual([one(arrived=float(n)) for n in range(1, 101)] + [alone(200.0)] * 50)
    assert with_settled == Usual(20.0, 50.0, 80.0, 100), "a range of those that were answered"


def test_typical_and_spread_come_back() -> None:
    rng = random.Random(2)
    found = typical([one(arrived=rng.lognormvariate(math.log(120), 0.5)) for _ in range(400)])
    assert isinstance(found, LogNormal)
    assert found.typical_s == pytest.approx(120, rel=0.08)
    assert found.spread == pytest.approx(math.exp(0.5), rel=0.08)
    assert typical([one()] * 20) is None


def test_day_and_night_by_the_local_hour() -> None:
    rng = random.Random(3)
    day = [one(local(3, 10), arrived=rng.uniform(20, 60)) for _ in range(30)]
    night = [one(local(3, 23), arrived=rng.uniform(100, 400)) for _ in range(30)]
    found = day_and_night(day + night, BERLIN)
    assert isinstance(found.day, Usual)
    assert isinstance(found.night, Usual)
    assert found.day.half_s < 60 < 100 < found.night.half_s
    assert found.p is not None
    assert found.p < 1e-6
    edge = day_and_night([one(local(6, hour)) for hour in (6.99, 7.01, 19.99, 20.01)], BERLIN)
    assert (edge.day.n, edge.night.n, edge.p) == (2, 2, None)


def test_time_to_calm_by_what_helped() -> None:
    fed = [one(arrived=60.0, lasts=60.0 + n, helped=(Helped.FEED,)) for n in range(1, 12)]
    held = [one(arrived=60.0, lasts=90.0, helped=(Helped.HOLD, Helped.FEED))]
    late = [one(arrived=100.0, lasts=80.0)]
    only_on_the_way = [one(arrived=None, acknowledged=5.0)]
    every, feed, hold = calmed(fed + held + late + only_on_the_way + [one(outcome=Outcome.FALSE_ALARM)])
    assert (every.helped, len(every.times_s), every.times_s[0]) == (None, 13, 0.0)
    assert (feed.helped, len(feed.times_s), feed.half_s) == (Helped.FEED, 12, 6.5)
    assert feed.low_s is not None
    assert feed.high_s is not None
    assert feed.low_s < 6.5 < feed.high_s
    assert (hold.helped, hold.times_s, hold.half_s) == (Helped.HOLD, (30.0,), None)


def test_the_share_soothed_to_calm() -> None:
    neutral = [alone(), alone(9.0, Outcome.INTERRUPTED), alone(9.0, None), one(outcome=Outcome.FALSE_ALARM)]
    unknown = [one(arrived=None, acknowledged=5.0), one(arrived=100.0, lasts=80.0)]
    found = soothed([one()] * 6 + [alone(900.0, Outcome.UNANSWERED)] * 4 + neutral + unknown)
    assert (found.part, found.whole, found.share) == (6, 10, 0.6)
    # Wilson's limits for 6 of 10, from the literature.
    assert found.low == pytest.approx(0.3127, abs=1e-4)
    assert found.high == pytest.approx(0.8318, abs=1e-4)
    assert soothed(neutral).share is None
    assert soothed([one()] * 3).high == 1.0


def test_tallies() -> None:
    cases = [one(need=Need.HUNGER)] * 3 + [one(need=Need.TIRED), one(), one(outcome=Outcome.FALSE_ALARM), alone(1.0, None)]
    assert needs(cases) == {Need.HUNGER: 3, None: 2, Need.TIRED: 1}
    assert outcomes(cases) == {Outcome.ANSWERED: 5, Outcome.FALSE_ALARM: 1, None: 1}


def test_today_is_the_local_day() -> None:
    now = local(6, 12)
    cases = [
        one(local(5, 23.95), lasts=600.0),
        one(local(6, 0.1), arrived=30.0),
        one(local(6, 4), arrived=90.0),
        replace(alone(), onset=Instant(0.0, local(6, 5))),
        replace(alone(400.0, Outcome.UNANSWERED), onset=Instant(0.0, local(6, 6))),
        one(local(6, 7), outcome=Outcome.FALSE_ALARM),
        replace(alone(20.0, None), onset=Instant(0.0, local(6, 11.9))),
    ]
    coverage = [Span(local(5, 0), local(6, 6), "listening"), Span(local(6, 6), local(6, 12), "lost")]
    found = today(cases, BERLIN, now, coverage)
    assert found == {
        "episodes": 5, "answered": 2, "self_settled": 1, "unanswered": 1, "interrupted": 0,
        "crying_s": 420 + 300 + 300 + 30 + 400 + 20, "median_response_s": 60.0, "coverage": pytest.approx(5 / 11, abs=1e-3),
    }  # fmt: skip
    empty = today([], BERLIN, now)
    assert empty["episodes"] == empty["crying_s"] == 0
    assert empty["median_response_s"] is None
    assert "coverage" not in empty


def test_the_week_s_letter() -> None:
    mine = [one(local(day, 12), arrived=60.0 + day, need=Need.TIRED, helped=(Helped.SLEEP,)) for day in range(7)]
    before = [one(local(day - 7, 12), arrived=20.0) for day in range(7) for _ in range(2)]
    after = [one(local(7, 1))]
    coverage = [Span(local(0, 0), local(3, 0), "listening"), Span(local(3, 0), local(4, 0), "off")]
    coverage += [Span(local(4, 0), local(7, 0), "listening")]
    letter = week([*before, *mine, *after], coverage, BERLIN, MONDAY)
    assert letter.outcomes == {Outcome.ANSWERED: 7}
    assert letter.outcomes_before == {Outcome.ANSWERED: 14}
    assert (letter.crying_s, letter.crying_s_before) == (7 * 300, 14 * 300)
    assert letter.crying_by_day_s == (300.0,) * 7
    assert letter.listened_by_day_s == (DAY := 86400.0, DAY, DAY, 0.0, DAY, DAY, DAY - 3600)
    assert isinstance(letter.usual, NotEnough)
    assert letter.usual_before == Usual(20.0, 20.0, 20.0, 14)
    assert letter.needs == {Need.TIRED: 7}
    assert letter.helped == {Helped.SLEEP: 7}
    assert letter.soothed.part == 7
    assert letter.longest_quiet_s == pytest.approx(86400 - 300), "the gap on Thursday is no quiet"
    nothing = week([], [], BERLIN, MONDAY)
    assert (nothing.crying_s, nothing.longest_quiet_s, nothing.soothed.share) == (0, 0, None)


def test_light_rows_and_columns_give_the_same_as_whole_episodes(tmp_path: Path) -> None:
    cases = [
        one(local(day, hour), arrived=10.0 * hour, lasts=1000.0 * day, need=Need.PAIN, helped=(Helped.HOLD, Helped.FEED))
        for day in range(7)
        for hour in range(1, 24, 3)
    ]
    cases += [alone(9000.0, None), one(local(3, 1.5), outcome=Outcome.FALSE_ALARM), one(local(4, 1.6), arrived=-4.0)]
    cases += [one(local(5, 1.5), arrived=None, acknowledged=7.0, helped=(Helped.DUMMY,))]
    path = tmp_path / "journal.db"
    journal = writer(path)
    journal.close()
    with closing(sqlite3.connect(path)) as db, db:
        for case in cases:
            put_episode(db, case)
    with JournalReader(path) as reader:
        for rows in (list(reader.rows()), reader.table()):
            assert usual(rows) == usual(cases)
            assert calmed(rows) == calmed(cases)
            assert needs(rows) == needs(cases)
            assert soothed(rows) == soothed(cases)
            assert week(rows, [], BERLIN, MONDAY) == week(cases, [], BERLIN, MONDAY)
            assert today(rows, BERLIN, local(3, 12)) == today(cases, BERLIN, local(3, 12))
            assert crying_by_day(rows, BERLIN) == crying_by_day(cases, BERLIN)
        assert len(reader.table(since_utc=local(1, 0), until_utc=local(2, 0))) == 8
