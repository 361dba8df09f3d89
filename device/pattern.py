"""Whether crying keeps to a time of day, and which: claimed only where the days really say so. Pure."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from device.rhythm import HOUR_S, Covered, Heard, crying, listened_by_day, true

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


def likely_window(episodes: Sequence[Heard], coverage: Sequence[Covered], zone: tzinfo, now_utc: float) -> Window | None:
    """The window of two hours with most crying, if crying really keeps to a time of day; None if that cannot be said.

    Each sufficiently covered day gives the sum of unit vectors that point to its cries' times on a 24-hour dial, minus what
    its coverage alone would give; where there is no pattern these sums point anywhere, whatever the clustering within a
    day, and |sum of sums|² / sum of |sums|² follows the exponential law (a Rayleigh test with days as clusters). It is
    done for one, two and three times a day, and the smallest p-value is corrected for the three looks (Šidák).
    """
    listened = {day: hours for day, hours in listened_by_day(coverage, zone).items() if sum(hours) >= 12 * HOUR_S}
    onsets: dict[date, list[float]] = defaultdict(list)
    hours_cried: dict[date, list[float]] = defaultdict(lambda: [0.0] * 24)
    for episode in true(episodes):
        begin = datetime.fromtimestamp(episode.onset.utc, zone)
        if begin.date() in listened:
            onsets[begin.date()].append(begin.hour + begin.minute / 60)
            for local, seconds in crying(episode, zone):
                hours_cried[local.date()][local.hour] += seconds
    if len(listened) < LEAST_DAYS or sum(map(len, onsets.values())) < LEAST_EPISODES:
        return None
    p = _rayleigh(onsets, listened)
    if p > SURE:
        return None
    cried = [sum(hours_cried[day][hour] for day in listened) for hour in range(24)]
    heard = [sum(hours[hour] for hours in listened.values()) for hour in range(24)]
    mean = sum(cried) / sum(heard)
    rates = [_share(cried, heard, hour) for hour in range(24)]
    start = max(range(24), key=lambda hour: rates[hour])
    if rates[start] < LIFT * mean:
        return None
    inside = [(start + step) % 24 for step in range(WINDOW_H)]
    days = sum(1 for day in listened if any(hours_cried[day][hour] > 0 for hour in inside))
    return Window(start, (start + WINDOW_H) % 24, days, len(listened), _next(start, zone, now_utc), p)


def _rayleigh(onsets: dict[date, list[float]], listened: dict[date, list[float]]) -> float:
    best = 1.0
    for times_a_day in HARMONICS:
        turn = 2 * math.pi * times_a_day / 24
        dial = [complex(math.cos(turn * (hour + 0.5)), math.sin(turn * (hour + 0.5))) for hour in range(24)]
        total, lengths = complex(0), 0.0
        for day, hours in listened.items():
            mean = sum(share * point for share, point in zip(hours, dial, strict=True)) / sum(hours)
            found = [complex(math.cos(turn * hour), math.sin(turn * hour)) for hour in onsets.get(day, [])]
            day_sum = sum(found, complex(0)) - len(found) * mean
            total += day_sum
            lengths += abs(day_sum) ** 2
        if lengths > 0:
            best = min(best, math.exp(-(abs(total) ** 2) / lengths))
    return 1.0 - (1.0 - best) ** len(HARMONICS)


def _share(cried: Sequence[float], heard: Sequence[float], start: int) -> float:
    hours = [(start + step) % 24 for step in range(WINDOW_H)]
    listened = sum(heard[hour] for hour in hours)
    return sum(cried[hour] for hour in hours) / listened if listened >= HOUR_S * WINDOW_H else 0.0


def _next(hour: int, zone: tzinfo, now_utc: float) -> float:
    now = datetime.fromtimestamp(now_utc, zone)
    begin = now.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)
    if begin.timestamp() < now_utc:
        begin = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    return begin.timestamp()
