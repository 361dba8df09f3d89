"""What all ears have in common: scores over time, a trigger, alerts; and a store, so that nothing is heard twice."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.audio import Samples

SETTLE_S = 60.0
"""Alarms of a plain trigger closer than this are one, as in our pipeline (`settle_after_s`)."""

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Heard:
    """Scores of one scene: `at_s` is the end of the audio of each, `cry` and `voice` are 0..1, all of shape (n,).

    `columns` holds whatever more the ear needs to decide, shape (n, k).
    """

    at_s: Array
    cry: Array
    voice: Array
    columns: Array


@dataclass(frozen=True, slots=True)
class Decided:
    """What the ear's own trigger makes of a scene: alerts, bouts, episodes, and when a voice was taken for an arrival.

    All in seconds from its start.
    """

    alerts_s: tuple[float, ...]
    bouts: tuple[tuple[float, float], ...]
    episodes: tuple[tuple[float, float], ...]
    arrived_s: float | None = None


class Ear(Protocol):
    """Something that hears crying. `name` is for tables, `version` changes whenever its scores may; `step_s` is its hop."""

    name: str
    version: str
    step_s: float
    needed: tuple[int, int]
    settings: tuple[str, ...]

    def hear(self, samples: Samples) -> Heard:
        """Score a scene from a fresh start."""
        ...

    def decide(self, heard: Heard, setting: str) -> Decided:
        """Apply the trigger as shipped; `setting` is one of `settings`, the first the normal one."""
        ...

    def voiced(self, heard: Heard) -> Mask:
        """True for each score that counts as an adult's voice."""
        ...


def sustained(heard: Heard, needed: tuple[int, int]) -> Array:
    """The level that `k` of any `n` successive scores reach: the score that a trigger of about a second compares."""
    k, n = needed
    if len(heard.cry) < n:
        return np.zeros(1) if len(heard.cry) < k else np.sort(heard.cry)[-k:][:1]
    return np.asarray(np.sort(np.lib.stride_tricks.sliding_window_view(heard.cry, n), axis=1)[:, n - k])


def merged(times_s: Sequence[float], apart_s: float = SETTLE_S) -> tuple[float, ...]:
    """Alarm times, of those closer than `apart_s` to the one before only the first."""
    kept: list[float] = []
    last = -np.inf
    for at in times_s:
        if at - last > apart_s:
            kept.append(float(at))
        last = at
    return tuple(kept)


def plain_trigger(heard: Heard, threshold: float, needed: tuple[int, int], window_s: float) -> Decided:
    """Alert when `k` of the last `n` scores reach the threshold; bouts are runs over it, back-dated to mid-window."""
    k, n = needed
    over = heard.cry >= threshold
    counts = np.convolve(over, np.ones(n), mode="full")[: len(over)]
    fired = heard.at_s[counts >= k]
    bouts: list[list[float]] = []
    for at in heard.at_s[over]:
        centre = float(at) - window_s / 2
        if bouts and centre - bouts[-1][1] <= 2.0:
            bouts[-1][1] = centre
        else:
            bouts.append([centre, centre])
    real = [(max(0.0, a), b + 0.1) for a, b in bouts if np.any((fired >= a) & (fired <= b + window_s))]
    episodes: list[list[float]] = []
    for a, b in real:
        if episodes and a - episodes[-1][1] <= SETTLE_S:
            episodes[-1][1] = b
        else:
            episodes.append([a, b])
    return Decided(merged(fired.tolist()), tuple(real), tuple((a, b) for a, b in episodes))


class Store:
    """Scores on disk, by the ear's version and the sound itself, so that a second run only hears what is new."""

    def __init__(self, folder: Path | None) -> None:
        """Keep them under `folder`; None keeps nothing."""
        self._folder = folder

    def hear(self, ear: Ear, samples: Samples) -> Heard:
        """The ear's scores for this sound, heard now or earlier."""
        if self._folder is None:
            return ear.hear(samples)
        name = hashlib.sha256(samples.tobytes() + ear.version.encode()).hexdigest()[:32]
        path = self._folder / ear.name.replace(" ", "-") / f"{name}.npy"
        if path.exists():
            return _unpack(np.load(path))
        heard = ear.hear(samples)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, _pack(heard).astype(np.float32))
        return _unpack(_pack(heard).astype(np.float32))


def _pack(heard: Heard) -> Array:
    return np.column_stack([heard.at_s, heard.cry, heard.voice, heard.columns])


def _unpack(packed: NDArray[np.float32]) -> Heard:
    wide = packed.astype(np.float64)
    return Heard(np.round(wide[:, 0], 3), wide[:, 1], wide[:, 2], wide[:, 3:])


Hear = Callable[[Ear, Samples], Heard]
