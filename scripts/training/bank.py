# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""The corpus on the accelerator, and the draw of what sounds together in each training example.

It knows clips, classes and chances; what rooms and microphones do to them is `augment`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import labels
from .corpus import Clip
from .prepare import Corpus

# How often a class of sound without crying is the main sound of an example, before mining.
KIND_WEIGHTS = {
    "cat": 6.0, "baby_laugh": 5.0, "adult_laugh": 2.5, "adult_cry": 3.0, "moan": 2.5, "scream": 2.5, "babble": 4.0,
    "child_speech": 3.0, "adult_speech": 5.0, "letters": 1.0, "singing": 1.5, "music": 5.0, "game": 5.0, "crow": 2.5,
    "sheep": 2.5, "dog": 2.0, "animal": 3.5, "siren": 2.5, "door": 2.0, "crowd": 1.5, "room": 1.5, "silence": 0.3,
    "noise": 5.0,
}  # fmt: skip
# What may call again and again. A lone call in silence would teach that only what repeats is crying.
REPEATING = ("cry", "cat", "baby_laugh", "adult_laugh", "adult_cry", "moan", "scream", "babble", "crow", "sheep", "dog",
             "animal", "siren", "door", "game")  # fmt: skip
MOST_CALLS = 4
# Voices that may also be played faster: as a cartoon's, or a small child's, whose throat is shorter.
SQUEAKING = ("game", "child_speech", "adult_speech", "letters", "singing", "adult_laugh")
SQUEAKY, SQUEAKY_SPEED = 0.3, (1.25, 1.8)  # how often, how fast
SHORT = 56_000  # samples, 3.5 s: what is shorter may be repeated
CRY_WEIGHTS = {"donateacry": 0.24, "todly": 0.13, "giulbia": 0.08}  # the rest: the small sources, by group
UNDER = ("noise", "music", "crowd", "adult_speech", "animal", "child_speech", "siren", "room")
UNDER_WEIGHTS = np.array([6.0, 2.5, 1.5, 2.0, 1.0, 0.5, 0.5, 0.5])


@dataclass(frozen=True, slots=True)
class Picks:
    """For each example: main sound, a voice over it, a background (clip numbers, -1 for none), where and how fast.

    Further columns hold more calls of the main sound, one after the other.
    """

    clip: NDArray[np.int64]
    begin: NDArray[np.float32]
    speed: NDArray[np.float32]
    crying: NDArray[np.bool_]
    folds: NDArray[np.int64]


class Bank:
    """Samples and labels of the chosen clips, flat on the device, and the weighted draw over them."""

    def __init__(self, corpus: Corpus, split: str, device: torch.device, squeaky: float = SQUEAKY) -> None:
        """Put the clips of one split onto the device; `squeaky` is the share of voices that are played faster."""
        self.squeaky = squeaky
        keep = [i for i, clip in enumerate(corpus.clips) if clip.split == split and len(corpus.samples[i]) > 3200]
        self.clips: list[Clip] = [corpus.clips[i] for i in keep]
        sizes = np.array([len(corpus.samples[i]) for i in keep])
        counts = np.array([len(corpus.labels[i].cry) for i in keep])
        self.size = torch.from_numpy(sizes).to(device)
        self.start = torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)[:-1]])).to(device)
        self.label_size = torch.from_numpy(counts).to(device)
        self.label_start = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)[:-1]])).to(device)
        self.samples = torch.from_numpy(np.concatenate([corpus.samples[i] for i in keep])).to(device)
        self.cry = torch.from_numpy(np.concatenate([corpus.labels[i].cry for i in keep])).to(device)
        self.voice = torch.from_numpy(np.concatenate([corpus.labels[i].voice for i in keep])).to(device)
        self.distress = torch.from_numpy(np.concatenate([corpus.labels[i].distress for i in keep])).to(device)
        self.device = device
        self.duration = sizes
        self.fold = np.array([clip.fold for clip in self.clips])
        self.yes = [np.flatnonzero(corpus.labels[i].cry == labels.YES) for i in keep]
        self.hardness = np.full(len(keep), 0.1)  # running mean of how much each clip was heard as crying
        self._group_up()

    def remember(self, heard: Mapping[str, float]) -> None:
        """Take how much each clip (by path) was heard as crying by an ear that never learned from it: 0..1."""
        for i, clip in enumerate(self.clips):
            self.hardness[i] = heard.get(clip.path, self.hardness[i])

    def _group_up(self) -> None:
        self.cries: dict[str, dict[str, list[int]]] = {}
        self.others: dict[str, list[int]] = {}
        self.unverified: list[int] = []
        self.calls: dict[tuple[str, str], list[int]] = {}
        for i, clip in enumerate(self.clips):
            if self._repeats(i) and (clip.kind != "cry" or len(self.yes[i])):
                self.calls.setdefault((clip.group, clip.kind), []).append(i)
            if clip.kind == "cry":
                if len(self.yes[i]):
                    name = clip.cry_source if clip.cry_source in CRY_WEIGHTS else "more"
                    self.cries.setdefault(name, {}).setdefault(clip.group, []).append(i)
            elif clip.kind == "unverified":
                self.unverified.append(i)
            else:
                self.others.setdefault(clip.kind, []).append(i)

    def draw(self, rng: np.random.Generator, batch: int, length: int) -> Picks:
        """Draw what sounds in each of `batch` examples of `length` samples."""
        clip = np.full((batch, 3 + MOST_CALLS - 1), -1, dtype=np.int64)
        crying = rng.random(batch) < 0.42
        for row in range(batch):
            clip[row, 0] = self._cry(rng) if crying[row] else self._other(rng)
            if rng.random() < 0.22:
                clip[row, 1] = rng.choice(self.others["adult_speech"])
            if rng.random() < 0.45:
                kinds = [k in self.others for k in UNDER]
                chance = UNDER_WEIGHTS * kinds
                kind = UNDER[rng.choice(len(UNDER), p=chance / chance.sum())]
                clip[row, 2] = rng.choice(self.others[kind])
        speed = np.where(rng.random(clip.shape) < 0.6, np.exp(rng.normal(0, 0.09, clip.shape)), 1.0)
        speed = np.clip(speed, 0.8, 1.25).astype(np.float32)
        squeaky = np.array([self.clips[i].kind in SQUEAKING for i in clip[:, 0]]) & (rng.random(batch) < self.squeaky)
        speed[squeaky, 0] = rng.uniform(*SQUEAKY_SPEED, int(squeaky.sum()))
        begin = np.zeros(clip.shape, dtype=np.float32)
        for row, part in np.argwhere(clip >= 0):
            begin[row, part] = self._begin(rng, int(clip[row, part]), length * speed[row, part], part == 0)
        for row in range(batch):
            if self._repeats(int(clip[row, 0])) and rng.random() < 0.6:
                self._repeat(rng, clip[row], begin[row], speed[row], length)
        folds = np.where(clip >= 0, self.fold[clip], -1)
        return Picks(clip, begin, speed, crying, folds)

    def _repeats(self, i: int) -> bool:
        return self.clips[i].kind in REPEATING and bool(self.duration[i] < SHORT)

    def _repeat(
        self,
        rng: np.random.Generator,
        clip: NDArray[np.int64],
        begin: NDArray[np.float32],
        speed: NDArray[np.float32],
        length: int,
    ) -> None:
        """Let the main sound of one example call again: clips of the same group at the same speed, with pauses."""
        members = self.calls[self.clips[clip[0]].group, self.clips[clip[0]].kind]
        start = rng.uniform(-0.5, 0.2) * length
        for part in (0, *range(3, 2 + MOST_CALLS)):
            if part:
                clip[part], speed[part] = rng.choice(members), speed[0]
            begin[part] = -start * speed[0]
            start += self.duration[clip[part]] / speed[0] + rng.uniform(0.05, 1.2) * 16_000

    def _cry(self, rng: np.random.Generator) -> int:
        if self.unverified and rng.random() < 0.07:
            return int(rng.choice(self.unverified))
        names = list(self.cries)
        chance = np.array([CRY_WEIGHTS.get(name, 0.55) for name in names])
        groups = self.cries[names[rng.choice(len(names), p=chance / chance.sum())]]
        keys = list(groups)
        size = np.array([min(len(groups[key]), 4) ** 0.5 for key in keys])
        return int(rng.choice(groups[keys[rng.choice(len(keys), p=size / size.sum())]]))

    def _other(self, rng: np.random.Generator) -> int:
        kinds = list(self.others)
        hard = [float(np.mean(self.hardness[self.others[k]])) for k in kinds]
        chance = np.array([KIND_WEIGHTS.get(k, 1.0) * (0.5 + 4.0 * h) for k, h in zip(kinds, hard, strict=True)])
        members = self.others[kinds[rng.choice(len(kinds), p=chance / chance.sum())]]
        weight = (0.1 + self.hardness[members]) * np.minimum(self.duration[members], 480_000) ** 0.5
        return int(members[rng.choice(len(members), p=weight / weight.sum())])

    def _begin(self, rng: np.random.Generator, i: int, length: float, main: bool) -> float:
        spare = self.duration[i] - length
        if spare <= 0:  # a short clip begins anywhere within the example
            return float(spare * rng.random())
        if main and len(self.yes[i]) and rng.random() < 0.8:  # have crying somewhere in it
            return float(np.clip(rng.choice(self.yes[i]) * labels.STEP - rng.random() * length, -0.2 * length, spare))
        return float(int(spare * rng.random()))

    def sounds(self, picks: Picks, length: int) -> Tensor:
        """The three parts as waveforms, (batch, 3, length), resampled to their speeds, repeated calls in the first."""
        rows, parts = np.nonzero(picks.clip >= 0)
        clip = torch.from_numpy(picks.clip[rows, parts]).to(self.device)
        speed = torch.from_numpy(picks.speed[rows, parts]).to(self.device)[:, None]
        begin = torch.from_numpy(picks.begin[rows, parts]).to(self.device)[:, None]
        at = begin + torch.arange(length, device=self.device) * speed
        whole = at.floor()
        part = at - whole
        size = self.size[clip][:, None]
        inside = (whole >= 0) & (whole < size - 1)
        index = self.start[clip][:, None] + torch.where(inside, whole.long(), 0)
        left, right = self.samples[index].float(), self.samples[index + 1].float()
        waves = (left + (right - left) * part) * inside / 32768.0
        into = torch.from_numpy(rows * 3 + np.where(parts < 3, parts, 0)).to(self.device)
        result = torch.zeros((len(picks.clip) * 3, length), device=self.device)
        return result.index_add_(0, into, waves).unflatten(0, (-1, 3))

    def targets(self, picks: Picks, hops: int, hop: int) -> tuple[Tensor, Tensor, Tensor]:
        """Labels of each part at each hop, (batch, 3, hops): cry and voice in {-1, 0, 1}, distress 0..1."""
        clip = torch.from_numpy(picks.clip).to(self.device)
        middle = (torch.arange(hops * 6, device=self.device) + 0.5) * (hop / 6)
        speed = torch.from_numpy(picks.speed).to(self.device)[..., None]
        at = torch.from_numpy(picks.begin).to(self.device)[..., None] + middle * speed
        step = (at / labels.STEP).floor().long()
        size = torch.where(clip >= 0, self.label_size[clip.clamp(min=0)], 0)[..., None]
        inside = ((step >= 0) & (step < size)).unflatten(2, (hops, 6))
        index = self.label_start[clip.clamp(min=0)][..., None] + step.clamp(min=0).minimum((size - 1).clamp(min=0))

        def settle(values: Tensor) -> Tensor:
            six = torch.where(inside, values[index].unflatten(2, (hops, 6)).long(), 0)
            yes, maybe = (six == 1).sum(3), (six != 0).any(3)
            yes = torch.stack([yes[:, 0] + yes[:, 3:].sum(1), yes[:, 1], yes[:, 2]], 1)
            maybe = torch.stack([maybe[:, 0] | maybe[:, 3:].any(1), maybe[:, 1], maybe[:, 2]], 1)
            return torch.where(yes >= 3, 1, torch.where(maybe, -1, 0))

        graded = torch.where(inside, self.distress[index].unflatten(2, (hops, 6)), 0.0).amax(3)
        graded[:, 0] = torch.maximum(graded[:, 0], graded[:, 3:].amax(1))
        voice = settle(self.voice)
        squeaky = (speed[:, :3] > SQUEAKY_SPEED[0]) & (voice == 1)  # whether that is still an adult's is not asked
        return settle(self.cry), torch.where(squeaky, -1, voice), graded[:, :3]
