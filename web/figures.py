"""The numbers behind the insights page: one period and the one before it, worked out once and kept while nothing changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from device import statistics
from device.events import Distress, Need, Outcome
from device.journal import EpisodeRow, Span
from device.statistics import Calm, Curve, DayNight, LogNormal, NotEnough, Rhythm, Share, Usual, Window

PERIODS = (7, 28, 90)
"""Days that can be looked at."""

BINS_S = (0.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0)
"""Where the distribution of answers is cut; the last bin is open."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day's crying in minutes, by how distressed, and the share of the day that was listened to (0..1)."""

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


def work_out(
    rows: Sequence[EpisodeRow], before: Sequence[EpisodeRow], spans: Sequence[Span], zone: tzinfo, days: int, now_utc: float,
    first: date,
) -> Figures:  # fmt: skip
    """Work out a period's figures from its rows, those of the period before it, and its coverage."""
    answers = [row.answered_s for row in rows if row.outcome is not Outcome.FALSE_ALARM and row.answered_s is not None]
    edges = [*BINS_S[1:], float("inf")]
    return Figures(
        days,
        statistics.outcomes(rows),
        statistics.usual(rows),
        statistics.usual(before),
        tuple(sum(1 for each in answers if low <= each < high) for low, high in zip(BINS_S, edges, strict=True)),
        statistics.answered_by(rows),
        statistics.answered_by(before),
        statistics.day_and_night(rows, zone),
        statistics.typical(rows),
        statistics.calmed(rows),
        statistics.soothed(rows),
        statistics.rhythm(rows, spans, zone),
        statistics.likely_window(rows, spans, zone, now_utc),
        statistics.needs(rows),
        _by_day(rows, spans, zone, days, first),
    )


def _by_day(rows: Sequence[EpisodeRow], spans: Sequence[Span], zone: tzinfo, days: int, first: date) -> list[Day]:
    cried = {grade: statistics.crying_by_day([row for row in rows if row.grade is grade], zone) for grade in Distress}
    listened = statistics.listened_by_day(spans, zone)
    return [
        Day(
            day,
            {grade: cried[grade].get(day, 0.0) / 60 for grade in Distress},
            min(1.0, sum(listened.get(day, ())) / 86400),
        )
        for day in (first + timedelta(days=number) for number in range(days))
    ]
