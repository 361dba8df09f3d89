"""Learning while listening: keeps what each episode sounded like, adds the guess to its events, learns anew after a tag.

It asks for the history through callables and knows neither files nor the page. A guess takes a tenth of a millisecond, but
learning anew from a long history up to a second, and many on a Pi: it can go on in a thread beside the listening.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from device.episode import EpisodeTracker
from device.errors import JournalError
from device.events import EpisodeEdited, EpisodeEnded, EpisodeEvent, EpisodeTagged, Event, Forgotten
from device.inputs import Score
from device.learned import Learned, learn
from device.need_history import Lessons
from device.need_prior import Diary
from device.need_sound import Mean, Vector
from device.record import Episode, NeedGuess

log = logging.getLogger(__name__)

CLOSING_S = 5.0
"""How long a stopping monitor waits for what is being learned."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was learned, and the diary of the same moment; changed as one."""

    learned: Learned
    diary: Diary


class OnlineLearning:
    """The monitor's `Learning`: used on its one thread.

    A tag changes nothing at once: the journal stores it first, and the next quiet hop learns everything anew. Until that is
    done, what was known before holds.
    """

    def __init__(
        self,
        model_version: str,
        *,
        history: Callable[[], Lessons],
        keep: Callable[[str, str, Vector], None],
        beside: bool = False,
    ) -> None:
        """Take what gives the history, and what stores an episode's embedding: its id, the model's version, the vector.

        `beside`: learn in a thread of its own, which is where `history` is then called. Without it, the same sounds always
        give the same guesses, as a replay should.
        """
        self._version = model_version
        self._history = history
        self._keep = keep
        self._beside = beside
        self._thread: threading.Thread | None = None
        self._mean = Mean()
        self._stale = True
        self._known = _Known(learn((), model_version), Diary(()))

    @property
    def learned(self) -> Learned:
        """What it knows at present."""
        return self._known.learned

    def hear(self, score: Score, embedding: NDArray[np.float32], *, crying: bool) -> None:
        """Listen to one hop; learn anew in a quiet one, if something was tagged or has ended."""
        if crying:
            self._mean.add(embedding, score.cry)
        elif self._stale and score.cry < 0.1 and (self._thread is None or not self._thread.is_alive()):
            self._stale = False
            if self._beside:
                self._thread = threading.Thread(target=self._learn_beside, name="learning", daemon=True)
                self._thread.start()
            else:
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
            vector, self._mean, self._stale = self._mean.vector, Mean(), True
            if vector is not None:
                self._store(event.episode.id, vector)
        return replace(event, episode=replace(event.episode, guess=guess))

    def allows(self, peak_score: float, heard_s: float) -> bool:
        """False if the present sound should not ring yet: it is very likely a known false alarm (`Verifier.allows`)."""
        return self.learned.verifier.allows(self._mean.vector, peak_score, heard_s)

    def close(self) -> None:
        """Wait a little for what is being learned; calling it again does nothing."""
        if self._thread is not None:
            self._thread.join(CLOSING_S)

    def _store(self, episode_id: str, vector: Vector) -> None:
        try:
            self._keep(episode_id, self._version, vector)
        except JournalError as error:
            # It waits in the journal's memory; the episode's end must be told all the same.
            log.warning("%s", error)

    def _learn_beside(self) -> None:
        try:
            self._learn()
        except Exception:
            # What was known still holds, and the next tag tries anew.
            log.exception("could not learn from the history")

    def _learn(self) -> None:
        try:
            lessons = self._history()
        except JournalError as error:
            log.warning("cannot learn from the history now: %s", error)
            return
        self._known = _Known(learn(lessons.examples, self._version), lessons.diary)

    def _guess(self, episode: Episode) -> NeedGuess:
        known = self._known
        return known.learned.needs.guess(known.diary.situation(episode.onset.utc), self._mean.vector)
