"""From logits to probabilities that mean what they say, and from those to thresholds.

Fitted on clips scored by the student that never heard their source. Platt 1999: p = sigmoid(scale·logit + shift).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device import features
from device.clock import Instant
from device.evidence import EAR_LAG_S, CryEvidence, Thresholds
from device.inputs import Score
from device.settings import AlertSettings, EpisodeSettings

from .judge import Judged, holds_crying, is_negative, sigmoid

PRIOR = 0.3  # the share of crying among the moments calibrated on: a monitor whose room is loud, not a quiet night
DOUBT = 4.0  # a logit beyond is a score under 0.02 or over 0.98: no threshold lies there
EPISODE = EpisodeSettings()
ALERTS = AlertSettings()
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration, and the expected calibration error before and after it."""

    scale: float
    shift: float
    error_before: float
    error_after: float
    curve: list[tuple[float, float]]  # mean score and share right, by tenths of the score


def moments(judged: Sequence[Judged], head: int) -> tuple[Floats, Floats, Floats]:
    """Logits, truths and weights of all hops with a known label; every source of crying weighs the same."""
    logits, truth, weights = [], [], []
    by_source: dict[tuple[str, int], float] = defaultdict(float)
    rows = []
    for item in judged:
        labels = item.cry if head == 0 else item.voice
        if item.clip.kind == "unverified":
            continue
        for value in (0, 1):
            here = labels == value
            if here.any():
                source = item.clip.cry_source if item.clip.kind == "cry" else item.clip.kind
                by_source[source, value] += float(here.sum())
                rows.append((item.logits[here, head].astype(np.float64), value, source))
    count = {value: sum(1 for key in by_source if key[1] == value) for value in (0, 1)}
    for values, value, source in rows:
        share = PRIOR if value else 1 - PRIOR
        logits.append(values)
        truth.append(np.full(len(values), float(value)))
        weights.append(np.full(len(values), share / count[value] / by_source[source, value]))
    return np.concatenate(logits), np.concatenate(truth), np.concatenate(weights)


def reliability(score: Floats, truth: Floats, weight: Floats) -> tuple[float, list[tuple[float, float]]]:
    """Expected calibration error over ten equal bins, and the curve."""
    bins = np.minimum((score * 10).astype(int), 9)
    error, curve = 0.0, []
    for i in range(10):
        here = bins == i
        total = weight[here].sum()
        if total > 0:
            mean, right = (score[here] * weight[here]).sum() / total, (truth[here] * weight[here]).sum() / total
            error += float(abs(mean - right) * total / weight.sum())
            curve.append((float(mean), float(right)))
    return error, curve


def platt(logits: Floats, truth: Floats, weight: Floats) -> Fit:
    """Fit scale and shift by Newton's method on the weighted cross-entropy."""
    clipped = np.clip(logits, -15, 15)
    design = np.stack([clipped, np.ones_like(clipped)], 1)
    beta = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (weight * (p - truth))
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        beta = beta - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    before, _ = reliability(1 / (1 + np.exp(-clipped)), truth, weight)
    after, curve = reliability(1 / (1 + np.exp(-design @ beta)), truth, weight)
    return Fit(float(beta[0]), float(beta[1]), before, after, curve)


def matched(refined: Sequence[Judged], before: Sequence[Judged], head: int = 0) -> tuple[float, float]:
    """Scale and shift that bring a refined ear's logits to those of the ear before, on the same clips, where either doubts.

    Learning makes an ear surer than it may be; the ear before was calibrated on sources that it had never heard.
    """
    new, old = (np.concatenate([item.logits[:, head] for item in judged]).astype(np.float64) for judged in (refined, before))
    doubt = np.minimum(np.abs(new), np.abs(old)) < DOUBT
    scale, shift = np.polyfit(new[doubt], old[doubt], 1)
    return float(scale), float(shift)


def cross_fitted_error(judged: Sequence[Judged], head: int = 0) -> float:
    """The calibration error where scale and shift come from the other cry sources: mean over sources left out."""
    sources = sorted({item.clip.fold for item in judged})
    errors = []
    for source in sources:
        fit = platt(*moments([item for item in judged if item.clip.fold != source], head))
        logits, truth, weight = moments([item for item in judged if item.clip.fold == source], head)
        if truth.any():
            scaled = 1 / (1 + np.exp(-(fit.scale * np.clip(logits, -15, 15) + fit.shift)))
            errors.append(reliability(scaled, truth, weight)[0])
    return float(np.mean(errors))


def error_of(fit: Fit, judged: Sequence[Judged], head: int = 0) -> float:
    """The calibration error of a fit on other clips."""
    logits, truth, weight = moments(judged, head)
    return reliability(1 / (1 + np.exp(-(fit.scale * np.clip(logits, -15, 15) + fit.shift))), truth, weight)[0]


def heard(score: NDArray[np.float32], thresholds: Thresholds) -> tuple[Floats, NDArray[np.bool_]]:
    """Seconds of crying heard after each hop, and whether the ear was sure of it: by the monitor's own rule and defaults."""
    evidence = CryEvidence(thresholds, hop_s=features.HOP_S, hangover_s=EPISODE.hangover_s)
    seconds, sure = [], []
    for number, value in enumerate(score):
        evidence.feed(Score(Instant((number + 1) * features.HOP_S, 0.0), float(value), 0.0, 0.0, 0.0))
        seconds.append(evidence.heard_s)
        sure.append(evidence.sure)
    return np.array(seconds), np.array(sure)


def begins(score: NDArray[np.float32], thresholds: Thresholds) -> bool:
    """True if the scores would begin an episode."""
    return bool(score.max() >= thresholds.on and heard(score, thresholds)[0].max() >= EPISODE.min_cry_s)


def alerts(score: NDArray[np.float32], thresholds: Thresholds) -> int:
    """Count alerts: moments with enough crying heard, those less than a minute after the last such moment left out."""
    if score.max() < thresholds.on:
        return 0
    seconds, sure = heard(score, thresholds)
    enough = seconds + EAR_LAG_S >= np.where(sure, ALERTS.enough_s(sure=True), ALERTS.enough_s(sure=False))
    times = np.flatnonzero(enough) * features.HOP_S
    return 0 if not len(times) else 1 + int((np.diff(times) > 60.0).sum())


def trigger_figures(judged: Sequence[Judged], fit: Fit, thresholds: Thresholds) -> dict[str, float]:
    """What thresholds cost and bring: episodes and alerts by the monitor's rule."""

    def scores(item: Judged) -> NDArray[np.float32]:
        return sigmoid(fit.scale * item.logits[:, 0] + fit.shift)

    quiet = [item for item in judged if is_negative(item)]
    hours = sum(len(item.logits) for item in quiet) * features.HOP_S / 3600
    long = [item for item in judged if item.clip.kind == "cry" and (item.cry == 1).sum() >= 18]
    return {
        "false alerts per hour": sum(alerts(scores(item), thresholds) for item in quiet) / hours,
        "alert recall": float(np.mean([alerts(scores(item), thresholds) > 0 for item in long])),
        "clip recall": float(np.mean([begins(scores(item), thresholds) for item in judged if holds_crying(item)])),
        "false clip share": float(np.mean([begins(scores(item), thresholds) for item in quiet])),
    }
