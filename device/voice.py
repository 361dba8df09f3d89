"""A caregiver's voice heard in the cry's pauses: a sign that somebody is there. Pure; always only inferred."""

from collections import deque

from device.clock import Instant
from device.inputs import Score

WINDOW_S = 10.0
"""Voice is summed over this much time."""

BEFORE_S = 60.0
"""Voice in the minute before the onset was there already (a television, a visitor) and says nothing about an answer."""

AFTER_S = 20.0
"""How long after the last crying a voice still counts as an answer."""

IN_PAUSE = 0.4
OVER_CRYING = 0.9
"""Probabilities of voice that count: in a pause of the crying, and over the crying, where cries are mistaken for voices …"""

CRYING = 0.1
"""… which begins at this cry score: faint and first cries, which score low, are mistaken most (docs/evaluation.md)."""


class VoiceWatch:
    """Sums adult voice before and during crying."""

    def __init__(self, needed_s: float) -> None:
        """Take the voice needed within WINDOW_S, in seconds."""
        self._needed_s = needed_s
        self._heard: deque[tuple[Instant, float]] = deque()
        self._previous: Instant | None = None
        self._blocked = False

    def begin(self, onset: Instant) -> None:
        """An episode has begun: look back whether voices were there before its onset."""
        before_s = sum(s for at, s in self._heard if 0 <= onset.since(at) <= BEFORE_S)
        self._blocked = before_s >= self._needed_s

    def feed(self, score: Score, onset: Instant | None, last_crying: Instant | None) -> Instant | None:
        """Take the next score; give the instant at which an answering voice began, once enough of it was heard."""
        step_s = 0.0 if self._previous is None else min(1.0, max(0.0, score.at.since(self._previous)))
        self._previous = score.at
        over = score.cry >= CRYING
        if score.voice >= (OVER_CRYING if over else IN_PAUSE):
            # over crying only half is believed, so that most of it must come from pauses
            self._heard.append((score.at, step_s * (0.5 if over else 1.0)))
        while self._heard and score.at.since(self._heard[0][0]) > BEFORE_S + WINDOW_S:
            self._heard.popleft()
        if onset is None or last_crying is None or self._blocked or score.at.since(last_crying) > AFTER_S:
            return None
        recent = [(at, s) for at, s in self._heard if score.at.since(at) <= WINDOW_S and at.since(onset) > 0]
        return recent[0][0] if sum(s for _, s in recent) >= self._needed_s else None
