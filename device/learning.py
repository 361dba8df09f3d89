"""Learning while listening: keeps what each episode sounded like, adds the guess to its events, learns anew after a tag.

It asks for the history through callables and knows neither files nor the page.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from device.episode import EpisodeTracker
from device.errors import JournalError
from device.events import (
    Episode,
    EpisodeEdited,
    EpisodeEnded,
    EpisodeEvent,
    EpisodeTagged,
    Event,
    Forgotten,
    NeedGuess,
    Score,
)
from device.learned import learn
from device.need_history import Lessons
from device.need_prior import Diary
from device.need_sound import Mean, Vector

log = logging.getLogger(__name__)


class OnlineLearning:
    """The monitor's `Learning`: used on its one thread.

    A tag changes nothing at once: the journal stores it first, and the next quiet hop learns everything anew.
    """

    def __init__(
        self,
        model_version: str,
        *,
        history: Callable[[], Lessons],
        keep: Callable[[str, str, Vector], None],
    ) -> None:
        """Take what gives the history, and what stores an episode's embedding: its id, the model's version, the vector."""
        self._version = model_version
        self._history = history
        self._diary = Diary(())
        self._keep = keep
        self._mean = Mean()
        self._stale = True
        self.learned = learn((), model_version)

    def hear(self, score: Score, embedding: NDArray[np.float32], *, crying: bool) -> None:
        """Listen to one hop; learn anew in a quiet one, if something was tagged or has ended."""
        if crying:
            self._mean.add(embedding, score.cry)
        elif self._stale and score.cry < 0.1:
            self._stale = False
            self._learn()

    def complete(self, event: Event, tracker: EpisodeTracker) -> Event:
        """Give the event with the present guess in it, and let the tracker know it too."""
        if isinstance(event, EpisodeTagged | EpisodeEdited | Forgotten):
            self._stale = True
            return event
        if not isinstance(event, EpisodeEvent):
            return event
        guess = self._guess(event.episode)
        for present in (tracker.episode, tracker.last):
            if present is not None and present.id == event.episode.id:
                tracker.adopt(replace(present, guess=guess))
        if isinstance(event, EpisodeEnded):
            if self._mean.vector is not None:
                self._keep(event.episode.id, self._version, self._mean.vector)
            self._mean = Mean()
            self._stale = True
        return replace(event, episode=replace(event.episode, guess=guess))

    def allows(self, peak_score: float, heard_s: float) -> bool:
        """False if the present sound should not ring yet: it is very likely a known false alarm (`Verifier.allows`)."""
        return self.learned.verifier.allows(self._mean.vector, peak_score, heard_s)

    def _learn(self) -> None:
        try:
            lessons = self._history()
        except JournalError as error:
            log.warning("cannot learn from the history now: %s", error)
            return
        self._diary = lessons.diary
        self.learned = learn(lessons.examples, self._version)

    def _guess(self, episode: Episode) -> NeedGuess:
        return self.learned.needs.guess(self._diary.situation(episode.onset.utc), self._mean.vector)
