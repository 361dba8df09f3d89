"""When in the day and week crying comes: sums by local hour, and whether there is a pattern at all. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol

from device.clock import Instant
from device.events import Bout, Outcome

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

HOUR_S = 3600.0


class Heard(Protocol):
    """What is needed of an episode; `Episode` and the journal's `EpisodeRow` both have it."""

    @property
    def onset(self) -> Instant:
        """When it began."""
        ...

    @property
    def offset_s(self) -> float | None:
        """When it ended, seconds after onset."""
        ...

    @property
    def crying_s(self) -> float:
        """Seconds of crying in it."""
        ...

    @property
    def bouts(self) -> tuple[Bout, ...]:
        """Its bouts."""
        ...

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""
        ...


class Covered(Protocol):
    """What is needed of a span of coverage; the journal's `Span` has it."""

    @property
    def start_utc(self) -> float:
        """Its beginning."""
        ...

    @property
    def end_utc(self) -> float:
        """Its end."""
        ...

    @property
    def kind(self) -> str:
        """What the monitor did: only "listening" counts."""
        ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds of crying and of listening by weekday (0: Monday) and local hour."""

    crying_s: tuple[tuple[float, ...], ...]
    listened_s: tuple[tuple[float, ...], ...]

    def minutes(self, weekday: int, hour: int) -> float | None:
        """Minutes of crying per hour listened to; None where less than half an hour was listened to at all."""
        listened = self.listened_s[weekday][hour]
        return None if listened < HOUR_S / 2 else self.crying_s[weekday][hour] / listened * 60


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


def pieces(start_utc: float, end_utc: float, zone: tzinfo) -> Iterator[tuple[datetime, float]]:
    """Cut an interval at every local full hour: local beginning and length of each piece, right across clock changes."""
    at = start_utc
    while at < end_utc:
        local = datetime.fromtimestamp(at, zone)
        step = HOUR_S - local.minute * 60 - local.second - local.microsecond / 1e6
        if datetime.fromtimestamp(at + step, zone).utcoffset() != local.utcoffset():
            # A clock change may come within the hour (Lord Howe turns by half an hour): go by quarters.
            step = step % 900 or 900.0
        until = min(end_utc, at + max(step, 1e-3))
        yield local, until - at
        at = until


def crying(episode: Heard, zone: tzinfo) -> Iterator[tuple[datetime, float]]:
    """The episode's crying, cut at full hours. Most lie within one hour, and then need no look at the bouts."""
    onset = episode.onset.utc
    begin = datetime.fromtimestamp(onset, zone)
    if episode.offset_s is not None and begin.minute * 60 + begin.second + episode.offset_s < HOUR_S - 1:
        yield begin, episode.crying_s
        return
    for bout in episode.bouts:
        yield from pieces(onset + bout.start_s, onset + bout.end_s, zone)


def rhythm(episodes: Sequence[Heard], coverage: Sequence[Covered], zone: tzinfo) -> Rhythm:
    """Sum crying and listening by weekday and hour; false alarms are left out, and so is all time not listened to."""
    heard = [[0.0] * 24 for _ in range(7)]
    listened = [[0.0] * 24 for _ in range(7)]
    for episode in true(episodes):
        for local, seconds in crying(episode, zone):
            heard[local.weekday()][local.hour] += seconds
    for local, seconds in _listened(coverage, zone):
        listened[local.weekday()][local.hour] += seconds
    return Rhythm(tuple(map(tuple, heard)), tuple(map(tuple, listened)))


def crying_by_day(episodes: Sequence[Heard], zone: tzinfo) -> dict[date, float]:
    """Seconds of crying on each local day with any."""
    days: dict[date, float] = defaultdict(float)
    for episode in true(episodes):
        for local, seconds in crying(episode, zone):
            days[local.date()] += seconds
    return dict(days)


def listened_by_day(coverage: Sequence[Covered], zone: tzinfo) -> dict[date, list[float]]:
    """Seconds listened to on each local day, by hour."""
    days: dict[date, list[float]] = defaultdict(lambda: [0.0] * 24)
    for local, seconds in _listened(coverage, zone):
        days[local.date()][local.hour] += seconds
    return dict(days)


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


def true(episodes: Sequence[Heard]) -> Iterator[Heard]:
    """Leave out what was no crying."""
    return (episode for episode in episodes if episode.outcome is not Outcome.FALSE_ALARM)


def _listened(coverage: Sequence[Covered], zone: tzinfo) -> Iterator[tuple[datetime, float]]:
    for span in coverage:
        if span.kind == "listening":
            yield from pieces(span.start_utc, span.end_utc, zone)


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
