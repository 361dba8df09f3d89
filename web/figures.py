"""The numbers behind the insights page: one period and the one before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

import numpy as np

from device import statistics
from device.hours import Pieces
from device.journal import Span
from device.statistics import Calm, Curve, DayNight, LogNormal, NotEnough, Rhythm, Share, Table, Usual, Window
from device.vocabulary import Distress, Need, Outcome

PERIODS = (7, 28, 90)
"""Days that can be looked at."""

BINS_S = (0.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0)
"""Where the distribution of answers is cut; the last bin is open."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day's crying in minutes, by how distressed, and the share of the day so far that was listened to (0..1)."""

    day: date
    minutes: Mapping[Distress, float]
    listened: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the page says of a period."""

    days: int
    outcomes: Mapping[Outcome | None, int]
    usual: Usual | NotEnough
    usual_before: Usual | NotEnough
    bins: tuple[int, ...]
    curve: Curve | NotEnough
    curve_before: Curve | NotEnough
    day_night: DayNight
    typical: LogNormal | NotEnough | None
    calm: Sequence[Calm]
    soothed: Share
    rhythm: Rhythm
    window: Window | None
    needs: Mapping[Need | None, int]
    by_day: Sequence[Day]
    listened_s: float


def work_out(
    rows: Table, before: Table, spans: Sequence[Span], zone: tzinfo, days: int, now_utc: float, first: date
) -> Figures:
    """Work out a period's figures from its rows, those of the period before it, and its coverage."""
    real = rows.real()
    answers = real.answered_s[~np.isnan(real.answered_s)]
    bins = np.bincount(np.searchsorted(BINS_S, answers, side="right") - 1, minlength=len(BINS_S))
    cried, heard = statistics.crying(real, zone), statistics.listening(spans, zone)
    curve, curve_before = statistics.answered_by(rows), statistics.answered_by(before)
    return Figures(
        days,
        statistics.outcomes(rows),
        statistics.usual_of(curve),
        statistics.usual_of(curve_before),
        tuple(bins.tolist()),
        curve,
        curve_before,
        statistics.day_and_night(rows, zone),
        statistics.typical(rows),
        statistics.calmed(rows),
        statistics.soothed(rows),
        statistics.rhythm_of(cried, heard),
        statistics.window_of(real, cried, heard, zone, now_utc),
        statistics.needs(rows),
        _by_day(real, cried, heard, [first + timedelta(days=number) for number in range(days)], zone, now_utc),
        float(heard.seconds.sum()),
    )


def _by_day(real: Table, cried: Pieces, heard: Pieces, days: Sequence[date], zone: tzinfo, now_utc: float) -> list[Day]:
    listened = statistics.seconds_by_day(heard)
    by_grade = {
        grade: statistics.seconds_by_day(cried.where(mask[cried.owner]))
        for grade, mask in statistics.grades(real.distress).items()
    }
    return [
        Day(
            day,
            {grade: found.get(day, 0.0) / 60 for grade, found in by_grade.items()},
            min(1.0, listened.get(day, 0.0) / max(1.0, lasted_s(day, zone, now_utc))),
        )
        for day in days
    ]


def lasted_s(day: date, zone: tzinfo, now_utc: float) -> float:
    """Seconds of a local day that have passed: of one when the clocks change 23 or 25 hours, of today those until now."""
    begin, end = (datetime.combine(each, time(), zone).timestamp() for each in (day, day + timedelta(days=1)))
    return min(end, now_utc) - begin
