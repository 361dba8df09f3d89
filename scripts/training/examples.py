# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""Batches of augmented examples with what is true of them and what YAMNet says of them.

It knows data and teacher, never a student.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from device import features
from device.second_ear import LOUDEST_RMS, QUIETEST_RMS

from . import teacher
from .augment import Studio
from .bank import Bank, Picks
from .hearing import FrontEnd

HOPS = 25  # an example: 6 s
LENGTH = HOPS * features.HOP
TEACHER_STEP = 4 * features.HOP
TEACHER_HOPS = slice(3, 24, 4)  # the hops at whose end YAMNet's patches end


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as the students hear them, and what is true of them: per hop, with weights."""

    inputs: Tensor  # (batch, 2, 400, 64)
    cry: Tensor  # (batch, hops), likewise the next four
    cry_weight: Tensor
    voice: Tensor
    voice_weight: Tensor
    distress: Tensor
    classes: Tensor  # (batch, patches, 521) scores
    features: Tensor  # (batch, patches, 1024)


@dataclass(frozen=True, slots=True)
class Sound:
    """Examples as the microphone hears them, (batch, samples), and what is true of them: per hop, with weights.

    Where `settled` (batch,) is true the front end has long been in that room.
    """

    wave: Tensor
    settled: Tensor
    cry: Tensor
    cry_weight: Tensor
    voice: Tensor
    voice_weight: Tensor
    distress: Tensor


def hop_power(wave: Tensor) -> Tensor:
    """Mean power of each hop, (batch, hops)."""
    return wave.unflatten(1, (-1, features.HOP)).pow(2).mean(2)


def audible(yes: Tensor, own_db: Tensor, rest_db: Tensor, clear_db: float) -> Tensor:
    """Join the parts' labels: 1 where a part says yes and can be heard, -1 where that is unsure, else 0."""
    clear = (yes == 1) & (own_db - rest_db > clear_db)
    unsure = (yes != 0) & ~clear
    return torch.where(clear.any(1), 1, torch.where(unsure.any(1), -1, 0))


class Examples:
    """Makes batches: draw, mix, front end, teacher; `sound` stops after the mix."""

    def __init__(self, bank: Bank, ear: teacher.Teacher, batch: int, seed: int, rooms: int) -> None:
        """Set up from what is given."""
        self.bank, self.ear, self.batch = bank, ear.to(bank.device).eval(), batch
        self.studio = Studio(LENGTH, features.HOP, bank.device, rooms, seed)
        self.front = FrontEnd().to(bank.device)
        self.rng = np.random.default_rng(seed)
        self.half = bank.device.type == "cuda"

    @torch.no_grad()
    def sound(self) -> tuple[Sound, Picks]:
        """Draw and mix one batch."""
        bank = self.bank
        picks = bank.draw(self.rng, self.batch, LENGTH)
        crying = torch.from_numpy(picks.crying).to(bank.device)
        mixed = self.studio.mix(bank.sounds(picks, LENGTH), crying)
        cries, voices, distress = bank.targets(picks, HOPS, features.HOP)
        cry = audible(cries, mixed.part_db, mixed.rest_db, -8.0)
        voice = audible(voices, mixed.part_db, mixed.rest_db, -6.0)
        loud = hop_power(mixed.wave) > 1e-8  # -80 dBFS
        cry_weight = (cry >= 0).float()
        onset = (cry == 1) & (functional.pad(cry, (1, 0))[:, :-1] != 1)
        sound = Sound(
            mixed.wave,
            torch.rand(self.batch, device=bank.device) < 0.5,
            (cry == 1).float(),
            torch.where(onset, 0.3, cry_weight),
            (voice == 1).float(),
            ((voice >= 0) & (loud | (voice == 0))).float(),
            torch.where(cries[:, 0] == 1, distress[:, 0], -1.0),
        )
        return sound, picks

    @torch.no_grad()
    def make(self) -> tuple[Batch, Picks]:
        """Make one batch, with YAMNet's answers."""
        sound, picks = self.sound()
        # YAMNet hears little in quiet sound; the student shall hear as much there, so its teacher is turned up.
        loudest = hop_power(sound.wave).amax(1, keepdim=True).sqrt()
        with torch.autocast("cuda", torch.float16, enabled=self.half):
            logits, embedded = self.ear(sound.wave * (LOUDEST_RMS / loudest.clamp(min=QUIETEST_RMS)), TEACHER_STEP)
        truths = (sound.cry, sound.cry_weight, sound.voice, sound.voice_weight, sound.distress)
        inputs = self.front(sound.wave, sound.settled)
        return Batch(inputs, *truths, torch.sigmoid(logits.float()), embedded.float()), picks
