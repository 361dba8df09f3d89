"""Where within a clip the crying is: a rule of energy and harmonicity that asks no model.

Cry clips are labelled as a whole, and many hold silence or talk. A frame counts as crying if it is loud against the clip's
own quiet, periodic, and its fundamental lies in an infant's range, above an adult's speaking voice. Loud frames beside such
ones (hoarse or noisy crying) join them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.audio import RATE_HZ, Samples

STEP = 160  # samples, 10 ms
WINDOW = 640  # samples, 40 ms: ten periods of 250 Hz
LOWEST_HZ, HIGHEST_HZ = 260.0, 1400.0  # phonation 250-700 Hz, hyperphonation to 1.4 kHz; women speak below 250 Hz
PERIODIC = 0.55  # normalised autocorrelation, 1 for a perfectly periodic frame
OVER_FLOOR_DB = 8.0
UNDER_PEAK_DB = 24.0
GROW_DB = 12.0  # a noisy frame may be so much quieter than the harmonic crying that it touches
SHORTEST_S = 0.30
BREATH_S = 1.0

Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Frames:
    """Per 10 ms: level in dB, periodicity 0..1, fundamental in Hz (0 where there is none)."""

    level_db: NDArray[np.float64]
    periodicity: NDArray[np.float64]
    f0_hz: NDArray[np.float64]


def analyse(samples: Samples) -> Frames:
    """Level, periodicity and fundamental of each frame, by autocorrelation (Boersma 1993: divided by the window's own)."""
    padded = np.pad(samples.astype(np.float64), (WINDOW // 2, WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: max(1, len(samples)) : STEP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    window = np.hanning(WINDOW)
    size = 2 * WINDOW
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)[:WINDOW]
    spectrum = np.abs(np.fft.rfft(frames * window, size)) ** 2
    correlation = np.fft.irfft(spectrum, axis=1)[:, :WINDOW]
    correlation = correlation / np.maximum(correlation[:, :1], 1e-12) / np.maximum(own / own[0], 1e-3)
    first, last = int(RATE_HZ / HIGHEST_HZ), int(RATE_HZ / 80.0)  # down to 80 Hz, so that a man's voice is found out
    part = correlation[:, first:last]
    peaks = (part[:, 1:-1] > part[:, :-2]) & (part[:, 1:-1] >= part[:, 2:])
    height = np.where(peaks, part[:, 1:-1], 0.0)
    best = height.max(axis=1)
    # a periodic sound also repeats after two and three periods: the shortest of the nearly equal lags is the period
    lag = np.argmax(height >= 0.88 * best[:, None], axis=1) + first + 1
    return Frames(level, np.clip(best, 0.0, 1.0), np.where(best > 0, RATE_HZ / lag, 0.0))


def cry_frames(samples: Samples) -> NDArray[np.bool_]:
    """For each 10 ms, whether there is crying; gaps up to BREATH_S are kept as gaps here."""
    seen = analyse(samples)
    floor, peak = np.percentile(seen.level_db, 10), np.percentile(seen.level_db, 97)
    # a clip that cries from end to end has no quiet of its own: then only the distance to its peak counts
    least = max(min(floor + OVER_FLOOR_DB, peak - OVER_FLOOR_DB), peak - UNDER_PEAK_DB, -60.0)
    loud = seen.level_db >= least
    pitched = loud & (seen.periodicity >= PERIODIC) & (seen.f0_hz >= LOWEST_HZ)
    low = loud & (seen.periodicity >= PERIODIC) & (seen.f0_hz < LOWEST_HZ)
    core = spans_of(pitched, bridge_s=0.15, shortest_s=0.12)
    grown = mask_of(core, len(loud))
    for start, end in core:
        a, b = round(start * RATE_HZ / STEP), round(end * RATE_HZ / STEP)
        join = loud & ~low & (seen.level_db >= np.median(seen.level_db[a:b]) - GROW_DB)
        while a > 0 and join[a - 1]:
            a -= 1
        while b < len(loud) and join[b]:
            b += 1
        grown[a:b] = True
    return mask_of(spans_of(grown, bridge_s=0.2, shortest_s=SHORTEST_S), len(loud))


def cry_spans(samples: Samples, bridge_s: float = BREATH_S) -> Spans:
    """Stretches of crying in seconds; pauses up to `bridge_s` (breaths) belong to them."""
    return spans_of(cry_frames(samples), bridge_s=bridge_s, shortest_s=SHORTEST_S)


def spans_of(mask: NDArray[np.bool_], *, bridge_s: float, shortest_s: float) -> Spans:
    """Stretches of True in seconds, gaps up to `bridge_s` closed, then those under `shortest_s` dropped."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    merged: list[list[float]] = []
    for start, end in zip(edges[::2] * STEP / RATE_HZ, edges[1::2] * STEP / RATE_HZ, strict=True):
        if merged and start - merged[-1][1] <= bridge_s:
            merged[-1][1] = float(end)
        else:
            merged.append([float(start), float(end)])
    return tuple((start, end) for start, end in merged if end - start >= shortest_s)


def mask_of(spans: Spans, length: int) -> NDArray[np.bool_]:
    """The inverse of `spans_of`: a flag for each of `length` frames of 10 ms."""
    mask = np.zeros(length, dtype=bool)
    for start, end in spans:
        mask[round(start * RATE_HZ / STEP) : round(end * RATE_HZ / STEP)] = True
    return mask
