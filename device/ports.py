"""What the monitor asks of its history and of what it learns, and the ones that know nothing."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.episode import EpisodeTracker
from device.events import Edit, EpisodeEdited, EpisodeTagged, Event, Score, Tag


class History(Protocol):
    """Changes of episodes that ended long ago."""

    def tag(self, tag: Tag) -> EpisodeTagged | None:
        """Give an earlier episode with the tag in it; None if there is no such episode."""
        ...

    def apply(self, edit: Edit) -> EpisodeEdited | None:
        """Carry out a person's correction; None if it changes nothing."""
        ...


class NoHistory:
    """A monitor without a journal, as for analysing a file."""

    def tag(self, tag: Tag) -> EpisodeTagged | None:
        """Know no earlier episode."""
        return None

    def apply(self, edit: Edit) -> EpisodeEdited | None:
        """Have nothing to correct."""
        return None


class Learning(Protocol):
    """What listens along and adds its guess to events."""

    def hear(self, score: Score, embedding: NDArray[np.float32], *, crying: bool) -> None:
        """Listen to one hop."""
        ...

    def complete(self, event: Event, tracker: EpisodeTracker) -> Event:
        """Give the event with what has been learned in it, and tell the tracker too."""
        ...


class NoLearning:
    """Learns nothing."""

    def hear(self, score: Score, embedding: NDArray[np.float32], *, crying: bool) -> None:
        """Ignore it."""

    def complete(self, event: Event, tracker: EpisodeTracker) -> Event:
        """Leave the event as it is."""
        return event
