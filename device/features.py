"""Streaming log-mel spectra: blocks of any size in, one hop of 16 frames out.

It knows samples and decibels, never what the sounds mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
WINDOW = 512  # samples, 32 ms: resolves the harmonics of an infant's cry (200 Hz apart and more)
STEP = 240  # samples, 15 ms
FRAMES_PER_HOP = 16
HOP = STEP * FRAMES_PER_HOP  # samples, 0.24 s
HOP_S = HOP / SAMPLE_RATE_HZ
BANDS = 64
LOWEST_HZ, HIGHEST_HZ = 60.0, 7_800.0
POWER_FLOOR = 1e-9  # -90 dB: below the self-noise of any microphone, above 16-bit rounding
_OVERLAP = WINDOW - STEP

FloatArray = NDArray[np.float32]


def _mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Hertz to mel (O'Shaughnessy 1987, as in HTK)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz, dtype=np.float64) / 700.0))


def mel_matrix() -> FloatArray:
    """Triangular mel filters, shape (257, 64); each is normalised to unit sum so that a band shows mean power."""
    bins = _mel(np.arange(WINDOW // 2 + 1) * SAMPLE_RATE_HZ / WINDOW)
    edges = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    rising = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(filters / np.maximum(filters.sum(axis=0), 1e-3), dtype=np.float32)


def band_centres_hz() -> NDArray[np.float64]:
    """Centre of each mel band, shape (64,)."""
    edges = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    return np.asarray(700.0 * (10.0 ** (edges[1:-1] / 2595.0) - 1.0))


def window() -> FloatArray:
    """Periodic Hann window, shape (512,), scaled so that a full-scale sine peaks at 0 dB."""
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    return np.asarray(hann / (hann.sum() / 2.0), dtype=np.float32)


# The running floor of each band, in dB a hop: up slowly (8 s), so that a minute of crying with its breaths does not
# become the floor, and down fast (0.7 s), so that a pause or the end of a noise is noticed.
FLOOR_UP, FLOOR_DOWN = 0.03, 0.3
_VOICE_HZ = 250.0, 4_500.0  # lowest pitch of a crying infant, and as far up as its harmonics are sure to reach
_EXCESS_LOW_DB, _EXCESS_HIGH_DB = -10.0, 60.0
_UP, _DOWN, _TEN, _POWER_FLOOR = (np.float32(x) for x in (FLOOR_UP, FLOOR_DOWN, 10.0, POWER_FLOOR))


def scale_level(mel_db: Any) -> Any:
    """Bring log-mel in dB to about unit range for the network (any array type)."""
    return (mel_db + 60.0) / 20.0


def scale_excess(excess_db: Any) -> Any:
    """Clip the distance from the floor, in dB, and bring it to about unit range (any array type)."""
    return (excess_db.clip(_EXCESS_LOW_DB, _EXCESS_HIGH_DB) - 10.0) / 15.0


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop: its log-mel `bands_db` of shape (16, 64), and the running floor `floor_db` (64,) that was there before it.

    `excess_db` is how far, of the bands in which a voice would show (250–4,500 Hz), the one furthest above its floor
    stands above it, averaged over the hop; `level_dbfs` is the hop's root-mean-square level, `floor_dbfs` the level of
    the running floor after it. `samples` are the hop's own 3,840.
    """

    bands_db: FloatArray
    floor_db: FloatArray
    excess_db: float
    level_dbfs: float
    floor_dbfs: float
    samples: FloatArray

    @property
    def inputs(self) -> FloatArray:
        """The hop as the network hears it, (1, 2, 16, 64): scaled level, scaled distance from the running floor."""
        inputs = np.empty((1, 2, FRAMES_PER_HOP, BANDS), dtype=np.float32)
        inputs[0, 0] = scale_level(self.bands_db)
        inputs[0, 1] = scale_excess(self.bands_db - self.floor_db)
        return inputs


class LogMel:
    """Cuts a stream into hops of 0.24 s; the same samples give the same hops, however they are cut into blocks."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self._window = window()
        self._mel = mel_matrix()
        self._average = np.full(FRAMES_PER_HOP, 1.0 / FRAMES_PER_HOP, dtype=np.float32)
        first, last = np.searchsorted(band_centres_hz(), _VOICE_HZ)
        self._voice = slice(int(first), int(last))
        self._windowed = np.empty((FRAMES_PER_HOP, WINDOW), dtype=np.float32)
        self._spectrum = np.empty((FRAMES_PER_HOP, WINDOW // 2 + 1), dtype=np.complex64)
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after a gap in the sound."""
        self._buffer = np.zeros(_OVERLAP + HOP, dtype=np.float32)
        self._frames = sliding_window_view(self._buffer, WINDOW)[::STEP]
        self._filled = _OVERLAP
        self._floor: FloatArray | None = None

    def push(self, samples: FloatArray) -> list[Hop]:
        """Take samples (n,), 16 kHz mono; return the hops that they complete. NaN and infinities count as 0."""
        if samples.ndim != 1:
            raise ValueError(f"samples have shape {samples.shape}; mono sound has shape (n,)")
        hops: list[Hop] = []
        while len(samples):
            space = len(self._buffer) - self._filled
            part, samples = samples[:space], samples[space:]
            self._buffer[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == len(self._buffer):
                hops.append(self._hop())
                self._buffer[:_OVERLAP] = self._buffer[HOP:]
                self._filled = _OVERLAP
        return hops

    @property
    def pending(self) -> int:
        """Samples taken that have not become part of a hop yet."""
        return self._filled - _OVERLAP

    def _hop(self) -> Hop:
        buffer = self._buffer
        new = buffer[_OVERLAP:]
        energy = float(np.vdot(new, new))  # which, unlike dot, does not warn of an overflow
        if not energy <= 4.0 * HOP:  # one test for all, NaN included; the repair is the rare case
            np.nan_to_num(buffer, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            np.clip(buffer, -1.0, 1.0, out=buffer)
            energy = float(np.vdot(new, new))
        # One transform for all 16 frames: numpy's price is by the call.
        windowed = np.multiply(self._frames, self._window, out=self._windowed)
        spectrum: Any = np.fft.rfft(windowed, out=self._spectrum)  # type: ignore[arg-type]  # numpy types but complex128
        mel_db: FloatArray = (spectrum.real**2 + spectrum.imag**2) @ self._mel
        mel_db += _POWER_FLOOR
        np.log10(mel_db, out=mel_db)
        mel_db *= _TEN
        block = np.dot(self._average, mel_db)
        floor = block if self._floor is None else self._floor
        gap = block - floor
        self._floor = floor + np.minimum(gap * _UP, gap * _DOWN)  # upwards the first is less, downwards the second
        level = 10.0 * math.log10(energy / HOP + 1e-12)
        return Hop(mel_db, floor, float(gap[self._voice].max()), level, float(self._floor.max()), new.copy())
