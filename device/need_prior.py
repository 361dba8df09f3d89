"""What the hour and the diary say about a need: smoothed counts of this family's tags. Pure; knows no sound."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np
from numpy.typing import NDArray

from device.inputs import Context
from device.vocabulary import Need

Array = NDArray[np.float64]

NEEDS = (Need.HUNGER, Need.DISCOMFORT, Need.TIRED, Need.PAIN)
"""The needs that are told apart, in the order of every array here; UNSURE is the absence of a guess."""

POPULATION = np.array([0.45, 0.25, 0.25, 0.05])
"""Where a family starts from: an assumption about small babies, outweighed by a dozen tags."""

TAG_TRUST = 0.75
"""How much of a tag counts for the need it names: carers' guesses agree with what then helps in about 75 % of cases
(Lockhart-Bouron 2023); the rest is spread as in the population."""

ALPHA = 8.0
"""Tags that what is known of a wider situation is worth in a narrower one (Dirichlet smoothing)."""

NIGHT = (20, 7)
"""Night is from this hour to that."""

_FEED_S = (3_600.0, 7_200.0, 10_800.0)
_SLEEP_S = (2_700.0, 5_400.0, 9_000.0)
_CHANGE_S = (5_400.0,)
FORGOTTEN_S = 12 * 3_600.0
"""A diary whose last entry is older than this was not kept: the time since is unknown."""


@dataclass(frozen=True, slots=True)
class Situation:
    """When a cry came: seconds since the last feed, sleep (its end) and change, None where unknown; and whether at night."""

    since_feed_s: float | None = None
    since_sleep_s: float | None = None
    since_change_s: float | None = None
    night: bool = False


class Diary:
    """What happened in the baby's day, to be asked for the situation at any time."""

    def __init__(self, contexts: Iterable[Context], zone: tzinfo | None = None) -> None:
        """Take entries in any order; `zone` is the family's (None: the machine's)."""
        self._zone = zone
        self._ends: dict[str, list[float]] = {"feed": [], "sleep": [], "change": []}
        for each in contexts:
            if each.kind in self._ends:
                end = each.end_utc if each.kind == "sleep" and each.end_utc is not None else each.start_utc
                self._ends[each.kind].append(end)
        for ends in self._ends.values():
            ends.sort()

    def situation(self, at_utc: float) -> Situation:
        """The situation at `at_utc`, from what had happened by then: the start of feeds and changes, the end of sleeps."""
        hour = datetime.fromtimestamp(at_utc, self._zone).hour
        night = hour >= NIGHT[0] or hour < NIGHT[1]
        feed_s, sleep_s, change_s = (self._since(kind, at_utc) for kind in ("feed", "sleep", "change"))
        return Situation(feed_s, sleep_s, change_s, night)

    def _since(self, kind: str, at_utc: float) -> float | None:
        before = bisect_right(self._ends[kind], at_utc)
        since = at_utc - self._ends[kind][before - 1] if before else float("inf")
        return since if since <= FORGOTTEN_S else None


def soft(need: Need) -> Array:
    """A tag as a distribution over NEEDS."""
    target = (1.0 - TAG_TRUST) * POPULATION
    target[NEEDS.index(need)] += TAG_TRUST
    return target


class Prior:
    """Counts of softened tags by situation; `overall` gives π(need), `evidence` what a situation adds."""

    def __init__(self) -> None:
        """Know nothing but the population."""
        k = len(NEEDS)
        self.total = np.zeros(k)
        self._feed = np.zeros((2, len(_FEED_S) + 2, k))
        self._sleep = np.zeros((len(_SLEEP_S) + 2, k))
        self._change = np.zeros((len(_CHANGE_S) + 2, k))

    def learn(self, at: Situation, target: Array) -> None:
        """Count a tag."""
        self.total += target
        self._feed[int(at.night), _bin(at.since_feed_s, _FEED_S)] += target
        self._sleep[_bin(at.since_sleep_s, _SLEEP_S)] += target
        self._change[_bin(at.since_change_s, _CHANGE_S)] += target

    def fade(self, factor: float) -> None:
        """Let everything counted so far weigh less: a baby of three months is not the baby of three weeks."""
        for counts in (self.total, self._feed, self._sleep, self._change):
            counts *= factor

    def overall(self) -> Array:
        """How often each need comes, whatever the situation; sums to 1."""
        return np.asarray((self.total + ALPHA * POPULATION) / (self.total.sum() + ALPHA))

    def evidence(self, at: Situation) -> Array:
        """How far a situation speaks for each need: log π(need | situation) − log π(need) and a constant, shape (4,).

        The time since feeding, mixed with what that time tells by day or by night; sleep and change as further hints.
        """
        overall = self.overall()
        fed = self._feed[:, _bin(at.since_feed_s, _FEED_S)]
        # in two steps: a family with few tags learns the time since feeding from its days and nights together
        chances = _smoothed(fed[int(at.night)], _smoothed(fed.sum(axis=0), overall)) / overall
        for counts, since_s, edges in (
            (self._sleep, at.since_sleep_s, _SLEEP_S),
            (self._change, at.since_change_s, _CHANGE_S),
        ):
            if since_s is not None:
                chances = chances * (_smoothed(counts[_bin(since_s, edges)], overall) / overall)
        return np.asarray(np.log(chances))


def _smoothed(counts: Array, overall: Array) -> Array:
    return np.asarray((counts + ALPHA * overall) / (counts.sum() + ALPHA))


def _bin(since_s: float | None, edges: tuple[float, ...]) -> int:
    """0 for unknown, then 1, 2 … by the edges."""
    return 0 if since_s is None else 1 + sum(since_s >= edge for edge in edges)
