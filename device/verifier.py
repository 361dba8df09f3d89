"""False alarms teach: what a parent called "not crying" may stay silent the next time, within tight bounds.

Pure, numpy alone. A small logistic regression on embeddings. It cannot make the monitor deaf: it never vetoes what the
ear is sure of, nor what goes on, nor what does not lie clearly nearer to a false alarm than to all cries, nor anything
at all unless each known cry would still have been let through by a verifier that had not seen it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device.need_prior import Array
from device.need_sound import Vector

SURE = 0.97
"""A cry score that is never vetoed."""

LONGEST_VETO_S = 20.0
"""Crying heard for this long is never vetoed: no cat, door or television is worth a baby that cries on."""

MIN_FALSE = 3
MIN_CRIES = 8
MIN_P = 0.9
MARGIN = 0.02
NEARER = 0.65
"""A false alarm counts as near if its squared distance is less than this share of the nearest cry's."""
RIDGE = 1.0
MOST = 300
"""The latest embeddings it learns from."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What it would have done to this family's own history, each time without having seen the case.

    `recall` is the share of `cries` still let through, `caught` the share of `false_alarms` vetoed (0..1).
    """

    cries: int
    false_alarms: int
    recall: float
    caught: float


class Verifier:
    """Learned once from the history; `allows` is asked before an alert."""

    def __init__(self, cries: Sequence[Vector], false_alarms: Sequence[Vector]) -> None:
        """Learn from embeddings of real cries and of false alarms, all of one model version."""
        self._cries = _matrix(cries)
        self._false = _matrix(false_alarms)
        self._usable = len(self._cries) >= MIN_CRIES and len(self._false) >= MIN_FALSE
        self.active = False
        self.effect = Effect(len(self._cries), len(self._false), 1.0, 0.0)
        if not self._usable:
            return
        everything = np.concatenate((self._cries, self._false))
        self._mean, self._scale = everything.mean(axis=0), everything.std(axis=0) + 1e-6
        self._cries, self._false = (self._cries - self._mean) / self._scale, (self._false - self._mean) / self._scale
        self._weights = _fit(self._cries, self._false)
        unseen_cries = _unseen(self._cries, self._false, self._cries)
        unseen_false = 1.0 - _unseen(self._false, self._cries, self._false)
        # cries first: the bar lies above the most doubtful of them; each is judged by the bar that the others alone set
        self._bar = _bar(unseen_cries)
        bars = np.array([_bar(np.delete(unseen_cries, i)) for i in range(len(unseen_cries))])
        near_cries = np.array([_nearer(x, self._false, np.delete(self._cries, i, 0)) for i, x in enumerate(self._cries)])
        near_false = np.array([_nearer(x, np.delete(self._false, i, 0), self._cries) for i, x in enumerate(self._false)])
        caught = float(np.mean((unseen_false > self._bar) & near_false))
        recall = float(np.mean(~((unseen_cries > bars) & near_cries)))
        self.active = caught > 0.0 and recall == 1.0
        self.effect = Effect(len(self._cries), len(self._false), recall, caught)

    def allows(self, embedding: Vector | None, peak_score: float, heard_s: float = 0.0) -> bool:
        """False if this is very likely one of the known false alarms and nothing speaks for a baby.

        `peak_score` is the highest cry score (0..1) so far, `heard_s` how many seconds of it were heard.
        """
        if not self.active or embedding is None or peak_score >= SURE or heard_s >= LONGEST_VETO_S:
            return True
        if len(embedding) != len(self._mean) or not np.isfinite(embedding).all():
            return True
        x = (embedding.astype(np.float64) - self._mean) / self._scale
        return not (_probability(x[None], self._weights)[0] > self._bar and _nearer(x, self._false, self._cries))


def _bar(unseen: Array) -> float:
    """What a sound must exceed to be vetoed, given how far each cry was called a false alarm by a verifier without it."""
    return max(MIN_P, float(unseen.max()) + MARGIN)


def _matrix(vectors: Sequence[Vector]) -> Array:
    kept = [vector.astype(np.float64) for vector in vectors[-MOST:]]
    return np.array(kept) if kept else np.zeros((0, 0))


def _fit(cries: Array, false: Array) -> Array:
    """Ridge logistic regression by Newton's method, both kinds weighing the same; the last weight is the offset."""
    x = np.column_stack((np.concatenate((cries, false)), np.ones(len(cries) + len(false))))
    y = np.concatenate((np.zeros(len(cries)), np.ones(len(false))))
    share = np.where(y > 0, 0.5 / len(false), 0.5 / len(cries)) * len(y)
    ridge = np.full(x.shape[1], RIDGE * max(1.0, len(cries) ** 0.5))
    ridge[-1] = 1e-3
    weights = np.zeros(x.shape[1])
    for _ in range(8):
        p = _sigmoid(x @ weights)
        gradient = x.T @ (share * (p - y)) + ridge * weights
        bend = (x.T * (share * np.maximum(p * (1 - p), 1e-4))) @ x + np.diag(ridge)
        step = np.linalg.solve(bend, gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-6:
            break
    return np.asarray(weights)


def _unseen(own: Array, other: Array, asked: Array) -> Array:
    """For each of `own`, how far a verifier that learned without it calls it a member of `other` (0..1), in ten folds."""
    out = np.zeros(len(own))
    folds = np.arange(len(own)) % min(10, len(own))
    for fold in np.unique(folds):
        out[folds == fold] = _probability(asked[folds == fold], _fit(own[folds != fold], other))
    return out


def _probability(x: Array, weights: Array) -> Array:
    return _sigmoid(x @ weights[:-1] + weights[-1])


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0))))


def _nearer(x: Array, false: Array, cries: Array) -> bool:
    """True if the nearest false alarm is clearly nearer than the nearest cry."""
    if not len(false) or not len(cries):
        return False
    return bool(np.min(np.sum((false - x) ** 2, axis=1)) < NEARER * np.min(np.sum((cries - x) ** 2, axis=1)))
