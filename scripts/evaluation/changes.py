"""What other microphones, rooms and noises make of a sound."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from device.audio import RATE_HZ, Samples
from evaluation.acoustics import Random, at_level, decay, gain, loudest, noise, reverberant, reverberate

BEFORE_S = 10.0
"""So long is a noise there before the sound begins."""

Change = Callable[[Random, Samples], Samples]
Gains = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def filtered(samples: Samples, gains: Gains) -> Samples:
    """Through a filter of zero phase, given as its gain (amplitude) at frequencies in Hz."""
    size = 1 << (len(samples) + RATE_HZ // 2).bit_length()
    hz = np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), 1.0)
    return np.fft.irfft(np.fft.rfft(samples, size) * gains(hz), size)[: len(samples)].astype(np.float32)


def low_pass(corner_hz: float, order: float) -> Gains:
    """A Butterworth response."""
    return lambda hz: 1 / np.sqrt(1 + (hz / corner_hz) ** (2 * order))


def high_pass(corner_hz: float, order: float) -> Gains:
    """A Butterworth response."""
    return lambda hz: 1 / np.sqrt(1 + (corner_hz / hz) ** (2 * order))


def bump(centre_hz: float, db: float) -> Gains:
    """A resonance (or a dip) about an octave wide."""
    return lambda hz: 10 ** (db * np.exp(-((1.5 * np.log2(hz / centre_hz)) ** 2)) / 20)


def tilt(db_an_octave: float) -> Gains:
    """Brighter or duller, unchanged at 1 kHz."""
    return lambda hz: 10 ** (db_an_octave * np.log2(np.maximum(hz, 50.0) / 1000) / 20)


def room(rt60_s: float, distance_m: float) -> Change:
    """A room of 35 m3 in which the sound comes from this far: a diffuse tail, its energy after Sabine as in acoustics.py."""

    def change(random: Random, samples: Samples) -> Samples:
        tail = decay(random, rt60_s)
        tail[: RATE_HZ // 500] = 0.0
        tail *= np.sqrt(reverberant(distance_m, 35, rt60_s) / np.sum(tail**2))
        tail[0] = 1.0
        return reverberate(samples, tail.astype(np.float32))

    return change


def beside(db: float, exponent: float) -> Change:
    """Beside a noise machine: noise so far under (over, if negative) the loudest quarter of a second, there long before."""

    def change(random: Random, samples: Samples) -> Samples:
        before = np.zeros(int(BEFORE_S * RATE_HZ), np.float32)
        sound = np.concatenate([before, samples])
        mixed: Samples = sound + noise(random, len(sound), exponent) * np.float32(gain(-db) * loudest(samples))
        return mixed

    return change


def faint(random: Random, samples: Samples) -> Samples:
    """At -50 dBFS at its loudest, with the capsule's own noise at -75 dBFS."""
    quiet: Samples = at_level(samples, -50.0) + noise(random, len(samples), 0.5) * gain(-75.0)
    return quiet


def levelled(_: Random, samples: Samples) -> Samples:
    """A gain control that makes every tenth of a second as loud as the next, silence included."""
    power = np.convolve(np.square(samples, dtype=np.float64), np.ones(1600) / 1600, "same") + 1e-7
    return (0.1 * samples / np.sqrt(power)).astype(np.float32)


def denoised(_: Random, samples: Samples) -> Samples:
    """A conference microphone's noise suppression: what is not well above its own quiet is turned down by 26 dB."""
    if len(samples) < 2048:
        return samples
    hann = np.hanning(512)
    starts = range(0, len(samples) - 512 + 1, 256)
    spectra = np.fft.rfft(np.stack([samples[a : a + 512] * hann for a in starts]))
    size = np.abs(spectra)
    keep = np.maximum(0.05, 1 - 2 * np.quantile(size, 0.3, axis=0) / np.maximum(size, 1e-9))
    out = np.zeros(len(samples))
    for a, frame in zip(starts, np.fft.irfft(spectra * keep, 512), strict=True):
        out[a : a + 512] += frame
    return out.astype(np.float32)


def telephone(_: Random, samples: Samples) -> Samples:
    """300-3,400 Hz, eight bits by the mu-law of ITU-T G.711 (without its segments)."""
    narrow = np.clip(at_level(filtered(filtered(samples, low_pass(3400, 20)), high_pass(300, 3)), -12.0), -1, 1)
    coded = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    decoded = np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255
    return np.asarray(decoded, dtype=np.float32)


def humming(_: Random, samples: Samples) -> Samples:
    """Mains hum and a constant offset in the cable, 5 dB under the sound's loudest."""
    time = np.arange(len(samples)) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3, 5, 7))
    hummed: Samples = at_level(samples, -25.0) + np.asarray(0.03 * hum + 0.05, dtype=np.float32)
    return hummed


def through(gains: Gains) -> Change:
    """A fixed filter."""
    return lambda _, samples: filtered(samples, gains)


CHANGES: Mapping[str, Change] = {
    "as recorded": lambda _, samples: samples,
    "no bass: from 500 Hz up": through(high_pass(500, 3)),
    "under a blanket: falling from 1.2 kHz": through(low_pass(1200, 1.5)),
    "duller, 4 dB an octave": through(tilt(-4)),
    "brighter, 4 dB an octave": through(tilt(4)),
    "resonant: 12 dB at 2.5 kHz": through(bump(2500, 12)),
    "a dip: 15 dB at 1 kHz": through(bump(1000, -15)),
    "telephone": telephone,
    "faint, near the capsule's own noise": faint,
    "overdriven by 12 dB": lambda _, samples: np.clip(at_level(samples, 12.0), -1, 1),
    "gain control": levelled,
    "noise suppression": denoised,
    "hum and an offset": humming,
    "2 m away, RT60 0.5 s": room(0.5, 2.0),
    "4 m away, RT60 0.9 s": room(0.9, 4.0),
    "white noise 10 dB under it": beside(10, 0),
    "white noise as loud": beside(0, 0),
    "pink noise 5 dB under it": beside(5, 1),
    "brown noise 5 dB over it": beside(-5, 2),
}
