"""Whether crying keeps to a time of day, and which: claimed only where the days really say so. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import numpy as np

from device.hours import DAY_S, HOUR_S, Array, Pieces, Whole, local_time
from device.rhythm import Covered, by_hour, crying, listening
from device.table import Cases, Mask, Table, table

LEAST_DAYS = 14
"""No pattern is looked for in fewer days that were listened to for at least half of the day."""

LEAST_EPISODES = 20
SURE = 0.01
"""A pattern counts as one below this p-value."""

HARMONICS = (1, 2, 3)
"""Looked for: one, two or three times of crying a day."""

WINDOW_H = 2
LIFT = 1.5
"""A likely window has at least so much more crying than the average hour."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time of day in which crying is likely: local hours [start_hour, end_hour), over midnight if the end is smaller.

    There was crying in it on `days` of `of_days`; the next one begins at `next_utc`. `p` is the chance of a pattern as
    clear as this one where there is none.
    """

    start_hour: int
    end_hour: int
    days: int
    of_days: int
    next_utc: float
    p: float


def likely_window(episodes: Cases, coverage: Sequence[Covered], zone: tzinfo, now_utc: float) -> Window | None:
    """The window of two hours with most crying, if crying really keeps to a time of day; None if that cannot be said.

    Each sufficiently covered day gives the sum of unit vectors that point to its cries' times on a 24-hour dial, minus what
    its coverage alone would give; where there is no pattern these sums point anywhere, whatever the clustering within a
    day, and |sum of sums|² / sum of |sums|² follows the exponential law (a Rayleigh test with days as clusters). It is
    done for one, two and three times a day, and the smallest p-value is corrected for the three looks (Šidák).
    """
    true = table(episodes).real()
    return window_of(true, crying(true, zone), listening(coverage, zone), zone, now_utc)


def window_of(true: Table, cried: Pieces, listened: Pieces, zone: tzinfo, now_utc: float) -> Window | None:
    """The same from pieces; `true` holds no false alarms, and `cried` is its crying."""
    days, heard = by_hour(listened)
    enough = heard.sum(axis=1) >= 12 * HOUR_S
    days, heard = days[enough], heard[enough]
    local = local_time(zone, true.onset_utc)
    known, day = _among(days, (local // DAY_S).astype(np.int64))
    hour = (local[known] % DAY_S // 60) / 60
    if len(days) < LEAST_DAYS or len(hour) < LEAST_EPISODES:
        return None
    p = _rayleigh(day, hour, heard)
    if p > SURE:
        return None
    # only days that were listened to count, both where an episode began and where its crying went on
    kept = _among(days, (local[cried.owner] // DAY_S).astype(np.int64))[0] & _among(days, cried.hour // 24)[0]
    place = np.searchsorted(days, cried.hour[kept] // 24) * 24 + cried.hour[kept] % 24
    hours = np.bincount(place, cried.seconds[kept], minlength=24 * len(days)).reshape(-1, 24)
    rates = _two(hours.sum(axis=0)) / np.maximum(_two(heard.sum(axis=0)), 1.0)
    rates[_two(heard.sum(axis=0)) < HOUR_S * WINDOW_H] = 0.0
    start = int(np.argmax(rates))
    if rates[start] < LIFT * hours.sum() / heard.sum():
        return None
    cries = int(np.count_nonzero(hours[:, [start, (start + 1) % 24]].any(axis=1)))
    return Window(start, (start + WINDOW_H) % 24, cries, len(days), _next(start, zone, now_utc), p)


def _among(days: Whole, asked: Whole) -> tuple[Mask, Whole]:
    """Which of the days asked for are among `days` (in order), and the place of those."""
    place = np.searchsorted(days, asked)
    found = np.asarray((place < len(days)) & (np.append(days, -1)[place] == asked))
    return found, place[found]


def _two(hours: Array) -> Array:
    """Sums over each hour and the one after it."""
    return np.asarray(hours + np.roll(hours, -1))


def _rayleigh(day: Whole, hour: Array, heard: Array) -> float:
    best = 1.0
    counts = np.bincount(day, minlength=len(heard))
    for times_a_day in HARMONICS:
        turn = 2j * np.pi * times_a_day / 24
        mean = heard @ np.exp(turn * (np.arange(24) + 0.5)) / heard.sum(axis=1)
        points = np.exp(turn * hour)
        sums = np.bincount(day, points.real, len(heard)) + 1j * np.bincount(day, points.imag, len(heard)) - counts * mean
        lengths = float((np.abs(sums) ** 2).sum())
        if lengths > 0:
            best = min(best, float(np.exp(-(abs(sums.sum()) ** 2) / lengths)))
    return float(1.0 - (1.0 - best) ** len(HARMONICS))


def _next(hour: int, zone: tzinfo, now_utc: float) -> float:
    now = datetime.fromtimestamp(now_utc, zone)
    begin = now.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    if begin.timestamp() < now_utc:
        begin = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    return begin.timestamp()
