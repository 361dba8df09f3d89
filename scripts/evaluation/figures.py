"""Figures and their uncertainty: areas, rates, calibration; intervals resample whole groups (babies, recordings)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval, and how much it rests on."""

    value: float
    low: float
    high: float
    count: int

    def as_dict(self) -> dict[str, float | int]:
        """For JSON."""
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4), "count": self.count}


def auc(positive: Array, negative: Array) -> float:
    """Area under the ROC curve (Mann-Whitney), ties count half; nan without both kinds."""
    if not len(positive) or not len(negative):
        return float("nan")
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    below = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(below / (len(positive) * len(negative)))


def by_groups(
    values: Sequence[float], groups: Sequence[str], statistic: Callable[[Array], Any] = np.mean, seed: int = 0
) -> Figure:
    """A statistic with a bootstrap over groups (percentile interval); a share of 0 or 1 gets the rule of three."""
    data = np.asarray(values, dtype=np.float64)
    if not len(data):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    rows = [data[member == i] for i in range(len(names))]
    random = np.random.default_rng(seed)
    draws = [
        statistic(np.concatenate([rows[i] for i in random.integers(len(rows), size=len(rows))])) for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    value = float(statistic(data))
    if statistic is np.mean and np.all((data == 0) | (data == 1)):
        if value == 0:
            high = min(1.0, 3 / len(rows))
        if value == 1:
            low = max(0.0, 1 - 3 / len(rows))
    return Figure(value, float(low), float(high), len(data))


def auc_by_groups(
    positive: Array, p_groups: Sequence[str], negative: Array, n_groups: Sequence[str], seed: int = 0
) -> Figure:
    """Area under the curve, its interval from resampling the groups of both sides."""
    random = np.random.default_rng(seed)
    sides = []
    for values, groups in ((positive, p_groups), (negative, n_groups)):
        names, member = np.unique(np.asarray(groups), return_inverse=True)
        sides.append([values[member == i] for i in range(len(names))])
    if not all(sides):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    draws = []
    for _ in range(RESAMPLES):
        p, n = (np.concatenate([side[i] for i in random.integers(len(side), size=len(side))]) for side in sides)
        draws.append(auc(p, n))
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(auc(positive, negative), float(low), float(high), len(positive))


def rate_per_hour(alarms: Sequence[int], seconds: Sequence[float], groups: Sequence[str], seed: int = 0) -> Figure:
    """Alarms an hour with a bootstrap over groups; no alarm at all in T hours bounds the rate by 3 / T (rule of three)."""
    count, hours = np.asarray(alarms, dtype=np.float64), np.asarray(seconds, dtype=np.float64) / 3600
    if not hours.sum():
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    if not count.sum():
        return Figure(0.0, 0.0, 3 / float(hours.sum()), 0)
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.array([[count[member == i].sum(), hours[member == i].sum()] for i in range(len(names))])
    random = np.random.default_rng(seed)
    drawn = sums[random.integers(len(sums), size=(RESAMPLES, len(sums)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / np.maximum(drawn[:, 1], 1e-9), [2.5, 97.5])
    # few alarms: the exact Poisson bound is wider than what resampling a handful of groups shows
    exact = stats.chi2.ppf(0.975, 2 * (count.sum() + 1)) / 2 / hours.sum()
    return Figure(float(count.sum() / hours.sum()), float(low), float(max(high, exact)), int(count.sum()))


@dataclass(frozen=True, slots=True)
class Reliability:
    """Calibration in ten bins: mean score, share really crying, number of hops; `ece` weights bins by their number."""

    score: tuple[float, ...]
    share: tuple[float, ...]
    count: tuple[int, ...]
    ece: float


def reliability(scores: Array, truth: NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Expected calibration error over equal-width bins (Naeini 2015)."""
    index = np.minimum((scores * bins).astype(int), bins - 1)
    rows = [(float(scores[index == b].mean()), float(truth[index == b].mean()), int(np.sum(index == b)))
            for b in range(bins) if np.any(index == b)]  # fmt: skip
    score, share, count = zip(*rows, strict=True)
    weights = np.array(count) / len(scores)
    ece = float(np.sum(weights * np.abs(np.array(score) - np.array(share))))
    return Reliability(score, share, count, ece)
