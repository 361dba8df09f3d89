"""Sound as it travels through the monitor: blocks of samples, where they come from, how loud they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.clock import Instant

RATE_HZ = 16_000
"""The rate at which everything behind the microphone works."""

FLOOR_DBFS = -120.0
"""The level given to digital silence."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A run of microphone samples: mono float32 of shape (n,), full scale at ±1.0. Read-only once made."""

    samples: Samples
    start: Instant
    sample_rate_hz: int = RATE_HZ

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def end(self) -> Instant:
        """The instant just after the last sample."""
        return self.start.plus(self.duration_s)


def level_dbfs(samples: Samples) -> float:
    """Root-mean-square level in dB relative to full scale (a full-scale square wave is 0 dB); FLOOR_DBFS for silence."""
    if not len(samples):
        return FLOOR_DBFS
    power = float(np.dot(samples, samples)) / len(samples)
    return max(FLOOR_DBFS, 10.0 * float(np.log10(power))) if power > 0.0 else FLOOR_DBFS


class AudioSource(Protocol):
    """Where blocks come from: a microphone or a recording. It puts blocks and troubles onto the inbox it is given."""

    def start(self, put: Callable[[object], object]) -> None:
        """Begin to deliver; `put` is safe to call from any thread and never blocks for long."""
        ...

    def close(self) -> None:
        """Stop delivering and free the device; calling it again does nothing."""
        ...
