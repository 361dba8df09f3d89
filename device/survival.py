"""Estimates of times until something happens, where for some it never did or is not known: pure, standard library alone.

Times are seconds. Formulas: Collett, Modelling Survival Data in Medical Research (3rd ed.), chapters 2, 3 and 12; checked
against lifelines in the tests.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

CENSORED, EVENT, COMPETING = 0, 1, 2
"""What happened at a time: not known from there on, what is asked for, or something that makes it impossible."""

Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Curve:
    """A step function of time with pointwise 95 % limits; `p[i]` holds from `times_s[i]` on, before the first it is `start`.

    `at_risk` are those for whom it could still happen just before each time.
    """

    start: float
    times_s: tuple[float, ...]
    p: tuple[float, ...]
    variance: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    at_risk: tuple[int, ...]
    n: int

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Value and limits at a time."""
        index = sum(1 for time in self.times_s if time <= time_s) - 1
        return (self.start, self.start, self.start) if index < 0 else (self.p[index], self.low[index], self.high[index])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % limits; None where the data do not reach so far."""

    value: float | None
    low: float | None
    high: float | None


def _table(times: Sequence[float], kinds: Sequence[int]) -> list[tuple[float, int, int, int]]:
    """Rows (time, at risk before it, events, competing events) for every time at which any of both happened."""
    if len(times) != len(kinds):
        raise ValueError(f"There are {len(times)} times but {len(kinds)} kinds; give one for each.")
    pairs = sorted(zip(times, kinds, strict=True))
    rows: list[tuple[float, int, int, int]] = []
    index, n = 0, len(pairs)
    while index < n:
        time, first = pairs[index][0], index
        while index < n and pairs[index][0] == time:
            index += 1
        here = [kind for _, kind in pairs[first:index]]
        if any(kind != CENSORED for kind in here):
            rows.append((time, n - first, here.count(EVENT), here.count(COMPETING)))
    return rows


def _only_events(kinds: Sequence[int]) -> list[int]:
    """The same with competing events as censored."""
    return [EVENT if kind == EVENT else CENSORED for kind in kinds]


def _limits(p: float, variance: float) -> tuple[float, float]:
    """95 % limits by the complementary log-log transformation, which keeps them between 0 and 1."""
    if not 0 < p < 1:
        return p, p
    scale, width = math.log(-math.log(p)), Z95 * math.sqrt(max(0.0, variance)) / (p * abs(math.log(p)))
    return _double_exp(scale + width), _double_exp(scale - width)


def _double_exp(x: float) -> float:
    return 0.0 if x > 700 else math.exp(-math.exp(x))


def kaplan_meier(times: Sequence[float], kinds: Sequence[int]) -> Curve:
    """Share for whom the event has not happened yet (competing events count as censored): the product-limit estimate.

    Variance after Greenwood, limits by log(-log). Once nobody is left the lower limit is 0 and the upper one stays.
    """
    survival, spread = 1.0, 0.0
    columns: list[tuple[float, float, float, float, float, int]] = []
    for time, at_risk, events, _ in _table(times, _only_events(kinds)):
        survival *= 1 - events / at_risk
        if events < at_risk:
            spread += events / (at_risk * (at_risk - events))
            variance = survival**2 * spread
            low, high = _limits(survival, variance)
        else:
            variance, low, high = 0.0, 0.0, columns[-1][4] if columns else 1.0
        columns.append((time, survival, variance, low, high, at_risk))
    return _curve(1.0, columns, len(times))


def aalen_johansen(times: Sequence[float], kinds: Sequence[int]) -> Curve:
    """Share for whom the event has happened by a time, where a competing event makes it impossible (cumulative incidence).

    Variance as Collett gives it (p. 411, the delta method), limits by log(-log).
    """
    survival, incidence = 1.0, 0.0
    # The sums over earlier times of (F(t) - F_i)^2 a_i and (F(t) - F_i) b_i, kept as polynomials in F(t).
    a = a_f = a_ff = b = b_f = own = 0.0
    columns: list[tuple[float, float, float, float, float, int]] = []
    for time, at_risk, events, competing in _table(times, kinds):
        before, every = survival, events + competing
        incidence += before * events / at_risk
        survival *= 1 - every / at_risk
        if every < at_risk:
            weight = every / (at_risk * (at_risk - every))
            a, a_f, a_ff = a + weight, a_f + weight * incidence, a_ff + weight * incidence**2
        own += before**2 * events * (at_risk - events) / at_risk**3
        weight = before * events / at_risk**2
        b, b_f = b + weight, b_f + weight * incidence
        variance = max(0.0, a * incidence**2 - 2 * a_f * incidence + a_ff + own - 2 * (b * incidence - b_f))
        low, high = _limits(incidence, variance)
        columns.append((time, incidence, variance, low, high, at_risk))
    return _curve(0.0, columns, len(times))


def _curve(start: float, columns: list[tuple[float, float, float, float, float, int]], n: int) -> Curve:
    times, p, variance, low, high, at_risk = zip(*columns, strict=True) if columns else ((),) * 6
    return Curve(start, times, p, variance, low, high, at_risk, n)


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


def log_rank(
    times: Sequence[float], kinds: Sequence[int], other_times: Sequence[float], other_kinds: Sequence[int]
) -> float | None:
    """p-value of the log-rank test: could both groups have the same law? None if there is no event to compare."""
    first = {time: (at_risk, events) for time, at_risk, events, _ in _table(times, _only_events(kinds))}
    other = {time: (at_risk, events) for time, at_risk, events, _ in _table(other_times, _only_events(other_kinds))}
    ordered, other_ordered = sorted(times), sorted(other_times)
    difference = variance = 0.0
    for time in sorted(first.keys() | other.keys()):
        n1, d1 = first.get(time) or (len(ordered) - bisect_left(ordered, time), 0)
        n2, d2 = other.get(time) or (len(other_ordered) - bisect_left(other_ordered, time), 0)
        n, d = n1 + n2, d1 + d2
        difference += d1 - d * n1 / n
        if n > 1:
            variance += d * (n1 / n) * (n2 / n) * (n - d) / (n - 1)
    return math.erfc(math.sqrt(difference**2 / variance / 2)) if variance > 0 else None
