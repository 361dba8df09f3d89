"""When in the day and week crying comes: sums by local hour, right across clock changes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Protocol

import numpy as np

from device.hours import EPOCH, HOUR_S, Array, Pieces, Whole, cut, local_time
from device.table import Cases, Mask, Table, table
from device.vocabulary import Distress


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


def crying(cases: Table, zone: tzinfo) -> Pieces:
    """All crying, cut at full hours. Most episodes lie within one hour, and then need no look at the bouts."""
    begin = local_time(zone, cases.onset_utc)
    within = begin % HOUR_S + cases.offset_s < HOUR_S - 1
    rows = np.flatnonzero(~within)
    bouts = cases.bouts_of(rows.tolist())
    owner = np.repeat(rows, [len(each) for each in bouts])
    times = np.array([(bout.start_s, bout.end_s) for each in bouts for bout in each]).reshape(-1, 2)
    onset = cases.onset_utc[owner]
    parts = cut(onset + times[:, 0], onset + times[:, 1], zone)
    return Pieces(
        np.concatenate([np.flatnonzero(within), owner[parts.owner]]),
        np.concatenate([(begin[within] // HOUR_S).astype(np.int64), parts.hour]),
        np.concatenate([cases.crying_s[within], parts.seconds]),
    )


def listening(coverage: Sequence[Covered], zone: tzinfo) -> Pieces:
    """All listening, cut at full hours."""
    spans = np.array([(span.start_utc, span.end_utc) for span in coverage if span.kind == "listening"]).reshape(-1, 2)
    return cut(spans[:, 0], spans[:, 1], zone)


def rhythm(episodes: Cases, coverage: Sequence[Covered], zone: tzinfo) -> Rhythm:
    """Sum crying and listening by weekday and hour; false alarms are left out, and so is all time not listened to."""
    return rhythm_of(crying(table(episodes).real(), zone), listening(coverage, zone))


def rhythm_of(cried: Pieces, listened: Pieces) -> Rhythm:
    """The same from pieces."""
    return Rhythm(_by_week(cried), _by_week(listened))


def crying_by_day(episodes: Cases, zone: tzinfo) -> dict[date, float]:
    """Seconds of crying on each local day with any."""
    return seconds_by_day(crying(table(episodes).real(), zone))


def seconds_by_day(pieces: Pieces) -> dict[date, float]:
    """Seconds on each local day with any."""
    days, place = np.unique(pieces.hour // 24, return_inverse=True)
    return dict(zip(map(day_of, days.tolist()), np.bincount(place, pieces.seconds).tolist(), strict=True))


def listened_by_day(coverage: Sequence[Covered], zone: tzinfo) -> dict[date, list[float]]:
    """Seconds listened to on each local day, by hour."""
    days, hours = by_hour(listening(coverage, zone))
    return dict(zip(map(day_of, days.tolist()), hours.tolist(), strict=True))


def by_hour(pieces: Pieces) -> tuple[Whole, Array]:
    """The days (since 1970) with any, in order, and a row of 24 sums for each."""
    days, place = np.unique(pieces.hour // 24, return_inverse=True)
    sums = np.bincount(place * 24 + pieces.hour % 24, pieces.seconds, minlength=24 * len(days))
    return days, np.asarray(sums, dtype=np.float64).reshape(-1, 24)


def grades(distress: Array) -> dict[Distress, Mask]:
    """For each grade, which of the values it covers."""
    names = [Distress.of(each) for each in distress.tolist()]
    return {grade: np.array([name is grade for name in names], dtype=bool) for grade in Distress}


def day_of(number: int) -> date:
    """The date of a day counted since 1970."""
    return date.fromordinal(EPOCH + number)


def _by_week(pieces: Pieces) -> tuple[tuple[float, ...], ...]:
    # 1 January 1970 was a Thursday
    place = (pieces.hour // 24 + 3) % 7 * 24 + pieces.hour % 24
    return tuple(map(tuple, np.bincount(place, pieces.seconds, minlength=7 * 24).reshape(7, 24).tolist()))
