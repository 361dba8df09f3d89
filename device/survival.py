"""Estimates of times until something happens, where for some it never did or is not known: pure, numpy alone.

Times are seconds. Formulas: Collett, Modelling Survival Data in Medical Research (3rd ed.), chapters 2, 3 and 12; checked
against lifelines in the tests.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

CENSORED, EVENT, COMPETING = 0, 1, 2
"""What happened at a time: not known from there on, what is asked for, or something that makes it impossible."""

Z95 = NormalDist().inv_cdf(0.975)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A step function of time with pointwise 95 % limits; `p[i]` holds from `times_s[i]` on, before the first it is `start`.

    `at_risk` are those for whom it could still happen just before each time; of all `n`, it happened for `events`.
    """

    start: float
    times_s: tuple[float, ...]
    p: tuple[float, ...]
    variance: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    at_risk: tuple[int, ...]
    n: int
    events: int

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Value and limits at a time."""
        index = bisect_right(self.times_s, time_s) - 1
        return (self.start, self.start, self.start) if index < 0 else (self.p[index], self.low[index], self.high[index])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % limits; None where the data do not reach so far."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class _Table:
    """Every time at which an event or a competing one happened: how many were at risk before it, and how many of each."""

    time: Array
    at_risk: Array
    events: Array
    competing: Array


def _table(times: ArrayLike, kinds: ArrayLike) -> _Table:
    time, kind = np.asarray(times, dtype=np.float64), np.asarray(kinds, dtype=np.int64)
    if len(time) != len(kind):
        raise ValueError(f"There are {len(time)} times but {len(kind)} kinds; give one for each.")
    every, place = np.unique(time, return_inverse=True)
    leaving, events, competing = (
        np.bincount(place[which], minlength=len(every)).astype(np.float64)
        for which in (slice(None), kind == EVENT, kind == COMPETING)
    )
    at_risk = len(time) - np.cumsum(leaving) + leaving
    seen = (events > 0) | (competing > 0)
    return _Table(every[seen], at_risk[seen], events[seen], competing[seen])


def _only_events(kinds: ArrayLike) -> NDArray[np.int64]:
    """The same with competing events as censored."""
    return np.where(np.asarray(kinds, dtype=np.int64) == EVENT, EVENT, CENSORED)


def _limits(p: Array, variance: Array) -> tuple[Array, Array]:
    """95 % limits by the complementary log-log transformation, which keeps them between 0 and 1."""
    low, high = p.copy(), p.copy()
    inner = (p > 0) & (p < 1)
    logs = np.log(p[inner])
    scale, width = np.log(-logs), Z95 * np.sqrt(np.maximum(variance[inner], 0.0)) / (p[inner] * -logs)
    low[inner], high[inner] = _double_exp(scale + width), _double_exp(scale - width)
    return low, high


def _double_exp(x: Array) -> Array:
    return np.asarray(np.exp(-np.exp(np.minimum(x, 700.0))))


def kaplan_meier(times: ArrayLike, kinds: ArrayLike) -> Curve:
    """Share for whom the event has not happened yet (competing events count as censored): the product-limit estimate.

    Variance after Greenwood, limits by log(-log). Once nobody is left the lower limit is 0 and the upper one stays.
    """
    t = _table(times, _only_events(kinds))
    survival = np.asarray(np.cumprod(1 - t.events / t.at_risk), dtype=np.float64)
    left = t.at_risk > t.events
    spread = np.cumsum(t.events[left] / (t.at_risk[left] * (t.at_risk[left] - t.events[left])))
    variance = np.zeros(len(survival))
    variance[left] = survival[left] ** 2 * spread
    low, high = _limits(survival, variance)
    if len(left) and not left[-1]:  # only at the last time can nobody be left
        low[-1], high[-1] = 0.0, high[-2] if len(high) > 1 else 1.0
    return _curve(1.0, t, survival, variance, low, high, np.size(np.asarray(times)))


def aalen_johansen(times: ArrayLike, kinds: ArrayLike) -> Curve:
    """Share for whom the event has happened by a time, where a competing event makes it impossible (cumulative incidence).

    Variance as Collett gives it (p. 411, the delta method), limits by log(-log).
    """
    t = _table(times, kinds)
    every = t.events + t.competing
    survival = np.cumprod(1 - every / t.at_risk)
    before = np.concatenate([[1.0], survival[:-1]])[: len(survival)]
    incidence = np.cumsum(before * t.events / t.at_risk)
    # The sums over earlier times of (F(t) - F_i)^2 a_i and (F(t) - F_i) b_i, as polynomials in F(t).
    left = t.at_risk > every
    weight = np.zeros(len(every))
    weight[left] = every[left] / (t.at_risk[left] * (t.at_risk[left] - every[left]))
    a, a_f, a_ff = (np.cumsum(weight * incidence**power) for power in range(3))
    own = np.cumsum(before**2 * t.events * (t.at_risk - t.events) / t.at_risk**3)
    weight = before * t.events / t.at_risk**2
    b, b_f = np.cumsum(weight), np.cumsum(weight * incidence)
    variance = np.maximum(0.0, a * incidence**2 - 2 * a_f * incidence + a_ff + own - 2 * (b * incidence - b_f))
    low, high = _limits(incidence, variance)
    return _curve(0.0, t, incidence, variance, low, high, np.size(np.asarray(times)))


def _curve(start: float, t: _Table, p: Array, variance: Array, low: Array, high: Array, n: int) -> Curve:
    at_risk: list[int] = t.at_risk.astype(np.int64).tolist()
    return Curve(
        start, _tuple(t.time), _tuple(p), _tuple(variance), _tuple(low), _tuple(high), tuple(at_risk), n, int(t.events.sum())
    )


def _tuple(numbers: Array) -> tuple[float, ...]:
    return tuple(numbers.tolist())


def median(survival: Curve) -> Estimate:
    """When half is left, from a `kaplan_meier` curve; limits where its limits cross one half (Brookmeyer and Crowley)."""

    def crossing(values: Sequence[float]) -> float | None:
        return next((time for time, value in zip(survival.times_s, values, strict=True) if value <= 0.5), None)

    return Estimate(crossing(survival.p), crossing(survival.low), crossing(survival.high))


def quantile(incidence: Curve, share: float) -> float | None:
    """When the given share (0..1) of all that ever happen has happened, from an `aalen_johansen` curve."""
    if not incidence.p or incidence.p[-1] <= 0:
        return None
    # A whisker below, so that a share that is met exactly is not missed by rounding.
    wanted = share * incidence.p[-1] - 1e-12
    return next(time for time, p in zip(incidence.times_s, incidence.p, strict=True) if p >= wanted)


def log_rank(times: ArrayLike, kinds: ArrayLike, other_times: ArrayLike, other_kinds: ArrayLike) -> float | None:
    """p-value of the log-rank test: could both groups have the same law? None if there is no event to compare."""
    first, other = _table(times, _only_events(kinds)), _table(other_times, _only_events(other_kinds))
    every = np.union1d(first.time, other.time)
    n1, n2 = (
        len(ordered) - np.searchsorted(ordered, every)
        for ordered in (np.sort(np.asarray(group, dtype=np.float64)) for group in (times, other_times))
    )
    d1, d = np.zeros(len(every)), np.zeros(len(every))
    d1[np.searchsorted(every, first.time)] = first.events
    d[np.searchsorted(every, other.time)] = other.events
    d += d1
    n = n1 + n2
    difference = float((d1 - d * n1 / n).sum())
    many = n > 1
    d, n1, n2, n = d[many], n1[many], n2[many], n[many]
    variance = float((d * (n1 / n) * (n2 / n) * (n - d) / (n - 1)).sum())
    return math.erfc(math.sqrt(difference**2 / variance / 2)) if variance > 0 else None
