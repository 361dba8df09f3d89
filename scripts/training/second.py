# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""The head that fuses both ears: logistic regression over YAMNet's 521 log-odds and the first ear's own.

Fitted only on moments that the first ear suspects, in mixed and augmented sound, as scored by the student that never
heard the main sound's source; so both ears are as uncertain here as they will be in a strange room.

Signs are held: no class but crying may speak for crying, and crying may not speak against it. What YAMNet does not hear
counts as nothing. So a faint cry that only the first ear hears keeps its score, and only what YAMNet takes for something
else is doubted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from device.second_ear import SUSPICION, as_logits

from . import teacher
from .calibrate import Fit
from .examples import HOPS, TEACHER_HOPS, Examples
from .judge import sigmoid
from .net import Ear

RIDGE = 1e-3
CRYING = range(teacher.CRYING, teacher.WHIMPER + 1)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments that the first ear suspects: inputs (moments, 522), YAMNet's log-odds and the first ear's; truths; keys."""

    inputs: Floats
    truth: Floats
    keys: list[str]


@torch.no_grad()
def collect(examples: Examples, ears: Sequence[Ear], fit: Fit, batches: int) -> Moments:
    """Hear `batches` of augmented examples: each by the ear of the main sound's fold, and by YAMNet."""
    bank, inputs, truths, keys = examples.bank, [], [], []
    for _ in range(batches):
        batch, picks = examples.make()
        logits = np.zeros((len(picks.clip), HOPS), dtype=np.float32)
        for number, ear in enumerate(ears):
            rows = np.flatnonzero(picks.folds[:, 0] == number)
            if len(rows):
                heard = ear(batch.inputs[torch.from_numpy(rows).to(bank.device)])[0][..., 0]
                logits[rows] = heard.float().cpu().numpy()
        own = np.clip(sigmoid(fit.scale * logits[:, TEACHER_HOPS] + fit.shift), 1e-4, 1 - 1e-4)
        known = batch.cry_weight[:, TEACHER_HOPS].cpu().numpy() > 0
        cry = batch.cry[:, TEACHER_HOPS].cpu().numpy()
        scores = as_logits(batch.classes.cpu().numpy())
        for row, patch in np.argwhere((own > SUSPICION) & known):
            p = own[row, patch]
            inputs.append(np.append(scores[row, patch], np.log(p / (1 - p))))
            truths.append(float(cry[row, patch]))
            clip = bank.clips[picks.clip[row, 0]]
            keys.append(clip.cry_source if clip.kind == "cry" else clip.kind)
    return Moments(np.array(inputs), np.array(truths), keys)


def weigh(moments: Moments) -> Floats:
    """Weights that sum to one: crying as much as all else, and each source or class as the root of its size."""
    size: dict[tuple[str, float], float] = defaultdict(float)
    for key, value in zip(moments.keys, moments.truth, strict=True):
        size[key, value] += 1.0
    half = {value: sum(n**0.5 for key, n in size.items() if key[1] == value) for value in (0.0, 1.0)}
    pairs = zip(moments.keys, moments.truth, strict=True)
    return np.array([0.5 / half[v] / size[k, v] ** 0.5 for k, v in pairs])


def fuse(inputs: Floats, truth: Floats, weight: Floats) -> Floats:
    """Fit the head with its signs held, pulled towards the first ear alone: weights (521), own, bias."""
    from scipy.optimize import minimize

    count = inputs.shape[1] - 1
    design = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    prior = np.zeros(count + 2)
    prior[-2] = 1.0
    pull = np.full(count + 2, RIDGE)
    pull[-2:] = RIDGE, 1e-6

    def loss(beta: Floats) -> tuple[float, Floats]:
        z = design @ beta
        value = float((weight * (np.logaddexp(0, z) - truth * z)).sum() + 0.5 * (pull * (beta - prior) ** 2).sum())
        return value, design.T @ (weight * (1 / (1 + np.exp(-z)) - truth)) + pull * (beta - prior)

    bounds = [(0.0, None) if i in CRYING else (None, 0.0) for i in range(count)] + [(0.3, None), (None, None)]
    return np.asarray(minimize(loss, prior, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 500}).x)


def read(path: Path) -> Floats:
    """The head that `save` kept: weights (521), own, bias."""
    with np.load(path) as file:
        return np.concatenate([file["weights"], [file["own"]], [file["bias"]]]).astype(np.float64)


def raised(beta: Floats, log_odds: float) -> Floats:
    """The same head, with every score higher by so many log-odds.

    `fuse` weighs crying like all else, though most of what is suspected is crying, so its scores stand too low. By how much,
    the train split cannot tell: there an ear suspects nearly nothing else (docs/training.md).
    """
    return np.append(beta[:-1], beta[-1] + log_odds)


def save(beta: Floats, path: Path) -> None:
    """Keep the head as `device.second_ear` reads it."""
    np.savez(path, weights=beta[:-2].astype(np.float32), own=np.float32(beta[-2]), bias=np.float32(beta[-1]))
