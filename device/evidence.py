"""From scores to crying: hysteresis, bouts, and how much crying has been heard. Pure; knows nothing of episodes."""

from collections import deque
from dataclasses import dataclass

from device.clock import Instant
from device.inputs import Score

BRIDGE_S = 1.0
"""A gap up to this is a breath, counted as crying: infants breathe in for 0.2–0.8 s between cries."""

EAR_LAG_S = 0.48
"""How long after it began our ear is sure of a cry: bouts are dated back by it (docs/evaluation.md: error of the onset).

What decides that there is crying at all counts only what was heard."""

LEAK = 0.25
"""Seconds of heard crying forgotten in each second without any, so that scattered sounds never add up to an alert."""

LONGEST_STEP_S = 1.0
"""A hop is never taken for longer than this: after a gap in the audio nothing was heard."""

DISTRESS_TAU_S = 5.0
"""Time constant of the smoothed distress: a single shriek of a door is not a screaming baby."""


SURE_HOPS, OF_HOPS = 3, 4
"""The ear is sure when so many of so many scores in a row say so, about a second: a single loud moment is not enough."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Crying begins when the cry score reaches `on` and lasts until it falls below `off`; from `sure` on there is no doubt.

    Probabilities, `off` at most `on`; a `sure` no higher than `on` means that nothing is ever in doubt.
    """

    on: float
    off: float
    sure: float = 0.0


@dataclass(frozen=True, slots=True)
class BoutHeard:
    """A bout that is over, or as it stands: first and last crying, seconds of crying, mean distress (0..1)."""

    start: Instant
    end: Instant
    heard_s: float
    distress: float


class CryEvidence:
    """Follows scores; `crying` is True within a bout, pauses up to the hangover included."""

    def __init__(self, thresholds: Thresholds, *, hop_s: float, hangover_s: float, lag_s: float = 0.0) -> None:
        """Take the thresholds, the detector's hop, the hangover and the detector's lag."""
        self.thresholds = thresholds
        self._hop_s = hop_s
        self._hangover_s = hangover_s
        self._lag_s = lag_s
        self.heard_s = 0.0
        self.distress = 0.0
        self._start: Instant | None = None
        self._last: Instant | None = None
        self._rising: Instant | None = None
        self._previous: Instant | None = None
        self._earliest: Instant | None = None  # nothing is dated back to before this
        self._bout_heard_s = 0.0
        self._distress_sum = 0.0
        self._hops = 0
        self._recent: deque[float] = deque(maxlen=OF_HOPS)
        self._sure = False

    @property
    def sure(self) -> bool:
        """True once the ear was sure, for about a second, of the crying in `heard_s`."""
        return self._sure or self.thresholds.sure <= self.thresholds.on

    @property
    def crying(self) -> bool:
        """True within a bout."""
        return self._start is not None

    @property
    def bout(self) -> BoutHeard | None:
        """The bout that is going on, up to its latest crying."""
        if self._start is None or self._last is None:
            return None
        return BoutHeard(self._start, self._last, self._bout_heard_s, self._distress_sum / max(1, self._hops))

    def feed(self, score: Score) -> BoutHeard | None:
        """Take the next score; give the bout that has just ended, if one has."""
        gap_s = self._hop_s if self._previous is None else score.at.since(self._previous)
        if self._earliest is None or gap_s > LONGEST_STEP_S:
            self._earliest = score.at.plus(-self._hop_s)
        step_s = min(LONGEST_STEP_S, gap_s)
        self._previous = score.at
        self._recent.append(score.cry)
        if score.cry < self.thresholds.off:
            self._rising = None
        elif self._rising is None:
            self._rising = score.at.plus(-self._hop_s)
        if score.cry >= (self.thresholds.off if self.crying else self.thresholds.on):
            self._hear(score, step_s)
            self._sure = self._sure or sum(cry >= self.thresholds.sure for cry in self._recent) >= SURE_HOPS
            return None
        if self._last is None or score.at.since(self._last) > BRIDGE_S:
            self.heard_s = max(0.0, self.heard_s - LEAK * step_s)
            self._sure = self._sure and self.heard_s > 0.0
        return self.stop() if self._last and score.at.since(self._last) > self._hangover_s else None

    def _dated_back(self, rising: Instant) -> Instant:
        start = rising.plus(-self._lag_s)
        return self._earliest if self._earliest is not None and start.since(self._earliest) < 0 else start

    def _hear(self, score: Score, step_s: float) -> None:
        if self._start is None or self._last is None:
            rising = self._rising or score.at.plus(-self._hop_s)
            self._start = self._dated_back(rising)
            heard_s = score.at.since(rising)
        else:
            gap_s = score.at.since(self._last)
            heard_s = gap_s if gap_s <= BRIDGE_S + self._hop_s else step_s
        self._last = score.at
        self.heard_s += heard_s
        self._bout_heard_s += heard_s
        self._distress_sum += score.distress
        self._hops += 1
        weight = min(1.0, step_s / DISTRESS_TAU_S) if self._hops > 1 else 1.0
        self.distress += weight * (score.distress - self.distress)

    def stop(self) -> BoutHeard | None:
        """End the bout, as after a long pause or a lost microphone."""
        ended = self.bout
        self._earliest = ended.end if ended else self._earliest
        self._start = self._last = self._rising = None
        self._recent.clear()
        self._bout_heard_s = self._distress_sum = 0.0
        self._hops = 0
        return ended

    def clear(self) -> None:
        """Forget what was heard: the episode is over."""
        self.stop()
        self.heard_s = self.distress = 0.0
        self._sure = False
