"""When in the day and week crying comes: sums by local hour, right across clock changes. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Protocol

from device.clock import Instant
from device.events import Bout, Outcome

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


def true(episodes: Sequence[Heard]) -> Iterator[Heard]:
    """Leave out what was no crying."""
    return (episode for episode in episodes if episode.outcome is not Outcome.FALSE_ALARM)


def _listened(coverage: Sequence[Covered], zone: tzinfo) -> Iterator[tuple[datetime, float]]:
    for span in coverage:
        if span.kind == "listening":
            yield from pieces(span.start_utc, span.end_utc, zone)
