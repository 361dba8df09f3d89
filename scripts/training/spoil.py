# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""The same sound heard worse: from further away, through another microphone, beside a steady noise, overdriven.

It knows waveforms only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .augment import RATE, Studio
from .examples import hop_power

ROOM, COLOUR, DIP, NOISE, OVERDRIVEN = 0.35, 0.35, 0.25, 0.6, 0.12  # how often each
RATIO_DB = -3.0, 20.0  # the loudest hop against the noise
AUDIBLE_DB = -5.0  # a sound further below the noise cannot be asked for
DIRECT_DB = -15.0, 2.0  # direct against reverberant sound: one to several metres in a living room
DIP_DB, DIP_HZ, DIP_OCTAVES = (6.0, 20.0), (300.0, 5000.0), (0.3, 1.0)
LOUDEST = 0.5


@dataclass(frozen=True, slots=True)
class Spoilt:
    """Examples heard worse (batch, samples): at each hop, whether they are still audible; which got a room (batch,)."""

    wave: Tensor
    audible: Tensor
    room: Tensor


class Spoiler:
    """Spoils sound; holds a bank of reverberant rooms."""

    def __init__(self, studio: Studio, rooms: int = 96) -> None:
        """Make the rooms."""
        self.studio = studio
        self.rooms = torch.cat([self._rooms(min(32, rooms - i)) for i in range(0, rooms, 32)])

    def _rooms(self, count: int) -> Tensor:
        studio = self.studio
        rt60, dull = studio.uniform(0.2, 0.8, count, 1), studio.uniform(0.4, 1.0, count, 1)
        tail = studio.tails(rt60, dull, RATE // 2)
        tail[:, : RATE // 500 + 1] = 0.0
        tail *= 10 ** (-studio.uniform(*DIRECT_DB, count, 1) / 20) / tail.norm(dim=1, keepdim=True)
        tail[:, 0] += 1.0
        return torch.fft.rfft(tail / tail.norm(dim=1, keepdim=True), studio.size)

    def _dip(self, count: int) -> Tensor:
        """What a table's echo or a clogged hole takes away: a dip somewhere, up to an octave to either side."""
        studio = self.studio
        place = torch.exp(studio.uniform(*(math.log(hz) for hz in DIP_HZ), count, 1))
        octaves = torch.log2(studio.hz.clamp(min=20) / place) / studio.uniform(*DIP_OCTAVES, count, 1)
        return 10 ** (-studio.uniform(*DIP_DB, count, 1) * torch.exp(-octaves.pow(2)) / 20)

    @torch.no_grad()
    def spoil(self, wave: Tensor) -> Spoilt:
        """Spoil a batch, each example in its own way, some not at all."""
        studio, batch = self.studio, len(wave)
        room = studio.chance(ROOM, batch)
        which = torch.randint(len(self.rooms), (batch,), generator=studio.generator, device=studio.device)
        response = torch.where(room[:, None], self.rooms[which], 1.0)
        response = response * torch.where(studio.chance(COLOUR, batch, 1), studio.response(batch), 1.0)
        response = response * torch.where(studio.chance(DIP, batch, 1), self._dip(batch), 1.0)
        heard = torch.fft.irfft(torch.fft.rfft(wave, studio.size) * response, studio.size)[:, : studio.length]
        before, after = (hop_power(x).amax(1, keepdim=True) + 1e-14 for x in (wave, heard))
        wave = heard * (before / after).sqrt()
        own = hop_power(wave)
        noise = studio.noise(batch) * (own.amax(1, keepdim=True) + 1e-12).sqrt()
        noise = noise * 10 ** (-studio.uniform(*RATIO_DB, batch, 1) / 20) * studio.chance(NOISE, batch, 1)
        near = functional.max_pool1d(own[:, None], 5, 1, 2)[:, 0]  # a breath between two cries is audible with them
        audible = 10 * torch.log10((near + 1e-12) / (hop_power(noise) + 1e-12)) > AUDIBLE_DB
        wave = wave + noise
        peak = hop_power(wave).amax(1, keepdim=True).sqrt().clamp(min=1e-5)
        over = studio.uniform(0.3, 1.2, batch, 1) / peak
        gain = torch.where(studio.chance(OVERDRIVEN, batch, 1), over, (LOUDEST / peak).clamp(max=1.0))
        return Spoilt(((wave * gain).clamp(-1, 1) * 32767).round() / 32768, audible, room)
