"""What the ear makes of a clip, heard once for all questions about needs."""

from collections.abc import Callable
from dataclasses import dataclass

from device.audio import RATE_HZ, AudioBlock, Samples
from device.clock import Instant
from device.detector import Detector
from device.need_sound import Mean, Vector
from evaluation.corpus import Clip, Corpus


@dataclass(frozen=True, slots=True)
class Hearing:
    """The embedding that the device itself would keep, the peak cry score, and the distress (nan of nothing).

    Embedding and distress weight each hop by how surely it is crying.
    """

    vector: Vector | None
    peak: float
    distress: float


def listen(detector: Detector, samples: Samples) -> Hearing:
    """Hear a sound by itself."""
    detector.reset()
    mean, peak, graded, weight = Mean(), 0.0, 0.0, 0.0
    for hop in detector.feed(AudioBlock(samples, Instant(0.0, 0.0), RATE_HZ)):
        mean.add(hop.embedding, hop.score.cry)
        peak = max(peak, hop.score.cry)
        share = max(hop.score.cry, 1e-3) ** 2
        graded, weight = graded + share * hop.score.distress, weight + share
    return Hearing(mean.vector, peak, graded / weight if weight else float("nan"))


class Listener:
    """Hears clips of a corpus, each only once."""

    def __init__(self, corpus: Corpus, detector: Detector) -> None:
        """Hear nothing yet."""
        self._corpus = corpus
        self._heard: dict[str, Hearing] = {}
        self._detector = detector

    def hear(self, clip: Clip) -> Hearing:
        """What the ear makes of it."""
        if clip.path not in self._heard:
            self._heard[clip.path] = listen(self._detector, self._corpus.samples(clip))
        return self._heard[clip.path]

    def changed(self, clip: Clip, change: Callable[[Samples], Samples]) -> Hearing:
        """What the ear makes of its sound after a change."""
        return listen(self._detector, change(self._corpus.samples(clip)))
