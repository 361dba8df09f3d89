# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""Training: one stream of augmented examples with YAMNet's answers, heard by many students at once.

Each student leaves out one fold of sources (or none): what an example holds from that fold is replaced by another
example. So the figures on sources left out come from the same recipe, and the same run, as the ear that ships.
"""

from __future__ import annotations

import contextlib
import copy
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from . import teacher
from .bank import Bank, Picks
from .examples import TEACHER_HOPS, Batch, Examples
from .net import Ear, Shape

SETTLING = 150  # steps in which new heads on a trained trunk learn by themselves


@dataclass(frozen=True, slots=True)
class Recipe:
    """What may differ between students of one run."""

    fold: int = -1  # the fold left out; -1: none
    seed: int = 0
    shape: Shape = field(default_factory=Shape)
    classes_weight: float = 0.05  # YAMNet's 521 scores, summed cross-entropy
    features_weight: float = 0.3  # YAMNet's 1024 features, normalised squared error
    soft_share: float = 0.0  # how much of what it is told about crying is the tutors' word; the rest is the labels'
    again: int = 0  # earlier batches to hear again with each new one
    every: int = 1  # hear only every so many batches
    name: str = ""


class Student(nn.Module):
    """The ear with the heads that only training needs, and its loss."""

    def __init__(self, recipe: Recipe) -> None:
        """Set up from what is given."""
        super().__init__()
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.format = torch.contiguous_format
        self.settling = False  # heads that are new to a trained trunk learn by themselves at first
        self.ear = Ear(recipe.shape)
        self.classes = nn.Linear(recipe.shape.width, teacher.CLASSES)
        self.features = nn.Linear(recipe.shape.width, teacher.FEATURES)
        nn.init.constant_(self.classes.bias, -5.0)

    def forward(self, batch: Batch, soft: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the loss and the cry scores (batch, hops); `soft` is the tutors' cry score, likewise."""
        logits, _, trunk = self.ear(batch.inputs.contiguous(memory_format=self.format))
        return self.loss(logits, trunk, batch, soft), torch.sigmoid(logits[..., 0].detach())

    def loss(self, logits: Tensor, trunk: Tensor, batch: Batch, soft: Tensor | None = None) -> Tensor:
        """Cross-entropies of cry, voice and distress, the worst moment of quiet examples, and the distillation."""
        bce = functional.binary_cross_entropy_with_logits
        warm = torch.ones_like(batch.cry)
        warm[:, :2] = 0.3  # the first half second has little to go by
        weight, target = batch.cry_weight * warm, batch.cry
        if soft is not None and self.recipe.soft_share:
            # Tutors are asked only where there is crying: of sounds without any, the label is surer than they are.
            share = self.recipe.soft_share * (batch.cry.amax(1, keepdim=True) > 0)
            target = torch.where(weight > 0, target + share * (soft - target), soft)
            weight = torch.where(weight > 0, weight, share * warm)
        each = bce(logits[..., 0], target, reduction="none")
        cry = (each * weight).sum() / weight.sum()
        quiet = ((batch.cry == 0) & (batch.cry_weight > 0)).all(1)
        worst = (each * warm).amax(1)
        cry = cry + 0.25 * (worst * quiet).sum() / quiet.sum().clamp(min=1)
        weight = batch.voice_weight * warm
        each = bce(logits[..., 1], batch.voice, reduction="none")
        voice = (each * weight).sum() / weight.sum()
        graded = ((batch.distress >= 0) & (batch.cry == 1)).float()
        each = bce(logits[..., 2], batch.distress.clamp(min=0), reduction="none")
        distress = (each * graded).sum() / graded.sum().clamp(min=1)
        heard = trunk[:, TEACHER_HOPS]
        if self.settling:
            heard = heard.detach()
        classes = bce(self.classes(heard), batch.classes, reduction="none").sum(2).mean()
        spread = batch.features.var(dim=(0, 1)).clamp(min=0.02)
        likeness = ((self.features(heard) - batch.features).pow(2) / spread).mean()
        recipe = self.recipe
        return cry + 0.5 * voice + 0.3 * distress + recipe.classes_weight * classes + recipe.features_weight * likeness


class Learner:
    """One student with its optimiser, its averaged twin and, on a GPU, its captured step."""

    def __init__(
        self, recipe: Recipe, device: torch.device, steps: int, peak_rate: float, start: Mapping[str, Tensor] | None = None
    ) -> None:
        """Set up from what is given; `start` holds an earlier ear's weights to go on from."""
        self.recipe, self.steps, self.peak = recipe, steps, peak_rate
        self.student = Student(recipe)
        self.begun = start is not None
        if start is not None:
            self.student.ear.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in start.items()})
        self.student = self.student.to(device)
        if device.type == "cpu":
            self.student.format = torch.channels_last  # a fifth faster
            self.student = self.student.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.student.ear).eval().requires_grad_(False)
        self.rate = torch.tensor(1e-4, device=device)
        decay = [p for p in self.student.parameters() if p.ndim > 1]
        plain = [p for p in self.student.parameters() if p.ndim <= 1]
        groups = [{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
        cuda = device.type == "cuda"
        self.optimiser = torch.optim.AdamW(groups, lr=self.rate if cuda else 1e-4, capturable=cuda, betas=(0.9, 0.98))
        self.rng = np.random.default_rng(recipe.seed + 17)
        self.device = device
        self.held: Batch | None = None
        self.soft: Tensor | None = None
        self.graph: torch.cuda.CUDAGraph | None = None
        self.scores = torch.zeros(1)
        self.total = torch.zeros((), device=device)

    def order(self, picks: Picks) -> NDArray[np.int64]:
        """Number the examples to hear: those that hold the fold left out give way to others, drawn at random."""
        index = np.arange(len(picks.clip))
        if self.recipe.fold >= 0:
            out = (picks.folds == self.recipe.fold).any(1)
            index[out] = self.rng.choice(index[~out], int(out.sum()))
        return index

    def step(self, batch: Batch, picks: Picks, number: int, soft: Tensor | None = None) -> None:
        """Learn from one batch; `soft` is the tutors' cry score."""
        share = number / self.steps
        rate = self.peak * min(1.0, (number + 1) / 300) * (0.5 + 0.5 * math.cos(math.pi * share)) + 1e-6
        self.student.settling = self.begun and number < SETTLING
        index = torch.from_numpy(self.order(picks)).to(self.device)
        chosen = [getattr(batch, name)[index] for name in Batch.__slots__]
        heard = soft[index] if soft is not None and self.recipe.soft_share else None
        if self.device.type != "cuda":
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self.soft = heard
            self._update(Batch(*chosen))
        else:
            self.rate.fill_(rate)
            if self.held is None:
                self.held = Batch(*(part.clone() for part in chosen))
                self.soft = None if heard is None else heard.clone()
            if heard is not None and self.soft is not None:
                self.soft.copy_(heard)
            for name, part in zip(Batch.__slots__, chosen, strict=True):
                getattr(self.held, name).copy_(part)
            if self.graph is None and number >= (SETTLING if self.begun else 3):
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph):
                    self._update(self.held)
            if self.graph is None:
                self._update(self.held)
            else:
                self.graph.replay()
        self._follow(min(0.9995, (number + 1) / (number + 30)))

    def _update(self, batch: Batch) -> None:
        self.optimiser.zero_grad(set_to_none=False)
        loss, scores = self.student(batch, self.soft)
        loss.backward()
        for part in self.student.parameters():
            torch.nan_to_num_(part.grad, 0.0, 0.0, 0.0)
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 3.0)
        self.optimiser.step()
        self.total, self.scores = loss.detach(), scores

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        """Average weights and statistics over the steps."""
        new = [v for v in self.student.ear.state_dict().values() if v.is_floating_point()]
        old = [v for v in self.average.state_dict().values() if v.is_floating_point()]
        torch._foreach_lerp_(old, new, 1.0 - keep)


def ahead(examples: Examples) -> Iterator[tuple[Batch, Picks]]:
    """Make batches in a thread of its own, a few ahead; it ends with the generator."""
    made: queue.Queue[tuple[Batch, Picks]] = queue.Queue(maxsize=4)
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            made.put(examples.make())

    worker = threading.Thread(target=work, daemon=True, name="examples")
    worker.start()
    try:
        while True:
            yield made.get()
    finally:
        ended.set()
        while worker.is_alive():
            with contextlib.suppress(queue.Empty):
                made.get(timeout=0.1)


@torch.no_grad()
def tutored(tutors: Sequence[Ear], batch: Batch) -> Tensor | None:
    """The tutors' cry score for each hop: of the mean of their logits."""
    if not tutors:
        return None
    return torch.sigmoid(torch.stack([tutor(batch.inputs)[0][..., 0] for tutor in tutors]).mean(0))


def train(
    examples: Examples,
    recipes: Sequence[Recipe],
    steps: int,
    peak_rate: float,
    limit_s: float = math.inf,
    *,
    starts: Sequence[Mapping[str, Tensor] | None] = (),
    tutors: Sequence[Ear] = (),
    keep: Callable[[Sequence[Learner]], None] = lambda learners: None,
) -> list[Learner]:
    """Train all students on one stream.

    `limit_s` stops early, with the rate decaying as if that were the end; `starts` are weights to go on from, one for each
    recipe; `tutors` give soft answers to those that want them; `keep` is called every 500 steps and at the end.
    """
    device = examples.bank.device
    begins = list(starts) or [None] * len(recipes)
    learners = [Learner(r, device, steps, peak_rate, start) for r, start in zip(recipes, begins, strict=True)]
    tutors = [tutor.to(device).eval() for tutor in tutors]
    earlier: deque[tuple[Batch, Picks, Tensor | None]] = deque(maxlen=200)
    rng = np.random.default_rng(5)
    begin = time.monotonic()
    for number, (batch, picks) in enumerate(ahead(examples)):
        soft = tutored(tutors, batch)
        for learner in learners:
            if number % learner.recipe.every:
                continue
            learner.step(batch, picks, number, soft)
            if learner is learners[0]:
                mine(examples.bank, picks, learner.scores)
            for _ in range(learner.recipe.again if earlier else 0):
                old = earlier[rng.integers(len(earlier))]
                learner.step(old[0], old[1], number, old[2])
        if any(recipe.again for recipe in recipes):
            earlier.append((batch, picks, soft))
        if number % 100 == 0:
            spent = time.monotonic() - begin
            losses = " ".join(f"{float(learner.total):.3f}" for learner in learners)
            print(f"step {number} {spent:.0f} s loss {losses}", flush=True)
            if number >= 200 and math.isfinite(limit_s):  # fit the schedule to the time there is, at the pace so far
                fit = int(number + max(0.0, limit_s - spent) / (spent / number)) + 1
                for learner in learners:
                    learner.steps = min(steps, fit)
        if number % 500 == 499:
            keep(learners)
        if number + 1 >= learners[0].steps:
            break
    keep(learners)
    return learners


def mine(bank: Bank, picks: Picks, scores: Tensor) -> None:
    """Remember how much each clip without crying was heard as crying; the draw then prefers those."""
    heard = scores.amax(1).float().cpu().numpy()
    for row in np.flatnonzero(~picks.crying):
        clip = picks.clip[row, 0]
        bank.hardness[clip] += 0.3 * (float(heard[row]) - bank.hardness[clip])
