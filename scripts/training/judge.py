# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""Figures: scores of clips by the student that never heard their source, and what follows from them.

It knows scores and labels, never how a student was trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from device import features

from . import labels
from .corpus import Clip
from .hearing import FrontEnd
from .net import Ear
from .prepare import Corpus

Scores = NDArray[np.float32]
_APART_HOPS = 42  # two alarms within 10 s are one


@dataclass(frozen=True, slots=True)
class Judged:
    """A clip with its logits (hops, 3), embeddings (hops, 96) and labels of crying at each hop (-1, 0, 1)."""

    clip: Clip
    logits: Scores
    embedding: Scores
    cry: NDArray[np.int8]
    voice: NDArray[np.int8]
    distress: Scores


def hop_labels(values: NDArray[np.int8], hops: int) -> NDArray[np.int8]:
    """Bring labels every 40 ms to hops: yes where half of it is yes, no where all is no, else unknown."""
    padded = np.zeros(hops * 6, dtype=np.int8)
    padded[: min(len(values), hops * 6)] = values[: hops * 6]
    six = padded.reshape(hops, 6)
    return np.where((six == 1).sum(1) >= 3, 1, np.where((six != 0).any(1), -1, 0)).astype(np.int8)


@torch.no_grad()
def score(ear: Ear, waves: Sequence[NDArray[np.int16]], device: torch.device) -> list[tuple[Scores, Scores]]:
    """Run whole clips through an ear from an empty state: logits and embeddings, in the order given."""
    front = FrontEnd().to(device)
    hops = [max(1, -(-len(wave) // features.HOP)) for wave in waves]
    order = sorted(range(len(waves)), key=lambda i: hops[i])
    found: dict[int, tuple[Scores, Scores]] = {}
    while order:
        chunk = [order.pop(0)]
        while order and hops[order[0]] * (len(chunk) + 1) <= 6_000 and hops[order[0]] <= 1.3 * hops[chunk[0]] + 4:
            chunk.append(order.pop(0))
        batch = np.zeros((len(chunk), hops[chunk[-1]] * features.HOP), dtype=np.float32)
        for row, i in enumerate(chunk):
            batch[row, : len(waves[i])] = waves[i] / np.float32(32768.0)
        logits, embedding, _ = ear(front(torch.from_numpy(batch).to(device)))
        for row, i in enumerate(chunk):
            found[i] = (logits[row, : hops[i]].float().cpu().numpy(), embedding[row, : hops[i]].float().cpu().numpy())
    return [found[i] for i in range(len(waves))]


def judge(ear: Ear, corpus: Corpus, which: Sequence[int], device: torch.device) -> list[Judged]:
    """Score the clips numbered in `which`."""
    scored = score(ear, [corpus.samples[i] for i in which], device)
    result = []
    for i, (logits, embedding) in zip(which, scored, strict=True):
        item, hops = corpus.labels[i], len(logits)
        graded = np.zeros(hops * 6, dtype=np.float32)
        graded[: min(len(item.distress), hops * 6)] = item.distress[: hops * 6]
        result.append(
            Judged(
                corpus.clips[i],
                logits,
                embedding.astype(np.float16),
                hop_labels(item.cry, hops),
                hop_labels(item.voice, hops),
                graded.reshape(hops, 6).max(1),
            )
        )
    return result


def mean(ears: Sequence[Sequence[Judged]]) -> list[Judged]:
    """The word of several ears on the same clips: the mean of their logits, the embedding of the first."""
    return [replace(items[0], logits=np.mean([item.logits for item in items], axis=0)) for items in zip(*ears, strict=True)]


def smooth(values: Scores, hops: int = 3) -> Scores:
    """Mean of the last `hops` values, fewer at the beginning: what a trigger of 0.7 s sees."""
    total = np.cumsum(np.concatenate([np.zeros(1), values]))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(0, end - hops)
    return np.asarray((total[end] - total[begin]) / np.maximum(end - begin, 2), dtype=np.float32)


def sigmoid(x: Scores) -> Scores:
    """Logits to probabilities."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -30, 30))), dtype=np.float32)


def peak(judged: Judged) -> float:
    """The highest smoothed cry score of a clip."""
    return float(smooth(sigmoid(judged.logits[:, 0])).max())


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Area under the ROC curve, ties counting half."""
    if not len(positive) or not len(negative):
        return float("nan")
    low = np.sort(np.asarray(negative))
    below = np.searchsorted(low, positive, "left") + np.searchsorted(low, positive, "right")
    return float(below.mean() / (2 * len(low)))


def alarms(values: Scores, threshold: float) -> int:
    """Count moments at which a smoothed score rises over the threshold, at least 10 s apart."""
    over = np.flatnonzero(values > threshold)
    return 0 if not len(over) else 1 + int((np.diff(over) > _APART_HOPS).sum())


def threshold_at(negatives: Sequence[Judged], per_hour: float) -> float:
    """The lowest threshold with at most `per_hour` false alarms an hour over the clips."""
    curves = [smooth(sigmoid(item.logits[:, 0])) for item in negatives]
    hours = sum(len(curve) for curve in curves) * features.HOP_S / 3600
    for threshold in sigmoid(np.linspace(-4.0, 14.0, 361, dtype=np.float32)):
        if sum(alarms(curve, float(threshold)) for curve in curves) <= per_hour * hours:
            return float(threshold)
    return 1.0


def holds_crying(item: Judged) -> bool:
    """True if the labels find at least 1 s of crying in a clip filed as a cry (Donate-a-Cry holds silence and talk)."""
    return item.clip.kind == "cry" and int((item.cry == 1).sum()) >= 4


def is_negative(item: Judged) -> bool:
    """True for a clip that counts as without crying."""
    return item.clip.kind not in ("cry", "unverified")


def summary(judged: Sequence[Judged]) -> dict[str, float]:
    """Clip AUC by cry source (mean and worst), recall at one false alarm an hour, and the voice's figures."""
    negatives = [item for item in judged if is_negative(item)]
    quiet = [peak(item) for item in negatives]
    cries = [item for item in judged if holds_crying(item)]
    result: dict[str, float] = {}
    areas, recalls = [], []
    limit = threshold_at(negatives, 1.0)
    for source in sorted({item.clip.cry_source for item in cries}):
        peaks = [peak(item) for item in cries if item.clip.cry_source == source]
        areas.append(auc(peaks, quiet))
        recalls.append(float(np.mean(np.array(peaks) > limit)))
        result[f"auc {source}"], result[f"recall@1/h {source}"] = areas[-1], recalls[-1]
    result |= {"auc mean": float(np.mean(areas)), "auc worst": float(np.min(areas)), "threshold@1/h": limit}
    result |= {"recall@1/h mean": float(np.mean(recalls)), "recall@1/h worst": float(np.min(recalls))}
    return result | voice_figures(judged)


def at_a_glance(judged: Sequence[Judged], shares: Sequence[float] = (0.01, 0.02, 0.03)) -> dict[str, float]:
    """Clip AUC, all sources pooled, and the share of crying clips missed where so many of the others are heard."""
    quiet = [peak(item) for item in judged if is_negative(item)]
    cries = np.array([peak(item) for item in judged if holds_crying(item)])
    missed = {f"missed at {share:.0%}": float(np.mean(cries < np.quantile(quiet, 1 - share))) for share in shares}
    return {"auc": auc(cries.tolist(), quiet), **missed}


def voice_figures(judged: Sequence[Judged], threshold: float = 0.5) -> dict[str, float]:
    """Voice: recall at 1 s over speaking clips, and the share of crying time called voice."""
    runs, false, total = [], 0, 0
    for item in judged:
        voice = smooth(sigmoid(item.logits[:, 1]), 4)
        if item.clip.kind == "adult_speech" and (item.voice == 1).sum() >= 4:
            runs.append(float(voice.max() > threshold))
        if item.clip.kind == "cry":
            crying = (item.cry == 1) & (item.voice == labels.NO)
            false += int((sigmoid(item.logits[:, 1])[crying] > threshold).sum())
            total += int(crying.sum())
    return {"voice recall 1 s": float(np.mean(runs)) if runs else float("nan"), "cries called voice": false / max(1, total)}
