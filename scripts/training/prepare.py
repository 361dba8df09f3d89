# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""Decode and label the corpus once, and keep the result: everything training and judging read.

It knows files and caches, never the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from . import labels, teacher
from .corpus import Clip, is_open, load_samples, read_manifest

LISTEN_STEP = 3_840  # samples between YAMNet's windows: 0.24 s


@dataclass(frozen=True, slots=True)
class Corpus:
    """Clips with their samples (int16, 16 kHz) and labels, in the same order."""

    clips: list[Clip]
    samples: list[NDArray[np.int16]]
    labels: list[labels.Labels]


def listen(ear: teacher.Teacher, samples: NDArray[np.int16], device: torch.device) -> NDArray[np.float32]:
    """Let YAMNet hear windows centred every 0.24 s: its 521 scores, shape (windows, 521)."""
    x = torch.from_numpy(samples).to(device).float() / 32768.0
    half = teacher.PATCH // 2
    x = torch.nn.functional.pad(x, (half, half + LISTEN_STEP))
    parts = []
    span = LISTEN_STEP * 128
    for begin in range(0, max(1, len(samples)), span):
        piece = x[begin : begin + span - LISTEN_STEP + teacher.PATCH]
        if len(piece) >= teacher.PATCH:
            with torch.no_grad():
                parts.append(torch.sigmoid(ear(piece[None], LISTEN_STEP)[0][0]).cpu().numpy())
    return np.concatenate(parts).astype(np.float32)


def grade(clips: Sequence[Clip], found: list[labels.Labels]) -> list[labels.Labels]:
    """Map raw distress so that 30 % of crying time grades as fussing, 50 % as crying, 20 % as screaming."""
    pool: list[NDArray[np.float32]] = []
    for clip, item in zip(clips, found, strict=True):
        if clip.split == "train" and clip.kind == "cry":
            pool.append(item.distress[item.cry == labels.YES][:: 2 if clip.cry_source == "donateacry" else 1])
    knots = np.quantile(np.concatenate(pool), [0.02, 0.3, 0.8, 0.98])
    return [
        labels.Labels(x.cry, x.voice, np.interp(x.distress, knots, [0, 1 / 3, 2 / 3, 1]).astype(np.float32)) for x in found
    ]


def prepare(folder: Path, ear: teacher.Teacher, device: torch.device, workers: int) -> Corpus:
    """Read, decode and label the whole corpus (both splits)."""
    clips = [c for c in read_manifest(folder) if (folder / c.path).exists()]
    samples = load_samples(folder, clips, workers)
    found = []
    for clip, wave in zip(clips, samples, strict=True):
        heard = None
        if clip.kind in ("cry", "unverified"):
            scores = listen(ear, wave, device)
            cry = scores[:, teacher.CRYING : teacher.WHIMPER + 1].max(axis=1)
            heard = np.stack([cry, scores[:, teacher.SPEECH]], axis=1)
        found.append(labels.label(clip, labels.analyse(wave), heard))
    return Corpus(clips, samples, grade(clips, found))


def joined(corpus: Corpus, folder: Path, workers: int) -> Corpus:
    """Add the train split of another folder, none of which is crying (`scripts/gather` makes one)."""
    clips = [clip for clip in read_manifest(folder) if clip.split == "train"]
    samples = load_samples(folder, clips, workers)
    found = [labels.label(clip, labels.analyse(wave), None) for clip, wave in zip(clips, samples, strict=True)]
    return Corpus([*corpus.clips, *clips], [*corpus.samples, *samples], [*corpus.labels, *found])


def openly(corpus: Corpus) -> Corpus:
    """Leave out of the train split what is not openly licensed; the test split stays whole, so that figures compare."""
    keep = [i for i, clip in enumerate(corpus.clips) if clip.split == "test" or is_open(clip.licence)]
    return Corpus(*([part[i] for i in keep] for part in (corpus.clips, corpus.samples, corpus.labels)))


def save(corpus: Corpus, path: Path) -> None:
    """Keep a prepared corpus in one file."""
    torch.save({"clips": corpus.clips, "samples": corpus.samples, "labels": corpus.labels}, path)


def load(path: Path) -> Corpus:
    """Read what `save` wrote; only ever a file made by this program."""
    return Corpus(**torch.load(path, weights_only=False))
