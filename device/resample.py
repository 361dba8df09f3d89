"""From a microphone's or file's own rate and channels to 16 kHz mono, in a stream without seams."""

import numpy as np
import soxr
from numpy.typing import NDArray

from device.audio import RATE_HZ, Samples
from device.errors import AudioSourceError

Frames = NDArray[np.float32]

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 768_000

SWITCH_DB = 6.0
"""Another channel must be so much louder before it is taken: less, and two like channels would take turns."""

LEVEL_S = 1.0
"""Time constant of a channel's level."""

BAND_HZ = (250.0, 4500.0)
"""Where crying is: a dead channel's offset, hum or hiss beyond may be louder than the sound of a live one."""


class Resampler:
    """Converts mono samples to 16 kHz; the pieces joined are what one pass over the whole would give.

    Output sample k belongs to input time k/16000 s: the filter's delay is held back, and `flush` gives the rest.
    """

    def __init__(self, rate_hz: float, to_hz: float = RATE_HZ) -> None:
        """Take the rate of what comes.

        Raises:
            AudioSourceError: a rate that no microphone has.
        """
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise AudioSourceError(
                f"{rate_hz:g} Hz: no usable sample rate; it must be from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz"
            )
        self._stream = None if rate_hz == to_hz else soxr.ResampleStream(rate_hz, to_hz, 1, dtype="float32", quality="HQ")

    def push(self, samples: Samples) -> Samples:
        """Convert the next samples, shape (n,); gives what is ready, which may be nothing. NaN counts as 0."""
        return self._convert(samples, last=False)

    def flush(self) -> Samples:
        """Give what is still inside; nothing may be pushed after."""
        return self._convert(np.zeros(0, np.float32), last=True)

    def _convert(self, samples: Samples, last: bool) -> Samples:
        if not np.isfinite(np.vdot(samples, samples)):  # one test for all; the repair is the rare case
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        if self._stream is None:
            return samples.astype(np.float32)
        out: Samples = self._stream.resample_chunk(samples.astype(np.float32, copy=False), last=last)
        return out


class Downmix:
    """Makes one channel of several: `best` (most signal where crying is, by a soft hand-over), `mix`, or a number from 1."""

    def __init__(self, channel: str, rate_hz: float) -> None:
        """Take the choice, as in the settings, and the rate of what comes.

        Raises:
            AudioSourceError: a choice that is none of these.
        """
        if channel not in ("best", "mix") and not (channel.isascii() and channel.isdigit() and int(channel) > 0):
            raise AudioSourceError(f"channel = {channel!r}: must be best, mix, or a number from 1")
        self._choice = channel
        self._rate_hz = rate_hz
        self._power: NDArray[np.float64] | None = None
        self._current = 0

    @property
    def current(self) -> int:
        """The channel now heard, from 0 (of `best`)."""
        return self._current

    def push(self, frames: Frames) -> Samples:
        """Take frames of shape (n, channels), give samples of shape (n,).

        Raises:
            AudioSourceError: there is no channel of the number asked for.
        """
        channels = frames.shape[1]
        if self._choice == "mix":
            mixed: Samples = frames.mean(axis=1, dtype=np.float32)
            return mixed
        if self._choice == "best":
            return self._best(frames) if channels > 1 else np.ascontiguousarray(frames[:, 0])
        number = int(self._choice)
        if number > channels:
            raise AudioSourceError(f"channel = {number}: the microphone has only {channels}; choose a lower one, or best")
        return np.ascontiguousarray(frames[:, number - 1])

    def _best(self, frames: Frames) -> Samples:
        before = self._current
        power = self._in_band(frames)
        if self._power is None or len(self._power) != len(power):
            self._power = power
            before = self._current = int(np.argmax(power))
        else:
            self._power += min(1.0, len(frames) / (LEVEL_S * self._rate_hz)) * (power - self._power)
            loudest = int(np.argmax(self._power))
            if self._power[loudest] > self._power[before] * 10 ** (SWITCH_DB / 10):
                self._current = loudest
        if before == self._current:
            return np.ascontiguousarray(frames[:, before])
        return self._hand_over(frames, before)

    def _in_band(self, frames: Frames) -> NDArray[np.float64]:
        window = np.hanning(len(frames) + 2)[1:-1, None]
        power = np.abs(np.fft.rfft(np.nan_to_num(frames) * window, axis=0)) ** 2
        hz = np.fft.rfftfreq(len(frames), 1 / self._rate_hz)
        band: NDArray[np.float64] = power[(hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])].sum(axis=0) / max(1, len(frames))
        return band

    def _hand_over(self, frames: Frames, before: int) -> Samples:
        fade = np.linspace(0.0, 1.0, len(frames), dtype=np.float32)
        faded: Samples = frames[:, before] * (1 - fade) + frames[:, self._current] * fade
        return faded
