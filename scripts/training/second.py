# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""The head that fuses both ears: ridge logistic regression over YAMNet's 521 log-odds and the first ear's own.

Fitted only on moments that the first ear suspects, as scored by the student that never heard the clip's source; so the
first ear's scores are as uncertain here as they will be in a strange room.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from device import features
from device.second_ear import EVERY_HOPS, SUSPICION, as_logits

from . import teacher
from .calibrate import Fit
from .judge import Judged, sigmoid

RIDGE = 3e-4
Floats = NDArray[np.float64]


def hear(ear: teacher.Teacher, samples: NDArray[np.int16], device: torch.device) -> NDArray[np.float16]:
    """YAMNet's scores in windows that end with every second hop, repeated to one row a hop: (hops, 521)."""
    hops = max(1, -(-len(samples) // features.HOP))
    wave = np.zeros(teacher.PATCH - features.HOP + (hops + EVERY_HOPS) * features.HOP, dtype=np.float32)
    begin = teacher.PATCH - features.HOP
    wave[begin : begin + len(samples)] = samples / np.float32(32768.0)
    rows = []
    step = EVERY_HOPS * features.HOP
    for at in range(0, hops, 60 * EVERY_HOPS):
        piece = wave[at * features.HOP : at * features.HOP + 59 * step + teacher.PATCH]
        with torch.no_grad():
            rows.append(torch.sigmoid(ear(torch.from_numpy(piece).to(device)[None], step)[0][0]).cpu().numpy())
    return np.repeat(np.concatenate(rows), EVERY_HOPS, axis=0)[:hops].astype(np.float16)


def suspected(
    judged: Sequence[Judged], heard: Mapping[str, NDArray[np.float16]], fit: Fit
) -> tuple[Floats, Floats, Floats] | None:
    """Inputs (moments, 523), truths and weights; a source weighs as the root of its size, crying as all else.

    None if the first ear suspects nothing, as after a few steps of training.
    """
    inputs, truths, keys = [], [], []
    size: dict[tuple[str, int], float] = defaultdict(float)
    for item in judged:
        if item.clip.kind == "unverified":
            continue
        own = np.clip(sigmoid(fit.scale * item.logits[:, 0] + fit.shift), 1e-4, 1 - 1e-4)
        rows = np.concatenate(
            [as_logits(heard[item.clip.path].astype(np.float32)), np.log(own / (1 - own))[:, None], np.ones((len(own), 1))],
            axis=1,
        )
        for value in (0, 1):
            here = (item.cry == value) & (own > SUSPICION)
            if here.any():
                key = (item.clip.cry_source if item.clip.kind == "cry" else item.clip.kind, value)
                size[key] += float(here.sum())
                inputs.append(rows[here].astype(np.float64))
                truths.append(np.full(int(here.sum()), float(value)))
                keys.append(key)
    if len({key[1] for key in size}) < 2:
        return None
    half = {value: sum(n**0.5 for key, n in size.items() if key[1] == value) for value in (0, 1)}
    weights = [np.full(len(t), 0.5 / half[k[1]] / size[k] ** 0.5) for t, k in zip(truths, keys, strict=True)]
    return np.concatenate(inputs), np.concatenate(truths), np.concatenate(weights)


def fuse(inputs: Floats, truth: Floats, weight: Floats) -> Floats:
    """Fit the head by Newton's method, pulled towards the first ear alone: weights (521), own, bias."""
    prior = np.zeros(inputs.shape[1])
    prior[-2] = 1.0
    pull = np.full(len(prior), RIDGE)
    pull[-2:] = RIDGE * 0.1, 1e-6
    beta = prior.copy()
    for _ in range(20):
        p = 1 / (1 + np.exp(-inputs @ beta))
        gradient = inputs.T @ (weight * (p - truth)) + pull * (beta - prior)
        curvature = (inputs * (weight * p * (1 - p) + 1e-9)[:, None]).T @ inputs + np.diag(pull)
        step = np.linalg.solve(curvature, gradient)
        beta = beta - step
        if np.abs(step).max() < 1e-5:
            break
    return np.asarray(beta)


def save(beta: Floats, path: Path) -> None:
    """Keep the head as `device.second_ear` reads it."""
    np.savez(path, weights=beta[:-2].astype(np.float32), own=np.float32(beta[-2]), bias=np.float32(beta[-1]))
