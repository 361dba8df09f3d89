"""Rooms, noise and levels for mixing; everything drawn from the generator that is given, so that a seed repeats it."""

import numpy as np
from numpy.typing import NDArray

from device.audio import RATE_HZ, Samples

Random = np.random.Generator
STEP = RATE_HZ // 4
ROOM_DBFS = -68.0
_SOUND_M_S = 343.0


def room_response(random: Random) -> Samples:
    """A synthetic impulse response, direct sound 1.0 at index 0: a bedroom of 15-60 m3, RT60 0.2-0.7 s, 0.4-2.5 m away.

    A few early reflections, then a diffuse tail of exponentially decaying noise (Polack 1988). Its energy against the direct
    sound follows from the distance and the critical distance 0.057 * sqrt(V / RT60) (Sabine, omnidirectional).
    """
    volume, rt60 = random.uniform(15, 60), random.uniform(0.2, 0.7)
    distance = float(np.exp(random.uniform(np.log(0.4), np.log(2.5))))
    tail = decay(random, rt60)
    first = int(RATE_HZ * random.uniform(1.0, 3.0) / _SOUND_M_S)
    tail[:first] = 0.0
    tail *= np.sqrt(reverberant(distance, volume, rt60) / np.sum(tail**2))
    tail[random.integers(first, first + 400, 6)] += random.uniform(0.1, 0.4, 6) * random.choice([-1, 1], 6)
    tail[0] = 1.0
    return tail.astype(np.float32)


def decay(random: Random, rt60_s: float) -> NDArray[np.float64]:
    """Exponentially decaying noise, until it has fallen by 60 dB."""
    length = int(rt60_s * RATE_HZ)
    return random.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)


def reverberant(distance_m: float, volume_m3: float, rt60_s: float) -> float:
    """Reverberant over direct energy."""
    return float((distance_m / (0.057 * np.sqrt(volume_m3 / rt60_s))) ** 2)


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


def loudest(samples: Samples) -> float:
    """Root mean square of the loudest quarter of a second, never 0."""
    whole = samples[: max(1, len(samples) // STEP) * STEP]
    frames = whole.reshape(-1, STEP) if len(whole) >= STEP else whole.reshape(1, -1)
    return float(np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1).max() + 1e-14))


def gain(db: float) -> np.float32:
    """Decibels as a factor of amplitude."""
    return np.float32(10 ** (db / 20))


def to_level(samples: Samples, dbfs: float) -> Samples:
    """Scale to an RMS level."""
    return samples * (gain(dbfs) / np.float32(rms(samples)))


def at_level(samples: Samples, dbfs: float) -> Samples:
    """So loud that its loudest quarter of a second has this level."""
    return samples * np.float32(gain(dbfs) / loudest(samples))


def in_quiet(random: Random, samples: Samples, around_s: float = 1.0) -> Samples:
    """In a quiet room, which is also heard before and after it, as a 16-bit microphone delivers it."""
    before = int(around_s * RATE_HZ)
    sound = noise(random, len(samples) + 2 * before, 1.0) * gain(ROOM_DBFS)
    sound[before : before + len(samples)] += samples
    return clipped(sound)


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
