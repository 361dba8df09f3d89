# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""Rooms, noise, levels and microphones, made on the accelerator for a whole batch at once.

It knows waveforms only. All spectra are amplitude responses over one long transform per example.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Mixed:
    """What the microphone hears (batch, samples), and each part's level at each hop in dB (batch, 3, hops)."""

    wave: Tensor
    part_db: Tensor
    rest_db: Tensor


class Studio:
    """Makes examples from parts; holds a bank of synthetic rooms."""

    def __init__(self, length: int, hop: int, device: torch.device, rooms: int, seed: int) -> None:
        """Make the rooms."""
        self.length, self.hop, self.device = length, hop, device
        self.size = 105_000 if length + 8_000 <= 105_000 else 1 << (length + 8_000 - 1).bit_length()
        self.generator = torch.Generator(device).manual_seed(seed)
        self.hz = torch.fft.rfftfreq(self.size, 1 / RATE).to(device)
        self.rooms = torch.cat([self._rooms(min(64, rooms - i)) for i in range(0, rooms, 64)])

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform random numbers."""
        return torch.rand(shape, generator=self.generator, device=self.device) * (high - low) + low

    def normal(self, *shape: int) -> Tensor:
        """Gaussian random numbers."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def chance(self, p: float, *shape: int) -> Tensor:
        """True with probability p."""
        return torch.rand(shape, generator=self.generator, device=self.device) < p

    def tails(self, rt60: Tensor, dull: Tensor, length: int) -> Tensor:
        """Decaying noise (count, length), high frequencies `dull` times as long as low ones: in s and ratios (count, 1)."""
        t = torch.arange(length, device=self.device) / RATE
        low = self.normal(len(rt60), length) * torch.exp(-6.9 * t / rt60)
        high = self.normal(len(rt60), length) * torch.exp(-6.9 * t / (rt60 * dull))
        smooth = torch.ones(1, 1, 9, device=self.device) / 9
        return functional.conv1d(low[:, None], smooth, padding=4)[:, 0] * 2.0 + high * 0.7

    def _rooms(self, count: int) -> Tensor:
        """Responses of made-up rooms: direct sound, sparse early echoes, a tail that decays faster at high pitch."""
        n = 8_000
        t = torch.arange(n, device=self.device) / RATE
        rt60 = torch.exp(self.uniform(math.log(0.12), math.log(1.0), count, 1))
        dull = self.uniform(0.35, 0.95, count, 1)  # how much sooner high frequencies die
        tail = self.tails(rt60, dull, n)
        tail *= (t > 0.004) * (t * 60).clamp(max=1.0)
        echoes = self.normal(count, n) * self.chance(0.012, count, n) * torch.exp(-t / 0.02) * (t < 0.06)
        tail = tail / tail.norm(dim=1, keepdim=True) + 0.7 * echoes / (echoes.norm(dim=1, keepdim=True) + 1e-3)
        direct_db = self.uniform(-10, 16, count, 1)
        tail = tail / tail.norm(dim=1, keepdim=True) * 10 ** (-direct_db / 20)
        tail[:, 0] += 1.0
        return torch.fft.rfft(tail / tail.norm(dim=1, keepdim=True), self.size)

    def response(self, *shape: int) -> Tensor:
        """Random smooth responses of microphones and bodies: bumps of up to about 8 dB and a tilt."""
        points = 24
        curve = self.normal(*shape, points) * self.uniform(0, 5, *shape, 1)
        curve = curve + self.uniform(-6, 6, *shape, 1) * torch.linspace(-1, 1, points, device=self.device)
        flat = functional.interpolate(curve.reshape(-1, 1, points), 256, mode="linear", align_corners=True)[:, 0]
        place = ((torch.log2(self.hz.clamp(min=40)) - math.log2(40)) / math.log2(200) * 255).round().long()
        return (10 ** (flat / 20))[:, place.clamp(0, 255)].reshape(*shape, -1)

    def band(self, count: int) -> Tensor:
        """Random band limits: high-pass 20-300 Hz, and for half of them low-pass 3-8 kHz, gentle to steep."""
        low = torch.exp(self.uniform(math.log(20), math.log(300), count, 1))
        order = self.uniform(1, 4, count, 1)
        rise = 1 / torch.sqrt(1 + (low / self.hz.clamp(min=1)) ** (2 * order))
        top = torch.where(self.chance(0.5, count, 1), self.uniform(3000, 7900, count, 1), 1e6)
        steep = torch.exp(self.uniform(math.log(4), math.log(60), count, 1))
        return rise / torch.sqrt(1 + (self.hz / top).clamp(max=1e3) ** (2 * steep).clamp(max=80))

    def noise(self, count: int) -> Tensor:
        """Noise machines, fans and hum: coloured noise with bumps, sometimes tones, sometimes slow swells; unit level."""
        slope = self.uniform(-0.2, 2.4, count, 1)
        shape = self.hz.clamp(min=25) ** (-slope / 2) * self.response(count)
        shape = shape / shape.norm(dim=1, keepdim=True)
        spectrum = torch.complex(self.normal(count, len(self.hz)), self.normal(count, len(self.hz))) * shape
        wave = torch.fft.irfft(spectrum, self.size)[:, : self.length]
        wave = wave / wave.pow(2).mean(1, keepdim=True).sqrt()
        t = torch.arange(self.length, device=self.device) / RATE
        base = torch.exp(self.uniform(math.log(45), math.log(400), count, 1))
        tones = sum(
            self.uniform(0, 1, count, 1) / k * torch.sin(2 * math.pi * base * k * t + self.uniform(0, 6.3, count, 1))
            for k in range(1, 6)
        )
        wave = wave + tones * self.chance(0.25, count, 1) * self.uniform(0.1, 1.2, count, 1)
        swell = 1 + self.uniform(0, 0.7, count, 1) * torch.sin(
            2 * math.pi * self.uniform(0.05, 8, count, 1) * t + self.uniform(0, 6.3, count, 1)
        )
        wave = torch.where(self.chance(0.3, count, 1), wave * swell, wave)
        return wave / wave.pow(2).mean(1, keepdim=True).sqrt()

    def mix(self, parts: Tensor, crying: Tensor) -> Mixed:
        """Put main sound, voice and background (batch, 3, samples) into rooms and mix them with noise."""
        batch = parts.shape[0]
        spectrum = torch.fft.rfft(parts, self.size)
        room = torch.randint(len(self.rooms), (batch, 3), generator=self.generator, device=self.device)
        wet = torch.where(self.chance(0.7, batch, 3)[..., None], self.rooms[room], torch.ones_like(self.rooms[:1]))
        colour = torch.where(self.chance(0.6, batch, 3)[..., None], self.response(batch, 3), 1.0)
        parts = torch.fft.irfft(spectrum * wet * colour, self.size)[..., : self.length]
        power = self._hop_power(parts)
        loud = power.topk(power.shape[2] // 3, dim=2).values.mean(2).clamp(min=1e-12)  # level while it sounds
        parts = parts / loud.sqrt()[..., None]
        ratio_db = torch.stack(  # main sound against voice and background
            [torch.zeros(batch, device=self.device), self.uniform(-10, 20, batch), self._ratio(batch)], dim=1
        )
        parts = parts * 10 ** (-ratio_db[..., None] / 20) * (loud > 1e-11)[..., None]
        noise = self.noise(batch) * 10 ** (-self._ratio(batch)[:, None] / 20)
        noise = noise * self.chance(0.5, batch, 1)
        wave = parts.sum(1) + noise
        own = self._hop_power(parts)
        rest = (own.sum(1, keepdim=True) - own) + self._hop_power(noise[:, None])
        own_db = 10 * torch.log10(functional.max_pool1d(own, 5, 1, 2) + 1e-12)
        rest_db = 10 * torch.log10(rest + 1e-12)
        return Mixed(self.capture(wave, crying), own_db, rest_db)

    def _ratio(self, batch: int) -> Tensor:
        return torch.where(self.chance(0.35, batch), self.uniform(-10, 12, batch), self.uniform(5, 30, batch))

    def _hop_power(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.hop)).pow(2).mean(-1)

    def capture(self, wave: Tensor, crying: Tensor) -> Tensor:
        """What the device records: its response, band, gain control, level, self-noise, clipping, codec, 16 bits."""
        batch = len(wave)
        response = torch.where(self.chance(0.7, batch, 1), self.response(batch), 1.0) * torch.where(
            self.chance(0.8, batch, 1), self.band(batch), 1.0
        )
        wave = torch.fft.irfft(torch.fft.rfft(wave, self.size) * response, self.size)[:, : self.length]
        envelope = functional.avg_pool1d(wave.pow(2)[:, None], 8_001, 160, 4_000, count_include_pad=False)
        envelope = functional.interpolate(envelope, self.length, mode="linear")[:, 0]
        level = envelope.mean(1, keepdim=True).clamp(min=1e-12)
        squeeze = ((envelope / level).clamp(min=0) + 1e-3) ** (-self.uniform(0.1, 0.4, batch, 1))
        wave = torch.where(self.chance(0.2, batch, 1), wave * squeeze, wave)
        loud = self._hop_power(wave).amax(1, keepdim=True).clamp(min=1e-12).sqrt()
        wave = wave / loud * 10 ** (self.uniform(-58, -4, batch, 1) / 20)
        hiss = self.noise(batch) * 10 ** (self.uniform(-95, -58, batch, 1) / 20)
        wave = wave + hiss * self.chance(0.7, batch, 1)
        limit = wave.abs().amax(1, keepdim=True) * self.uniform(0.15, 0.9, batch, 1)
        limit = torch.where(self.chance(0.15, batch, 1), limit, 1.0)
        wave = torch.where(self.chance(0.5, batch, 1), wave.clamp(-limit, limit), limit * torch.tanh(wave / limit))
        few = max(1, batch // 6)
        wave = torch.cat([self.codec(wave[:few]), wave[few:]])
        silent = self.chance(0.03, batch, 1) & ~crying[:, None]
        wave = torch.where(silent, wave * 1e-4, wave)
        return (torch.nan_to_num(wave).clamp(-1, 1) * 32767).round() / 32768

    def codec(self, wave: Tensor) -> Tensor:
        """Losses like a speech or music codec's: weak bins dropped, the others coarsely quantised."""
        window = torch.hann_window(512, device=self.device)
        spectrum = torch.stft(wave, 512, 256, window=window, return_complex=True)
        size = spectrum.abs().clamp(min=1e-7)
        floor = size.amax(1, keepdim=True) * 10 ** (-self.uniform(22, 48, len(wave), 1, 1) / 20)
        step = self.uniform(0.02, 0.35, len(wave), 1, 1)
        coarse = torch.exp(torch.round(torch.log(size) / step) * step)
        return torch.istft(spectrum / size * coarse * (size > floor), 512, 256, window=window, length=self.length)
