"""Rooms, noise and levels for mixing; everything drawn from the generator that is given, so that a seed repeats it."""

import numpy as np
from numpy.typing import NDArray

from device.audio import RATE_HZ, Samples

Random = np.random.Generator
_SOUND_M_S = 343.0


def room_response(random: Random) -> Samples:
    """A synthetic impulse response, direct sound 1.0 at index 0: a bedroom of 15-60 m3, RT60 0.2-0.7 s, 0.4-2.5 m away.

    A few early reflections, then a diffuse tail of exponentially decaying noise (Polack 1988). Its energy against the direct
    sound follows from the distance and the critical distance 0.057 * sqrt(V / RT60) (Sabine, omnidirectional).
    """
    volume, rt60 = random.uniform(15, 60), random.uniform(0.2, 0.7)
    distance = float(np.exp(random.uniform(np.log(0.4), np.log(2.5))))
    ratio = (distance / (0.057 * np.sqrt(volume / rt60))) ** 2  # reverberant over direct energy
    length = int(rt60 * RATE_HZ)
    tail = random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    first = int(RATE_HZ * random.uniform(1.0, 3.0) / _SOUND_M_S)
    tail[:first] = 0.0
    tail *= np.sqrt(ratio / np.sum(tail**2))
    tail[random.integers(first, first + 400, 6)] += random.uniform(0.1, 0.4, 6) * random.choice([-1, 1], 6)
    tail[0] = 1.0
    return tail.astype(np.float32)


def reverberate(samples: Samples, response: Samples) -> Samples:
    """Convolve, keeping the length and so the onset's place."""
    size = 1 << (len(samples) + len(response) - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return wet[: len(samples)].astype(np.float32)


def noise(random: Random, length: int, exponent: float) -> Samples:
    """Noise with power falling as frequency ** -exponent (0 white, 1 pink, 2 brown), RMS 1."""
    size = 1 << max(8, (length - 1).bit_length())
    spectrum = np.fft.rfft(random.standard_normal(size))
    hz = np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), 20.0)
    shaped = np.fft.irfft(spectrum * hz ** (-exponent / 2), size)[:length]
    scaled: Samples = (shaped / np.sqrt(np.mean(shaped**2))).astype(np.float32)
    return scaled


def rms(samples: Samples) -> float:
    """Root mean square, never 0."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-14))


def gain(db: float) -> np.float32:
    """Decibels as a factor of amplitude."""
    return np.float32(10 ** (db / 20))


def to_level(samples: Samples, dbfs: float) -> Samples:
    """Scale to an RMS level."""
    return samples * (gain(dbfs) / np.float32(rms(samples)))


def faded(samples: Samples, s: float = 0.02) -> Samples:
    """Fade in and out, so that cutting makes no click."""
    length = min(len(samples) // 2, int(s * RATE_HZ))
    out = samples.copy()
    ramp: NDArray[np.float32] = np.linspace(0, 1, length, dtype=np.float32)
    out[:length] *= ramp
    out[len(out) - length :] *= ramp[::-1]
    return out


def clipped(samples: Samples) -> Samples:
    """What a 16-bit microphone delivers: limited to full scale, in its steps."""
    return (np.round(np.clip(samples, -1, 1 - 2**-15) * 32768) / 32768).astype(np.float32)
