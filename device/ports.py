"""What the monitor asks of its ear, its history and its learning; and the ones that know nothing."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.audio import AudioBlock
from device.clock import Instant
from device.detector import Heard
from device.episode import EpisodeTracker
from device.events import EpisodeEdited, EpisodeTagged, Event, Forgotten
from device.inputs import Context, Edit, Forget, Score, Tag
from device.settings import AlertSettings


class Ear(Protocol):
    """Blocks in, scores out; `device.detector.Detector` is the real one."""

    @property
    def hop_s(self) -> float:
        """Seconds between scores."""
        ...

    @property
    def noise_floor_dbfs(self) -> float:
        """The room's level without foreground sounds."""
        ...

    @property
    def ears(self) -> tuple[str, ...]:
        """Which ears are on, for people."""
        ...

    def feed(self, block: AudioBlock) -> list[Heard]:
        """Take the next block; give the hops it completes."""
        ...

    def reset(self) -> None:
        """Forget what came before: there is a gap."""
        ...


class History(Protocol):
    """Changes of episodes that ended long ago."""

    def tag(self, tag: Tag) -> EpisodeTagged | None:
        """Give an earlier episode with the tag in it; None if there is no such episode."""
        ...

    def apply(self, edit: Edit) -> EpisodeEdited | None:
        """Carry out a person's correction; None if it changes nothing."""
        ...

    def forget(self, wish: Forget) -> Forgotten | None:
        """Let learning begin anew, or take that back; None if it changes nothing."""
        ...

    def import_contexts(self, contexts: Iterable[Context]) -> int:
        """Keep a diary's entries; give how many of them are new."""
        ...


class HouseWays(Protocol):
    """What the family changes while the monitor runs."""

    def keep(self, changes: Mapping[str, object]) -> None:
        """Keep changes, by "table.key", for the next start."""
        ...

    def alerts(self, changes: Mapping[str, object]) -> tuple[AlertSettings, Callable[[Instant], bool]]:
        """Keep changes of the alerts; give the settings as they now are, and what tells quiet hours."""
        ...


class NoHistory:
    """A monitor without a journal, as for analysing a file."""

    def tag(self, tag: Tag) -> EpisodeTagged | None:
        """Know no earlier episode."""
        return None

    def apply(self, edit: Edit) -> EpisodeEdited | None:
        """Have nothing to correct."""
        return None

    def forget(self, wish: Forget) -> Forgotten | None:
        """Have nothing to forget."""
        return None

    def import_contexts(self, contexts: Iterable[Context]) -> int:
        """Keep none."""
        return 0


class Learning(Protocol):
    """What listens along and adds its guess to events."""

    def hear(self, score: Score, embedding: NDArray[np.float32], *, crying: bool) -> None:
        """Listen to one hop."""
        ...

    def complete(self, event: Event, tracker: EpisodeTracker) -> Event:
        """Give the event with what has been learned in it, and tell the tracker too."""
        ...

    def allows(self, peak_score: float, heard_s: float) -> bool:
        """False if the present sound is very likely one that a parent called no crying before."""
        ...


class NoLearning:
    """Learns nothing."""

    def hear(self, score: Score, embedding: NDArray[np.float32], *, crying: bool) -> None:
        """Ignore it."""

    def complete(self, event: Event, tracker: EpisodeTracker) -> Event:
        """Leave the event as it is."""
        return event

    def allows(self, peak_score: float, heard_s: float) -> bool:
        """Let everything ring."""
        return True
