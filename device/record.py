"""An episode as it is kept: its bouts, alerts, responses and what was said of it.

No numpy, no clock and no I/O, so that the page can read history without loading any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from device.clock import Instant
from device.vocabulary import Distress, Helped, Need, Outcome, Source


@dataclass(frozen=True, slots=True)
class Bout:
    """Crying without a pause longer than the hangover; seconds after the episode's onset, distress 0..1 (mean)."""

    start_s: float
    end_s: float
    distress: float


@dataclass(frozen=True, slots=True)
class AlertMark:
    """An alert sent: `level` 1 is the first, higher ones are escalations. `to` is a caregiver, or None for everybody.

    `quiet`: sent in quiet hours, so that no phone rang. `answered`: somebody answered this reminder, after an earlier
    answer whose time stays.
    """

    at_s: float
    level: int
    to: str | None = None
    reminder: bool = False
    quiet: bool = False
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A response as kept in an episode: seconds after onset (negative: they were there before), source, caregiver."""

    at_s: float
    source: Source
    caregiver: str | None = None

    @property
    def inferred(self) -> bool:
        """True if nobody said so: a voice was heard, or something moved."""
        return self.source in (Source.VOICE, Source.MOTION)


SUREST = 0.95
"""A guess is never said to be surer than this: a cause is not shown as a fact."""


@dataclass(frozen=True, slots=True)
class NeedGuess:
    """The guess of a need: probabilities by need, and how many tags they rest on."""

    guess: Need
    p: Mapping[Need, float]
    tags: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """One or more bouts, ended by a settled time without crying. All `_s` fields are seconds after `onset`, monotonic."""

    id: str
    onset: Instant
    offset_s: float | None = None
    bouts: tuple[Bout, ...] = ()
    alerts: tuple[AlertMark, ...] = ()
    acknowledged: Mark | None = None
    arrived: Mark | None = None
    outcome: Outcome | None = None
    distress: float = 0.0
    peak_score: float = 0.0
    guess: NeedGuess | None = None
    need: Need | None = None
    helped: tuple[Helped, ...] = ()
    note: str = ""
    boot_id: str = ""
    not_crying: bool = False
    """Said of it while it goes on; once it has ended, its outcome says so."""

    @property
    def calling(self) -> bool:
        """True if its latest alert was meant to be heard, and no answer has come after it."""
        if not self.alerts or self.not_crying:
            return False
        last = self.alerts[-1]
        if last.quiet or last.answered:
            return False
        return all(last.at_s > mark.at_s for mark in (self.acknowledged, self.arrived) if mark is not None)

    @property
    def false_alarm(self) -> bool:
        """True if somebody said that it is, or was, no crying."""
        return self.not_crying or self.outcome is Outcome.FALSE_ALARM

    @property
    def open(self) -> bool:
        """True while it has not ended."""
        return self.outcome is None

    @property
    def alert_s(self) -> float | None:
        """Onset → first alert."""
        return self.alerts[0].at_s if self.alerts else None

    @property
    def time_to_acknowledge_s(self) -> float | None:
        """First alert → acknowledge (None without either; negative if they came before the alert)."""
        return None if self.acknowledged is None or not self.alerts else self.acknowledged.at_s - self.alerts[0].at_s

    @property
    def time_to_response_s(self) -> float | None:
        """Onset → arrive, never below 0."""
        return None if self.arrived is None else max(0.0, self.arrived.at_s)

    @property
    def answered_s(self) -> float | None:
        """Onset → arrive; where nobody noted the arrival, onset → "on my way", the only sign there is. Never below 0."""
        mark = self.arrived or self.acknowledged
        return None if mark is None else max(0.0, mark.at_s)

    @property
    def time_to_calm_s(self) -> float | None:
        """Arrive → offset, never below 0; None while it goes on or if nobody came."""
        return (
            None if self.arrived is None or self.offset_s is None else max(0.0, self.offset_s - max(0.0, self.arrived.at_s))
        )

    @property
    def crying_s(self) -> float:
        """Seconds of crying in all bouts."""
        return sum(bout.end_s - bout.start_s for bout in self.bouts)

    @property
    def grade(self) -> Distress:
        """The distress as a word."""
        return Distress.of(self.distress)

    @property
    def offset(self) -> Instant | None:
        """The instant of its last crying."""
        return None if self.offset_s is None else self.onset.plus(self.offset_s)
