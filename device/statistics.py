"""What the history says: pure functions over episodes, in seconds and UTC, without a score and without a ranking.

Everywhere false alarms are left out; an episode that is still open or was cut off counts up to where it is known
(censored), never as ignored; settling without help is an outcome of its own and makes an answer impossible (competing), as
does crying that ended before anybody came. Fewer than `LEAST` episodes give `NotEnough` with the single times, for dots.
Each function takes whole episodes, the journal's light rows, or its table of columns (fastest, for thousands).
"""

import statistics as plain
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

import numpy as np

from device.answers import (
    answered_by,
    calmed,
    day_and_night,
    median_response,
    needs,
    outcomes,
    soothed,
    typical,
    usual,
    usual_of,
)
from device.cases import LEAST, Calm, DayNight, NotEnough, Share, Usual
from device.hours import DAY_S, EPOCH, local_time
from device.lognormal import LogNormal
from device.pattern import Window, likely_window, window_of
from device.rhythm import (
    Covered,
    Rhythm,
    crying,
    crying_by_day,
    day_of,
    grades,
    listened_by_day,
    listening,
    rhythm,
    rhythm_of,
    seconds_by_day,
)
from device.survival import Curve, Estimate
from device.table import HELPED, OUTCOMES, Case, Cases, Table, table
from device.vocabulary import Helped, Need, Outcome

__all__ = [
    "LEAST", "Calm", "Case", "Cases", "Curve", "DayNight", "Estimate", "LogNormal", "NotEnough", "Rhythm", "Share", "Table",
    "Usual", "Week", "Window", "answered_by", "calmed", "crying", "crying_by_day", "day_and_night", "day_of", "grades",
    "likely_window", "listened_by_day", "listening", "median_response", "needs", "outcomes", "rhythm", "rhythm_of",
    "seconds_by_day", "soothed", "table", "today", "typical", "usual", "usual_of", "week", "window_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Week:
    """Seven local days for the weekly letter; `before` are the seven days before them."""

    first: date
    outcomes: Mapping[Outcome | None, int]
    outcomes_before: Mapping[Outcome | None, int]
    crying_s: float
    crying_s_before: float
    crying_by_day_s: tuple[float, ...]
    listened_by_day_s: tuple[float, ...]
    usual: Usual | NotEnough
    usual_before: Usual | NotEnough
    calm: Calm
    soothed: Share
    needs: Mapping[Need | None, int]
    helped: Mapping[Helped, int]
    longest_quiet_s: float


def today(
    episodes: Cases, zone: tzinfo, now_utc: float, coverage: Sequence[Covered] | None = None
) -> dict[str, float | int | None]:
    """The local day's counts for the topic `today`; `episodes` may hold more than the day's, and go by their onset.

    `crying_s` is the day's crying, also of an episode that began yesterday; `median_response_s` is None before the first
    answer; `coverage` (share of the day so far that was listened to, 0..1) is there only if spans are given.
    """
    now = datetime.fromtimestamp(now_utc, zone)
    cases = table(episodes).real()
    mine = cases.where(local_time(zone, cases.onset_utc) // DAY_S == now.toordinal() - EPOCH)
    answers = mine.answered_s[~np.isnan(mine.answered_s)].tolist()
    counts: dict[str, float | int | None] = {
        "episodes": len(mine),
        **{
            name.value: int(np.count_nonzero(mine.outcome == OUTCOMES.index(name)))
            for name in (Outcome.ANSWERED, Outcome.SELF_SETTLED, Outcome.UNANSWERED, Outcome.INTERRUPTED)
        },
        "crying_s": round(crying_by_day(cases, zone).get(now.date(), 0.0), 1),
        "median_response_s": round(plain.median(answers), 1) if answers else None,
    }
    if coverage is not None:
        begin = datetime.combine(now.date(), time(), zone).timestamp()
        listened = sum(
            max(0.0, min(span.end_utc, now_utc) - max(span.start_utc, begin))
            for span in coverage
            if span.kind == "listening"
        )
        counts["coverage"] = round(listened / (now_utc - begin), 3) if now_utc > begin else None
    return counts


def week(episodes: Cases, coverage: Sequence[Covered], zone: tzinfo, first: date) -> Week:
    """What the weekly letter says of the seven local days from `first` on.

    `episodes` should reach from seven days before `first` to seven days after; `coverage` from `first` on.
    """
    begin, end = first, first + timedelta(days=7)
    cases = table(episodes)
    day = local_time(zone, cases.onset_utc) // DAY_S + EPOCH - begin.toordinal()
    mine, before = cases.where((day >= 0) & (day < 7)), cases.where((day >= -7) & (day < 0))
    cried, heard = crying_by_day(cases, zone), listened_by_day(coverage, zone)
    days = [begin + timedelta(days=number) for number in range(7)]
    return Week(
        first,
        outcomes(mine),
        outcomes(before),
        sum(cried.get(day, 0.0) for day in days),
        sum(cried.get(day - timedelta(days=7), 0.0) for day in days),
        tuple(cried.get(day, 0.0) for day in days),
        tuple(sum(heard.get(day, ())) for day in days),
        usual(mine),
        usual(before),
        calmed(mine)[0],
        soothed(mine),
        needs(mine),
        _helped(mine.real()),
        _longest_quiet(cases.real(), coverage, *(datetime.combine(day, time(), zone).timestamp() for day in (begin, end))),
    )


def _helped(real: Table) -> dict[Helped, int]:
    counts = {name: int(np.count_nonzero(real.with_help(name))) for name in HELPED}
    return {name: counts[name] for name in sorted(HELPED, key=lambda name: -counts[name]) if counts[name]}


def _longest_quiet(real: Table, coverage: Sequence[Covered], begin: float, end: float) -> float:
    """The longest time within [begin, end) really listened to without crying; a gap in coverage ends it."""
    cries = sorted(zip(real.onset_utc.tolist(), (real.onset_utc + real.known_s()).tolist(), strict=True))
    longest = 0.0
    for span in coverage:
        at, until = max(begin, span.start_utc), min(end, span.end_utc)
        if span.kind != "listening" or until <= at:
            continue
        for start, stop in cries:
            if stop > at and start < until:
                longest = max(longest, start - at)
                at = stop
        longest = max(longest, until - at)
    return longest
