"""Our own sounds of a nursery at night: a crying baby, a door, a noise machine, and a room around them.

For the demonstration and for tests. It knows nothing of the detector, and nothing here was recorded from anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from device.audio import RATE_HZ, Samples
from device.throat import STEP, Curve, Throat, arch, cat, murmur, shaped_noise, smooth_noise, speak, to_samples

NIGHT_S = 265.0
"""A night's usual length: more than a minute lies between its three episodes, so that each of them ends."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound of a night: what it is, from when to when (seconds), how distressed (0 where it is no cry)."""

    kind: str
    start_s: float
    end_s: float
    distress: float = 0.0


@dataclass(frozen=True, slots=True)
class Baby:
    """What stays the same from cry to cry: middle pitch, first three formants and vibrato of one baby."""

    f0_hz: float = 430.0
    formants_hz: tuple[float, float, float] = (1_150.0, 3_200.0, 5_400.0)
    vibrato_hz: float = 6.0

    @staticmethod
    def born(rng: np.random.Generator) -> Baby:
        """Draw a baby: the length of the tract scales all formants."""
        scale = rng.uniform(0.92, 1.1)
        formants = (1_150.0 * scale, 3_200.0 * scale, 5_400.0 * scale)
        return Baby(float(rng.uniform(390.0, 480.0)), formants, float(rng.uniform(5.0, 8.0)))


def _melody(n: int, rng: np.random.Generator) -> Curve:
    """A melody of one cry, relative to its middle pitch: rising-falling, falling, plateau or a double arch."""
    at = np.linspace(0.0, 1.0, n)
    peak = rng.uniform(0.2, 0.45)
    rise_fall = np.interp(at, [0.0, peak, 0.8, 1.0], [0.84, 1.08, 0.98, 0.78])
    falling = np.interp(at, [0.0, 0.08, 0.5, 1.0], [1.0, 1.1, 1.0, 0.76])
    plateau = np.interp(at, [0.0, 0.15, 0.85, 1.0], [0.86, 1.03, 1.0, 0.84])
    double = np.interp(at, [0.0, 0.2, 0.5, 0.7, 1.0], [0.85, 1.08, 0.94, 1.05, 0.8])
    shapes = (rise_fall, falling, plateau, double)
    return shapes[int(rng.choice(4, p=[0.45, 0.2, 0.2, 0.15]))]


def _wail(baby: Baby, distress: float, length_s: float, rng: np.random.Generator) -> Curve:
    """One breath of crying."""
    n = max(12, int(length_s * RATE_HZ / STEP))
    at = np.arange(n) * STEP / RATE_HZ
    middle = baby.f0_hz * (0.93 + 0.12 * distress) * rng.uniform(0.94, 1.07)
    f0 = middle * _melody(n, rng)
    f0 *= 1.0 + (0.01 + 0.015 * distress) * np.sin(2 * np.pi * baby.vibrato_hz * at + rng.uniform(0, 6.3))
    f0 *= 1.0 + 0.02 * smooth_noise(n, 4.0, rng) + 0.008 * smooth_noise(n, 20.0, rng)
    opening = arch(n, 0.15, 0.25)
    formants = np.outer(0.75 + 0.25 * opening, baby.formants_hz)
    formants[:, 0] *= (0.8 + 0.5 * opening) * (1.0 + 0.1 * distress) * (1.0 + 0.05 * smooth_noise(n, 4.0, rng))
    formants[:, 1] *= 1.0 + 0.05 * smooth_noise(n, 4.0, rng)
    formants = np.column_stack((formants, np.full(n, 7_700.0)))
    rough = np.clip(0.1 + 0.25 * distress + (0.3 + 0.4 * distress) * (smooth_noise(n, 3.0, rng) - 0.6), 0.0, 1.0)
    if rng.random() < 0.4 * distress - 0.12:  # hyperphonation: the pitch flips to two or three times as high
        start = int(rng.integers(0, n // 2))
        stop = start + int(rng.uniform(0.2, 0.4) * n)
        f0[start:stop] *= min(2.6, 1_250.0 / middle)
        rough[start:stop] *= 0.3
    loud = arch(n, min(0.4, 0.05 / length_s), min(0.5, 0.2 / length_s)) * (0.75 + 0.25 * arch(n, 0.4, 0.6))
    loud = loud * (1.0 + 0.1 * smooth_noise(n, 8.0, rng))
    breath = loud * (0.45 + 0.1 * distress) + 0.25 * loud.max() * np.linspace(0, 1, n) ** 8
    return speak(Throat(f0, loud, breath, rough, formants, tilt_db=3.5 - 2.5 * distress), rng)


def _gasp(baby: Baby, distress: float, rng: np.random.Generator) -> Curve:
    """One breath in: noise, at high distress sometimes with a high squeak."""
    n = int(rng.uniform(0.14, 0.3) * RATE_HZ / STEP)
    loud = arch(n, 0.6, 0.15) * (0.3 + 0.5 * distress)
    voiced = loud * (0.5 if rng.random() < 0.2 + 0.3 * distress else 0.02)
    f0 = np.linspace(1.2, 1.7, n) * baby.f0_hz
    formants = np.outer(np.linspace(1.3, 1.5, n), baby.formants_hz)
    return speak(Throat(f0, voiced, loud, np.full(n, 0.3), np.minimum(formants, 7_500.0), tilt_db=5.0), rng)


def cry(duration_s: float, distress: float, rng: np.random.Generator, baby: Baby | None = None) -> Samples:
    """A baby's crying, 16 kHz mono, close by and without a room, peak at most 1.

    `distress` runs 0..1: fussing has short, soft, low wails with long pauses; screaming has long, loud, rough, high ones
    with hardly a breath between. `baby` keeps the same baby over several calls; without it one is drawn.
    """
    baby = baby or Baby.born(rng)
    total = int(duration_s * RATE_HZ)
    out = np.zeros(total)
    at = 0
    while at < total:
        length_s = float(np.clip(rng.gamma(9.0, (0.75 + 0.9 * distress) / 9.0), 0.25, 2.8))
        left_s = (total - at) / RATE_HZ
        if left_s < 0.2:
            break
        wail = _wail(baby, distress, min(length_s, left_s), rng)
        level = (0.04 + 0.15 * distress) * rng.uniform(0.8, 1.15) / float(np.sqrt(np.mean(wail**2)))
        wail = level * wail[: total - at]
        out[at : at + len(wail)] += wail
        at += len(wail) + int(rng.uniform(0.0, 0.06) * RATE_HZ)
        gasp = level * _gasp(baby, distress, rng)[: max(0, total - at)]
        out[at : at + len(gasp)] += gasp
        rest_s = rng.uniform(0.01, 0.08) + max(0.0, 1.0 - 2.2 * distress) * rng.uniform(0.2, 1.0)
        at += len(gasp) + int(rest_s * RATE_HZ)
    return to_samples(out)


def door(rng: np.random.Generator) -> Samples:
    """A door: the click of its latch, two short creaks, a thump. 1.4 s, peak at most 1."""
    n = int(1.4 * RATE_HZ / STEP)
    x = np.arange(n) * STEP / RATE_HZ
    creak = arch(n, 0.4, 0.4) * ((x > 0.3) & (x < 1.0))
    f0 = 90.0 + 60.0 * x + 12.0 * smooth_noise(n, 9.0, rng)
    wood = np.tile(np.array([620.0, 1_450.0, 2_600.0]), (n, 1))
    out = 0.4 * speak(Throat(f0, creak, 0.2 * creak, np.full(n, 0.9), wood, 4.0), rng)
    t = np.arange(len(out)) / RATE_HZ
    white = rng.standard_normal(len(out))
    out += 0.15 * white * np.exp(-np.abs(t - 0.12) * 300.0)
    out += 0.7 * np.sin(2 * np.pi * 70.0 * t) * np.exp(-np.maximum(0.0, t - 1.05) * 18.0) * (t > 1.05)
    return to_samples(out)


def white_noise_machine(duration_s: float, rng: np.random.Generator) -> Samples:
    """A sleep machine's steady rush, a little softer at the top. RMS about 0.1."""
    n = int(duration_s * RATE_HZ / STEP)
    hiss = shaped_noise(np.full(n, 0.08), np.full((n, 1), 8_000.0), rng, slope_db=3.0)
    return np.asarray(np.clip(hiss, -1.0, 1.0), dtype=np.float32)


def room_noise(duration_s: float, rng: np.random.Generator) -> Samples:
    """A quiet bedroom: noise that falls 6 dB per octave, with slow swells and a trace of hum. RMS about 0.02."""
    n = int(duration_s * RATE_HZ / STEP) + 1
    swell = 0.02 * (1.0 + 0.25 * np.tanh(smooth_noise(n, 0.2, rng)))
    hush = shaped_noise(swell, np.full((n, 1), 9_000.0), rng, slope_db=6.0)[: int(duration_s * RATE_HZ)]
    return np.asarray(hush + 0.01 * np.sin(2 * np.pi * 100.0 * np.arange(len(hush)) / RATE_HZ), dtype=np.float32)


def in_room(samples: Samples, rng: np.random.Generator, *, decay_s: float = 0.35, wet: float = 0.5) -> Samples:
    """The same sound a few steps from the microphone: early reflections, a tail that loses 60 dB in `decay_s` (≤ 2)."""
    n = int(decay_s * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    tail = rng.standard_normal(n) * 10.0 ** (-3.0 * t / decay_s) * (rng.random(n) < np.minimum(1.0, 0.02 + t * 10.0))
    tail = np.convolve(tail, np.array([0.25, 0.5, 0.25]), mode="same")  # walls swallow the top
    response = wet * tail / np.sqrt(np.sum(tail**2))
    response[0] = 1.0
    block = 1 << 15  # overlap-add: the spectrum of a whole night would take a hundred megabytes
    spectrum = np.fft.rfft(response, 2 * block)
    out = np.zeros(len(samples) + 2 * block)
    for at in range(0, len(samples), block):
        out[at : at + 2 * block] += np.fft.irfft(np.fft.rfft(samples[at : at + block], 2 * block) * spectrum)
    return np.asarray(out[: len(samples)], dtype=np.float32)


def night(
    rng: np.random.Generator, *, duration_s: float = NIGHT_S, noise_machine: bool = False, level: float = 0.3
) -> tuple[Samples, tuple[Sound, ...]]:
    """A night pressed into minutes, and the truth of it.

    Fussing that turns to crying until an adult comes and talks; a cat and a door; fussing that settles by itself; a scream
    that is answered. The story is stretched to `duration_s` (at least 60 s): pauses grow, sounds stay. `level` is the
    peak of the loudest cry; the room lies some 40 dB below the crying (RMS), or 15 with a noise machine.
    """
    baby = Baby.born(rng)
    stretch = max(60.0, duration_s) / NIGHT_S
    story: list[tuple[str, float, float, float]] = [
        ("cry", 6.0, 5.0, 0.25), ("cry", 11.5, 20.0, 0.55), ("voice", 26.0, 9.0, 0.0), ("cat", 52.0, 5.0, 0.0),
        ("door", 66.0, 1.4, 0.0), ("cry", 98.0, 12.0, 0.4), ("cry", 174.0, 24.0, 0.9), ("voice", 192.0, 10.0, 0.0),
    ]  # fmt: skip
    makers: dict[str, Callable[[float, float], Samples]] = {
        "cry": lambda length_s, distress: cry(length_s, distress, rng, baby),
        "voice": lambda length_s, _: 0.5 * murmur(length_s, rng),
        "cat": lambda length_s, _: 0.3 * cat(length_s, rng),
        "door": lambda length_s, _: 0.4 * door(rng),
    }
    wave = np.zeros(int(max(60.0, duration_s) * RATE_HZ), dtype=np.float32)
    truth = []
    for kind, start_s, length_s, distress in story:
        length_s = min(length_s, length_s * stretch) if stretch < 1.0 else length_s
        sound = makers[kind](length_s, distress)
        at = int(start_s * stretch * RATE_HZ)
        sound = sound[: len(wave) - at]
        wave[at : at + len(sound)] += level * sound
        truth.append(Sound(kind, at / RATE_HZ, (at + len(sound)) / RATE_HZ, distress))
    wave = in_room(wave, rng, wet=0.35)
    hush = white_noise_machine(len(wave) / RATE_HZ, rng) if noise_machine else room_noise(len(wave) / RATE_HZ, rng)
    wave += level * (0.3 if noise_machine else 0.1) * hush[: len(wave)]
    return np.clip(wave, -1.0, 1.0), tuple(truth)
