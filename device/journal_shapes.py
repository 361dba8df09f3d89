"""What the journal gives: spans, faults, changes, embeddings and light episodes."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.clock import Instant
from device.record import Bout
from device.vocabulary import Distress, Helped, Need, Outcome
from device.wire import decode_part

FARTHEST_S = 1e8
"""Three years: no part of an episode is so far from its onset, unless one wrong byte has made its number immense."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which the monitor was listening, or why it was not; UTC seconds, end excluded.

    `kind` is listening, silent (a flat signal), lost (no microphone) or off. `reason` is a sentence for silent and lost;
    for off it is stopped, cut (no power, or killed), clock (the clock was set), empty (before the first start) or
    nothing (so long ago that it is forgotten).
    """

    start_utc: float
    end_utc: float
    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """A fault that stood from `start_utc` to `end_utc` (None: it still stands)."""

    code: str
    text: str
    start_utc: float
    end_utc: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A correction of history, newest first in `changes`; `undone_utc` is None while it stands."""

    id: int
    at_utc: float
    source: str
    action: str
    episode_id: str
    undone_utc: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """What the detector heard of an episode: a vector that only the model of that version understands."""

    episode_id: str
    model_version: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """An episode without its details: what lists and statistics need, thousands at once.

    It has the names and meanings of `Episode`; `bouts` are read from the row only when asked for.
    """

    id: str
    onset: Instant
    offset_s: float | None
    alert_s: float | None
    acknowledged_s: float | None
    acknowledged_by: str | None
    arrived_s: float | None
    arrived_by: str | None
    inferred: bool
    crying_s: float
    distress: float
    outcome: Outcome | None
    need: Need | None
    helped: tuple[Helped, ...]
    data: str

    @property
    def open(self) -> bool:
        """True while it has not ended."""
        return self.outcome is None

    @property
    def time_to_response_s(self) -> float | None:
        """Onset → arrive, never below 0."""
        return None if self.arrived_s is None else max(0.0, self.arrived_s)

    @property
    def answered_s(self) -> float | None:
        """Onset → arrive, or → "on my way" where no arrival is known, never below 0."""
        first = self.acknowledged_s if self.arrived_s is None else self.arrived_s
        return None if first is None else max(0.0, first)

    @property
    def time_to_calm_s(self) -> float | None:
        """Arrive → offset, never below 0."""
        if self.arrived_s is None or self.offset_s is None:
            return None
        return max(0.0, self.offset_s - max(0.0, self.arrived_s))

    @property
    def grade(self) -> Distress:
        """The distress as a word."""
        return Distress.of(self.distress)

    @property
    def bouts(self) -> tuple[Bout, ...]:
        """Its bouts, seconds after onset."""
        return bouts_of(self.data)


def bouts_of(data: str) -> tuple[Bout, ...]:
    """Read an episode's bouts from its column `data`; none if it is malformed, so that one bad row spoils no statistics."""
    try:
        bouts: tuple[Bout, ...] = decode_part(tuple[Bout, ...], json.loads(data)["bouts"])
    except (ValueError, KeyError, TypeError):
        return ()
    return bouts if all(near(bout.start_s, bout.end_s) for bout in bouts) else ()


def near(*times_s: float) -> bool:
    """True if all these times can belong to one episode: the calendar and the charts cannot bear immense ones."""
    return all(abs(each) < FARTHEST_S for each in times_s)
