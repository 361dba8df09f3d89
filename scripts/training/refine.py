# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""Refining an ear: of sound heard worse it learns to say what it said of the same sound heard well.

The ear as it was is its own tutor, and hears each example as it is; the ear that learns hears it from further away, beside
a steady noise or overdriven. Where the tutor was wrong about a sound without crying, the label holds. So neither a noise
machine nor a room shall lower a score, and what was no crying must not become it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .examples import Examples, Sound
from .learn import mine
from .net import Ear
from .spoil import Spoiler, Spoilt

KEPT = 80  # batches that wait to be heard again
AGAIN = 3  # each batch is heard so often, every time spoilt anew
WARM_UP = 100  # steps until the learning rate is reached
TUTOR = 0.5  # how much of what is said of examples with crying is the tutor's word; the rest is the label's


@dataclass(frozen=True, slots=True)
class Lesson:
    """A batch, and what the tutor said of it as it was: logits (batch, hops, 3) and trunk (batch, hops, width)."""

    sound: Sound
    logits: Tensor
    trunk: Tensor


def refine(start: Ear, examples: Examples, steps: int, rate: float, limit_s: float, keep: Callable[[Ear], None]) -> Ear:
    """Refine a copy of an ear; return the average of its weights.

    `limit_s` ends it earlier, with the rate decaying as if that were the end; `keep` is called every 500 steps.
    """
    device = examples.bank.device
    form = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    tutor = copy.deepcopy(start).to(device, memory_format=form).eval().requires_grad_(False)
    ear = copy.deepcopy(tutor).requires_grad_(True)  # its normalisations stay as they are: what they knew is in the weights
    average = copy.deepcopy(tutor)
    decay, plain = ([p for p in ear.parameters() if (p.ndim > 1) is many] for many in (True, False))
    groups = [{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    spoiler, lessons, rng = Spoiler(examples.studio), list[Lesson](), np.random.default_rng(7)
    begin = time.monotonic()
    for number in range(steps):
        fresh = number % AGAIN == 0 or len(lessons) < 10
        if fresh:
            sound, picks = examples.sound()
            with torch.no_grad():
                logits, _, trunk = tutor(examples.front(sound.wave, sound.settled).contiguous(memory_format=form))
            lesson = Lesson(sound, logits, trunk)
            if len(lessons) < KEPT:
                lessons.append(lesson)
            else:
                lessons[int(rng.integers(KEPT))] = lesson
        else:
            lesson = lessons[int(rng.integers(len(lessons)))]
        spoilt = spoiler.spoil(lesson.sound.wave)
        logits, _, trunk = ear(examples.front(spoilt.wave, lesson.sound.settled).contiguous(memory_format=form))
        loss = loss_of(logits, trunk, lesson, spoilt)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(ear.parameters(), 2.0)
        share = max(number / steps, (time.monotonic() - begin) / limit_s)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (number + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * min(1.0, share))) + 1e-7
        optimiser.step()
        with torch.no_grad():
            for mean, now in zip(average.parameters(), ear.parameters(), strict=True):
                mean.lerp_(now, 1.0 - min(0.995, (number + 1) / (number + 20)))
        if fresh:
            mine(examples.bank, picks, torch.sigmoid(logits[..., 0].detach()))
        if number % 100 == 0:
            print(f"step {number} {time.monotonic() - begin:.0f} s loss {float(loss.detach()):.3f}", flush=True)
        if number % 500 == 499:
            keep(average)
        if share >= 1.0:
            break
    return average


def loss_of(logits: Tensor, trunk: Tensor, lesson: Lesson, spoilt: Spoilt) -> Tensor:
    """Cross-entropies with the label and the tutor's word; what the noise has covered, and a room's echo, are not asked."""
    sound, bce = lesson.sound, functional.binary_cross_entropy_with_logits
    warm = torch.ones_like(sound.cry)
    warm[:, :2] = 0.3  # as in training: the first half second has little to go by
    tutor, crying, known = torch.sigmoid(lesson.logits), sound.cry == 1, sound.cry_weight > 0
    some = crying.any(1, keepdim=True)
    echo = spoilt.room[:, None] & ~crying & functional.pad(crying, (1, 0))[:, :-1]
    weight = sound.cry_weight * warm * ~(crying & ~spoilt.audible) * ~echo
    weight = torch.where(known, weight, TUTOR * some * warm * spoilt.audible)
    # the tutor may be surer of a cry than half a label, never less sure
    word = torch.where(crying, torch.maximum(tutor[..., 0], 0.5 * tutor[..., 0] + 0.45), tutor[..., 0])
    target = torch.where(known, sound.cry + TUTOR * some * (word - sound.cry), tutor[..., 0])
    cry = _mean(bce(logits[..., 0], target, reduction="none"), weight)
    quiet = ((sound.cry == 0) & known).all(1)
    worst = (bce(logits[..., 0], sound.cry, reduction="none") * warm).amax(1)
    cry = cry + 0.25 * _mean(worst, quiet)
    weight = sound.voice_weight * warm * ~((sound.voice == 1) & ~spoilt.audible)
    voice = _mean(bce(logits[..., 1], 0.5 * (sound.voice + tutor[..., 1]), reduction="none"), weight)
    distress = _mean(bce(logits[..., 2], tutor[..., 2], reduction="none"), crying & spoilt.audible)
    spread = lesson.trunk.var().clamp(min=1e-3)
    likeness = _mean((trunk - lesson.trunk).pow(2).mean(2), spoilt.audible) / spread
    return cry + 0.5 * voice + 0.3 * distress + 0.2 * likeness


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)
