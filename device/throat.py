"""The sound of a throat: glottal pulses and breath through the resonances of a vocal tract (a source-filter model).

Numpy alone. It knows neither babies nor rooms; those are in `device.synthesis`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.audio import RATE_HZ, Samples

Curve = NDArray[np.float64]

STEP = 80  # samples between points of the control curves: 5 ms, faster than any movement of a throat
_FRAME = 256  # samples in a frame of filtered noise
_TOP_HZ = 7_600.0
_ADULT_VOWELS = ((300.0, 2300.0, 3000.0), (600.0, 1800.0, 2500.0), (750.0, 1200.0, 2500.0), (400.0, 900.0, 2400.0))


@dataclass(frozen=True, slots=True)
class Throat:
    """What a voice does over time: curves of equal length n, a point every 5 ms.

    `f0_hz` is the pitch, `loud` the amplitude of the voice and `breath` that of its noise (0..1), `rough` how irregular
    the vocal folds move (0..1), `formants_hz` the resonances of the tract, shape (n, k). `tilt_db` is how much the
    glottal pulses lose per octave after radiation at the lips.
    """

    f0_hz: Curve
    loud: Curve
    breath: Curve
    rough: Curve
    formants_hz: Curve
    tilt_db: float = 6.0


def _resonance(hz: Curve, formants_hz: Curve) -> Curve:
    """Gain of a cascade of two-pole resonators at `hz` (n, m) for formants (n, k); Fant's all-pole tract, 1 at 0 Hz."""
    gain = np.ones_like(hz)
    for k in range(formants_hz.shape[1]):
        centre = formants_hz[:, k : k + 1]
        width = 90.0 + 0.06 * centre
        gain *= centre**2 / np.sqrt((centre**2 - hz**2) ** 2 + (hz * width) ** 2)
    return gain


def smooth_noise(n: int, hz: float, rng: np.random.Generator) -> Curve:
    """Slow random wander of unit variance at control points, about `hz` changes a second."""
    knots = max(4, int(n * STEP / RATE_HZ * hz) + 4)
    return np.interp(np.linspace(0.0, knots - 1.0, n), np.arange(knots), rng.standard_normal(knots))


def _pulses(throat: Throat, rng: np.random.Generator) -> Curve:
    """Glottal pulses through the tract, as the sum of their harmonics below 7.6 kHz, so that nothing aliases."""
    n = len(throat.f0_hz)
    samples = np.arange(n * STEP) / STEP
    points = np.arange(n)
    jitter = 1.0 + (0.005 + 0.03 * throat.rough) * rng.standard_normal(n)
    f0 = throat.f0_hz * jitter
    phase = 2.0 * np.pi * np.cumsum(np.interp(samples, points, f0)) / RATE_HZ
    turn, half = np.exp(1j * phase), np.exp(0.5j * phase)
    orders = np.arange(1, int(_TOP_HZ / max(60.0, f0.min())) + 1)
    hz = f0[:, None] * orders
    level = _resonance(hz, throat.formants_hz) * orders ** (-throat.tilt_db / 6.02) * (hz < _TOP_HZ)
    level *= throat.loud[:, None] * (1.0 + 0.08 * rng.standard_normal(level.shape))
    # every second pulse of a dysphonic cry is weaker: subharmonics between the harmonics
    weak = np.interp(samples, points, np.maximum(0.0, throat.rough - 0.3)) if throat.rough.max() > 0.3 else None
    out = np.zeros(n * STEP)
    harmonic = np.ones(n * STEP, dtype=np.complex128)
    for column in range(len(orders)):
        harmonic *= turn
        envelope = np.interp(samples, points, level[:, column])
        wave = (harmonic * np.exp(1j * rng.uniform(-0.4, 0.4))).imag
        if weak is not None:
            wave += weak * (harmonic * half * np.exp(1j * rng.uniform(0.0, 6.3))).imag
        out += envelope * wave
    return out


def shaped_noise(loud: Curve, formants_hz: Curve, rng: np.random.Generator, slope_db: float = 0.0) -> Curve:
    """Noise through a tract: white noise shaped frame by frame, falling `slope_db` per octave above 1 kHz."""
    n = len(loud) * STEP
    hop = _FRAME // 2
    frames = n // hop + 2
    window = np.hanning(_FRAME + 1)[:-1]
    at = np.clip(np.arange(frames) * hop // STEP, 0, len(loud) - 1)
    hz = np.broadcast_to(np.fft.rfftfreq(_FRAME, 1.0 / RATE_HZ), (frames, _FRAME // 2 + 1))
    gain = _resonance(hz, formants_hz[at]) * (np.maximum(hz, 100.0) / 1_000.0) ** (-slope_db / 6.02) * (hz > 80.0)
    spectrum = np.fft.rfft(rng.standard_normal((frames, _FRAME)), axis=1) * gain * loud[at][:, None]
    shaped = np.fft.irfft(spectrum, axis=1) * window
    out = np.zeros((frames + 1) * hop)
    for first in (0, 1):
        part = shaped[first::2].ravel()
        out[first * hop : first * hop + len(part)] += part[: len(out) - first * hop]
    return out[:n]


def speak(throat: Throat, rng: np.random.Generator) -> Curve:
    """Voice and breath of a throat, n · 80 samples, about ±1 at full loudness."""
    breath = shaped_noise(throat.breath + 0.25 * throat.rough * throat.loud, throat.formants_hz, rng, 1.0)
    return 0.2 * _pulses(throat, rng) + 0.12 * breath


def arch(n: int, attack: float, release: float) -> Curve:
    """A rise over `attack` and a fall over `release` (shares of the length), raised cosines, 1 between."""
    at = np.linspace(0.0, 1.0, n)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(at / attack, 0.0, 1.0))
    fall = 0.5 - 0.5 * np.cos(np.pi * np.clip((1.0 - at) / release, 0.0, 1.0))
    return np.asarray(rise * fall)


def to_samples(wave: Curve) -> Samples:
    """The wave as float32, scaled down where its peak is over 1."""
    peak = float(np.abs(wave).max(initial=0.0))
    return np.asarray(wave / max(1.0, peak), dtype=np.float32)


def murmur(duration_s: float, rng: np.random.Generator, *, f0_hz: float = 195.0) -> Samples:
    """An adult talking softly: syllables of moving vowels between consonants of noise, phrases between pauses. Peak ≤ 1."""
    total = int(duration_s * RATE_HZ / STEP)
    f0, loud, breath = np.full(total, f0_hz), np.zeros(total), np.zeros(total)
    formants = np.tile(np.array([*_ADULT_VOWELS[0], 3_600.0, 4_700.0]), (total, 1))
    at = 0
    vowel = np.array(_ADULT_VOWELS[0])
    while at < total:
        syllables = int(rng.integers(3, 8))
        phrase = np.linspace(1.15, 0.85, syllables)
        for lift in phrase * rng.uniform(0.92, 1.1, syllables):
            consonant, length = int(rng.integers(6, 16)), int(rng.integers(22, 46))
            breath[at : at + consonant] = rng.uniform(0.15, 0.5)
            new = np.array(_ADULT_VOWELS[int(rng.integers(4))]) * rng.uniform(0.95, 1.1)
            voiced = slice(at + consonant, min(total, at + consonant + length))
            n = max(0, voiced.stop - voiced.start)
            glide = np.linspace(0.0, 1.0, max(1, n))[:n, None] ** 0.5
            formants[voiced, :3] = vowel * (1 - glide) + new * glide
            f0[voiced] = f0_hz * lift * np.linspace(1.03, 0.95, max(1, n))[:n]
            loud[voiced] = arch(length, 0.25, 0.4)[:n] * rng.uniform(0.5, 1.0)
            vowel, at = new, at + consonant + length
        at += int(rng.uniform(0.3, 0.8) * RATE_HZ / STEP)
    throat = Throat(f0, loud, breath + 0.03 * loud, np.full(total, 0.05), formants, tilt_db=7.0)
    return to_samples(3.0 * speak(throat, rng))


def cat(duration_s: float, rng: np.random.Generator) -> Samples:
    """Meows with pauses between: one slow glide of pitch, the mouth opening and closing. Peak at most 1."""
    out = np.zeros(int(duration_s * RATE_HZ))
    at = 0
    while at + RATE_HZ // 2 < len(out):
        n = int(rng.uniform(0.5, 0.9) * RATE_HZ / STEP)
        x = np.linspace(0.0, 1.0, n)
        f0 = rng.uniform(520.0, 640.0) * np.interp(x, [0.0, 0.3, 0.7, 1.0], [0.85, 1.1, 1.0, 0.7])
        first = np.interp(x, [0.0, 0.35, 0.7, 1.0], [700.0, 1_500.0, 1_300.0, 600.0])
        second = np.interp(x, [0.0, 0.35, 0.7, 1.0], [2_900.0, 2_300.0, 1_900.0, 1_200.0])
        loud = arch(n, 0.2, 0.5)
        throat = Throat(f0, loud, 0.05 * loud, np.full(n, 0.05), np.column_stack((first, second, np.full(n, 4_300.0))), 7.0)
        meow = speak(throat, rng)[: len(out) - at]
        out[at : at + len(meow)] += meow
        at += len(meow) + int(rng.uniform(0.8, 2.0) * RATE_HZ)
    return to_samples(2.0 * out)
