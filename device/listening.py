"""What an open microphone's frames become: blocks at 16 kHz, and a judgement whether they are sound at all."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from device.audio import RATE_HZ, AudioBlock, Samples
from device.clock import Instant
from device.portaudio import BLOCK_S, Frames
from device.resample import Downmix, Resampler
from device.timeline import Timeline

FLAT_SPAN = 4e-5
"""Samples that differ by no more than this (a step of 16 bits, and a little) are no sound: any live capsule hisses more."""

FAINT_SPAN, FAINT_S = 1.3e-4, 300.0
"""Where for so long nothing has moved by more than two steps of 16 bits, not even a quiet room is heard: an analogue mute,
or a microphone turned down. It is listened to all the same."""

MISSING_WINDOW_S, MISSING_SHARE = 20.0, 0.15
"""Sound counts as missing if more than this share of a window never came, though nobody said that it was lost."""

FULL_SCALE = 0.99
CLIPPED_SHARE = 0.01
"""A run counts as clipped if more of it than this is at full scale; a window of which half is clipped is trouble."""

CLIPPED_WINDOW_S = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A run of frames, taken in: its block (None while the resampler fills), how long it has been flat, what is wrong."""

    block: AudioBlock | None
    flat_s: float
    clipping: bool
    faint: bool = False
    missing: bool = False


class Listening:
    """One open microphone; made anew with each opening, since its rate and channels may differ."""

    def __init__(self, rate_hz: float, channel: str) -> None:
        """Take what the microphone gives and which channel of it to hear.

        Raises:
            AudioSourceError: an impossible rate or channel.
        """
        self._rate_hz = rate_hz
        self._downmix = Downmix(channel, rate_hz)
        self._resampler = Resampler(rate_hz)
        self._timeline = Timeline(rate_hz)
        self._in = self._out = 0
        self._flat_s = self._faint_s = 0.0
        self._window_s = self._window_gone_s = 0.0
        self._missing = False
        self._clipped: deque[bool] = deque(maxlen=round(CLIPPED_WINDOW_S / BLOCK_S))

    def push(self, frames: Frames, arrived: Instant, overflow: bool) -> Heard:
        """Take frames of shape (n, channels) that arrived at an instant; `overflow`: some before them were lost.

        Raises:
            AudioSourceError: there is no such channel.
        """
        samples = self._downmix.push(frames)
        length_s = len(samples) / self._rate_hz
        low, high = (float(samples.min()), float(samples.max())) if len(samples) else (0.0, 0.0)
        # A constant offset is as flat as zero; a NaN is no sound either.
        self._flat_s = 0.0 if high - low > FLAT_SPAN else self._flat_s + length_s
        self._faint_s = 0.0 if high - low > FAINT_SPAN else self._faint_s + length_s
        self._clipped.append(not max(high, -low) < FULL_SCALE and _clipped(samples))
        if overflow:
            # What the resampler still holds belongs before the gap.
            self._timeline.lost()
            self._resampler = Resampler(self._rate_hz)
            self._in = self._out = 0
        start = self._timeline.stamp(len(samples), arrived)
        self._watch(length_s)
        out = self._resampler.push(samples)
        self._in += len(samples)
        self._out += len(out)
        # The resampler holds the newest samples back, so what it gives is a little older than what went in.
        held_s = self._in / self._rate_hz - self._out / RATE_HZ
        begin = start.plus(length_s - held_s - len(out) / RATE_HZ)
        out.setflags(write=False)
        clipping = 2 * sum(self._clipped) > (self._clipped.maxlen or 0)
        block = AudioBlock(out, begin) if len(out) else None
        return Heard(block, self._flat_s, clipping, self._faint_s >= FAINT_S, self._missing)

    def _watch(self, length_s: float) -> None:
        self._window_s += length_s
        gone_s = self._timeline.gone_s - self._window_gone_s
        if self._window_s + gone_s >= MISSING_WINDOW_S:
            self._missing = gone_s > MISSING_SHARE * (self._window_s + gone_s)
            self._window_s, self._window_gone_s = 0.0, self._timeline.gone_s


def _clipped(samples: Samples) -> bool:
    return int(np.count_nonzero(np.abs(samples) >= FULL_SCALE)) > CLIPPED_SHARE * len(samples)
