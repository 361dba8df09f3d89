"""How the simulated baby sounds to the real ear: a few synthesised cries of each kind, heard once and mixed thereafter."""

from dataclasses import dataclass

import numpy as np

from device.audio import RATE_HZ, AudioBlock, Samples
from device.clock import Instant
from device.demo_life import Cry
from device.detector import Detector
from device.need_sound import Mean, Vector
from device.synthesis import Baby, cry, in_room, room_noise
from device.throat import cat
from device.vocabulary import Need

RENDITIONS, LENGTH_S = 3, 2.4
_DISTRESS = {Need.HUNGER: 0.5, Need.DISCOMFORT: 0.65, Need.TIRED: 0.3, Need.PAIN: 0.9, Need.UNSURE: 0.4}


@dataclass(frozen=True, slots=True)
class Voices:
    """Embeddings by cause (None: the cat), all of one model version."""

    model_version: str
    by_cause: dict[Need | None, tuple[Vector, ...]]

    def of(self, what: Cry, rng: np.random.Generator) -> Vector:
        """The embedding of one cry: no two are alike, and causes overlap."""
        own = rng.dirichlet(np.ones(RENDITIONS)) @ np.array(self.by_cause[what.cause])
        if what.cause is not None:
            causes = list(_DISTRESS)
            other = self.by_cause[causes[int(rng.integers(len(causes)))]][int(rng.integers(RENDITIONS))]
            own = own + rng.beta(1.5, 5.0) * (other - own)
        return np.asarray(own + 0.15 * np.std(own) * rng.normal(size=len(own)), dtype=np.float32)


def voices(rng: np.random.Generator) -> Voices:
    """Let the ear hear the baby and the cat. DetectorError if there is no ear."""
    detector = Detector()
    baby = Baby.born(rng)

    def heard(sound: Samples) -> Vector:
        wave = 0.3 * in_room(sound, rng) + 0.03 * room_noise(len(sound) / RATE_HZ, rng)[: len(sound)]
        detector.reset()
        mean = Mean()
        for hop in detector.feed(AudioBlock(np.asarray(wave, dtype=np.float32), Instant(0.0, 0.0), RATE_HZ)):
            mean.add(hop.embedding, max(0.01, hop.score.cry))
        vector = mean.vector
        assert vector is not None, "so much sound holds ten hops"
        return vector

    by_cause: dict[Need | None, tuple[Vector, ...]] = {
        cause: tuple(heard(cry(LENGTH_S, distress, rng, baby)) for _ in range(RENDITIONS))
        for cause, distress in _DISTRESS.items()
    }
    by_cause[None] = tuple(heard(cat(LENGTH_S, rng)) for _ in range(RENDITIONS))
    return Voices(detector.model_version, by_cause)
