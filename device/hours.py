"""Local time for thousands of instants at once, and intervals cut at every local full hour; right across clock changes."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

HOUR_S = 3600.0
DAY_S = 86_400
EPOCH = 719_163
"""The ordinal of 1 January 1970 as `datetime.date` counts."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of intervals: whose each is, the local hour in which it lies (counted since 1970), and its length.

    An hour that comes twice, when clocks are put back, has one number.
    """

    owner: Whole
    hour: Whole
    seconds: Array

    def where(self, mask: NDArray[np.bool_]) -> "Pieces":
        """The pieces for which the mask holds."""
        return Pieces(self.owner[mask], self.hour[mask], self.seconds[mask])


class LocalTime:
    """A zone's clock for instants of [since, until]."""

    def __init__(self, zone: tzinfo, since_utc: float, until_utc: float) -> None:
        """Find the clock changes within; there is never more than one in a day."""
        days = range(int(since_utc // DAY_S) * DAY_S, int(until_utc) + 2 * DAY_S, DAY_S)
        starts, offsets = [float(days[0])], [_offset_s(zone, days[0])]
        for before, after in pairwise(days):
            if _offset_s(zone, after) != offsets[-1]:
                while after - before > 1:
                    middle = (before + after) // 2
                    before, after = (middle, after) if _offset_s(zone, middle) == offsets[-1] else (before, middle)
                starts.append(float(after))
                offsets.append(_offset_s(zone, after))
        self._starts = np.array(starts)
        self._offsets = np.array(offsets)

    def local(self, utc: Array) -> Array:
        """What a clock on the wall shows, as seconds since it showed 1 January 1970."""
        return np.asarray(utc + self._offsets[np.searchsorted(self._starts, utc, side="right") - 1])

    def edges(self, since_utc: float, until_utc: float) -> Array:
        """The instants within at which a local hour begins, or the clock changes."""
        ends = [*self._starts[1:], until_utc + HOUR_S]
        grids = [
            np.arange(-(-(start + offset) // HOUR_S) * HOUR_S - offset, end, HOUR_S)
            for start, end, offset in zip(self._starts, ends, self._offsets, strict=True)
        ]
        every = np.unique(np.concatenate([*grids, self._starts[1:]]))
        return np.asarray(every[(every > since_utc) & (every < until_utc)])


def _offset_s(zone: tzinfo, utc: float) -> float:
    offset = datetime.fromtimestamp(utc, zone).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def local_time(zone: tzinfo, utc: Array) -> Array:
    """Local seconds (`LocalTime.local`) of any instants."""
    return LocalTime(zone, float(utc.min()), float(utc.max())).local(utc) if utc.size else utc


def cut(starts_utc: Array, ends_utc: Array, zone: tzinfo) -> Pieces:
    """Cut intervals at every local full hour; what is empty or ends before it begins is left out."""
    kept = np.flatnonzero(ends_utc > starts_utc)
    if not kept.size:
        return Pieces(kept, kept, np.zeros(0))
    starts, ends = starts_utc[kept], ends_utc[kept]
    clock = LocalTime(zone, float(starts.min()), float(ends.max()))
    edges = clock.edges(float(starts.min()), float(ends.max()))
    first, last = np.searchsorted(edges, starts, side="right"), np.searchsorted(edges, ends, side="left")
    counts = last - first + 1
    owner = np.repeat(np.arange(len(kept)), counts)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin, end = starts[owner], ends[owner]
    inner, outer = number > 0, number < counts[owner] - 1
    begin[inner] = edges[first[owner[inner]] + number[inner] - 1]
    end[outer] = edges[first[owner[outer]] + number[outer]]
    return Pieces(kept[owner], (clock.local(begin) // HOUR_S).astype(np.int64), end - begin)
