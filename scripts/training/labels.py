"""When within a clip a baby cries, an adult speaks, and how distressed the cry is: labels every 40 ms.

Two routes meet: energy with harmonicity (which owes nothing to YAMNet and so not its blind spots), and YAMNet as a
listener. Where they disagree the label is "unknown", and training leaves those moments out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .corpus import SAMPLE_RATE_HZ, Clip

STEP = 640  # samples between labels: 40 ms
UNKNOWN, NO, YES = -1, 0, 1
_WINDOW = 1024  # samples, 64 ms: three periods of the lowest voice
_INFANT_F0_HZ = (220.0, 1000.0)  # phonation 250-700 Hz, hyperphonation above 1 kHz (science.md, section 2)
_STEPS_PER_S = SAMPLE_RATE_HZ / STEP


@dataclass(frozen=True, slots=True)
class Sound:
    """What the signal itself says, every 40 ms: level in dB, pitch in Hz, periodicity 0..1, brightness in dB."""

    level_db: NDArray[np.float32]
    f0_hz: NDArray[np.float32]
    periodicity: NDArray[np.float32]
    brightness_db: NDArray[np.float32]
    active: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Labels:
    """Every 40 ms: cry and voice as -1, 0 or 1 (unknown, no, yes); raw distress, 0..1, where cry is 1."""

    cry: NDArray[np.int8]
    voice: NDArray[np.int8]
    distress: NDArray[np.float32]


def analyse(samples: NDArray[np.int16]) -> Sound:
    """Measure level, pitch (normalised autocorrelation, 75-1000 Hz), periodicity and brightness of a clip."""
    x = samples.astype(np.float32) / 32768.0
    x = np.pad(x, (_WINDOW // 2, _WINDOW + STEP))
    count = max(1, -(-len(samples) // STEP))
    frames = np.lib.stride_tricks.sliding_window_view(x, _WINDOW)[: count * STEP : STEP] * np.hanning(_WINDOW)
    spectrum = np.abs(np.fft.rfft(frames, 2 * _WINDOW)) ** 2
    hz = np.fft.rfftfreq(2 * _WINDOW, 1 / SAMPLE_RATE_HZ)
    spectrum[:, hz < 150] *= 0.05
    power = spectrum[:, hz < 7000].sum(axis=1) / (_WINDOW * _WINDOW)
    correlation = np.fft.irfft(spectrum[:, :], axis=1)[:, : _WINDOW // 2]
    own = np.hanning(_WINDOW)
    window = np.fft.irfft(np.abs(np.fft.rfft(own, 2 * _WINDOW)) ** 2)[: _WINDOW // 2]
    correlation = correlation / (correlation[:, :1] + 1e-9) / (window / window[0])
    low, high = int(SAMPLE_RATE_HZ / 1000), int(SAMPLE_RATE_HZ / 75)
    lags = correlation[:, low:high]
    best = lags.max(axis=1)
    first = (lags >= 0.88 * best[:, None]).argmax(axis=1)  # the shortest good period: no octave below
    level = 10 * np.log10(power + 1e-10)
    bright = spectrum[:, (hz > 2000) & (hz < 4000)].sum(axis=1) / (spectrum[:, hz < 4000].sum(axis=1) + 1e-12)
    floor, peak = np.percentile(level, 10), np.percentile(level, 97)
    rise = min(10.0, 0.4 * (peak - floor))
    return Sound(
        level.astype(np.float32),
        (SAMPLE_RATE_HZ / (first + low)).astype(np.float32),
        np.clip(best, 0, 1).astype(np.float32),
        (10 * np.log10(bright + 1e-6)).astype(np.float32),
        (level > floor + rise) & (level > peak - 30) & (level > -75),
    )


def spread(flags: NDArray[np.bool_], seconds: float) -> NDArray[np.bool_]:
    """Widen runs of true by `seconds` on both sides."""
    n = round(seconds * _STEPS_PER_S)
    return np.convolve(flags, np.ones(2 * n + 1))[n : n + len(flags)] > 0.5 if n else flags


def bridge(flags: NDArray[np.bool_], seconds: float) -> NDArray[np.bool_]:
    """Fill gaps of up to `seconds` between runs of true: breaths within a bout."""
    n = round(seconds * _STEPS_PER_S / 2)
    padded = np.pad(flags, n)
    closed = ~spread(~spread(padded, seconds / 2), seconds / 2)
    return (closed[n : len(closed) - n] if n else closed) | flags


def runs(flags: NDArray[np.bool_]) -> NDArray[np.float32]:
    """At each true step the length in seconds of the run that it belongs to."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    length = np.zeros(len(flags), dtype=np.float32)
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        length[begin:end] = (end - begin) / _STEPS_PER_S
    return length


def raw_distress(sound: Sound, voiced: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Grade distress 0..1 from 3 s around each step.

    Pitch, burst length, share of time crying, brightness (vocal effort: level without the microphone's gain) and
    roughness (lost periodicity), weighted; the weights follow Porter 1986 and Zeskind's ratings qualitatively.
    """
    width = np.ones(round(3.0 * _STEPS_PER_S))
    width = width[: max(1, min(len(width), len(voiced)))]
    weight = np.convolve(voiced, width, "same") + 1e-3

    def mean(values: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(np.convolve(values * voiced, width, "same") / weight)

    pitch = np.clip((mean(sound.f0_hz) - 320) / 250, 0, 1)
    burst = np.clip((mean(runs(bridge(voiced, 0.12))) - 0.25) / 1.0, 0, 1)
    duty = np.clip((np.convolve(voiced, width, "same") / len(width) - 0.15) / 0.6, 0, 1)
    bright = np.clip((mean(sound.brightness_db) + 16) / 14, 0, 1)
    rough = np.clip((0.97 - mean(sound.periodicity)) / 0.3, 0, 1)
    graded = 0.25 * pitch + 0.25 * burst + 0.2 * duty + 0.15 * bright + 0.15 * rough
    return np.asarray(graded, dtype=np.float32)


def at_steps(values: NDArray[np.float32], count: int, step_s: float) -> NDArray[np.float32]:
    """Spread a listener's scores, one every `step_s`, over the label steps."""
    where = np.minimum((np.arange(count) / _STEPS_PER_S / step_s).round().astype(int), len(values) - 1)
    return np.asarray(values[where], dtype=np.float32)


def label(clip: Clip, sound: Sound, heard: NDArray[np.float32] | None, step_s: float = 0.24) -> Labels:
    """Label a clip; `heard` is YAMNet's (cry, speech) in windows centred every `step_s`, needed for cries only."""
    count = len(sound.active)
    cry, voice = np.zeros(count, np.int8), np.zeros(count, np.int8)
    distress = np.zeros(count, np.float32)
    kind = clip.kind
    if kind in ("adult_speech", "letters"):
        voice[spread(sound.active, 0.08)] = UNKNOWN
        voice[bridge(sound.active, 0.3)] = YES
    elif kind in ("child_speech", "crowd", "adult_cry", "moan", "singing", "adult_laugh", "scream", "music", "game"):
        voice[:] = UNKNOWN
        if kind == "music":
            voice[:] = NO if "moh" in clip.sublabel else UNKNOWN
    if kind not in ("cry", "unverified") or heard is None:
        return Labels(cry, voice, distress)
    yes, talk = at_steps(heard[:, 0], count, step_s), at_steps(heard[:, 1], count, step_s)
    pitched = (sound.periodicity > 0.55) & (sound.f0_hz > _INFANT_F0_HZ[0]) & (sound.f0_hz < _INFANT_F0_HZ[1])
    if clip.cry_source == "donateacry" or kind == "unverified":
        sure = sound.active & ((yes > 0.35) | ((yes > 0.12) & pitched & (talk < 0.3)))
        maybe = spread(sound.active, 0.25) & (yes > 0.01) & ~sure
        maybe |= sound.active & pitched & (talk < 0.6)
    else:
        sure = sound.active & (pitched | (yes > 0.3)) & ~((talk > 0.6) & (yes < 0.1))
        maybe = spread(sound.active, 0.25) & ~sure
    cry[maybe | spread(sure, 1.2)] = UNKNOWN
    cry[bridge(sure, 0.6)] = YES
    adult = sound.active & (talk > 0.7) & (yes < 0.1)
    voice[~(cry == YES) | (talk > 0.2)] = UNKNOWN
    voice[adult] = YES
    distress = raw_distress(sound, sure & pitched)
    return Labels(cry, voice, distress)
