"""How much the hour and the sound count in this family, and how sure to be: by how well each foretold the tags. Pure.

Every tag is first guessed with each weight and temperature there is; what foretold the tags best counts most (Bayes). So an
hour or a sound that tells nothing falls silent, and one that tells much is believed.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from device.need_prior import Array

HOURS = np.linspace(0.0, 2.0, 5)
SOUNDS = np.linspace(0.0, 1.0, 6)
TEMPERATURES = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 3.0])

PROOF = 20.0
"""The sound gets a weight once the tags are so many times likelier with some weight than with none: until then it is 0."""

LOOK = 60
"""The latest tags by which the weights are found."""

MIN_TAGS = 8
"""With fewer, the hour counts once and the sound not at all."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the hour's evidence counts (0..2), what the sound's does (0..1), and by what all is divided."""

    hour: float = 1.0
    sound: float = 0.0
    temperature: float = 1.0

    def probabilities(self, hints: "Hints") -> Array:
        """Probabilities of the needs, shape (4,)."""
        return softmax((hints.overall + self.hour * hints.hour + self.sound * hints.sound) / self.temperature)


@dataclass(frozen=True, slots=True)
class Hints:
    """What speaks for each need, as logarithms, shape (4,): how often it comes, the hour and diary, and the sound."""

    overall: Array
    hour: Array
    sound: Array


class Weighing:
    """Finds the weights, tag by tag."""

    def __init__(self) -> None:
        """Begin with what is assumed of every family."""
        self._losses: deque[Array] = deque(maxlen=LOOK)
        self.weights = Weights()

    def learn(self, hints: Hints, index: int) -> None:
        """Compare all weights by a tag, `index` among the needs, that they had not seen (prequential log-loss)."""
        logits = (
            hints.overall
            + HOURS[:, None, None, None] * hints.hour
            + SOUNDS[:, None, None] * hints.sound
        ) / TEMPERATURES[:, None]  # fmt: skip
        self._losses.append(np.log(np.exp(logits).sum(axis=-1)) - logits[..., index])
        if len(self._losses) >= MIN_TAGS:
            self.weights = choose(np.array(self._losses))


def choose(losses: Array) -> Weights:
    """Weights from losses of shape (tags, hours, sounds, temperatures).

    Their means given the tags, half of the belief being on sound 0 and the rest spread evenly. A weight over 0 counts only
    if the tags are PROOF times likelier with one than without: a Bayes factor, which may be looked at often.
    """
    logs = np.log(TEMPERATURES)
    likely = -losses.sum(axis=0) - 0.5 * (HOURS[:, None, None] - 1.0) ** 2 - 2.0 * logs**2  # a pull towards 1 and 1
    without, with_sound = likely[:, :1], likely[:, 1:] - np.log(len(SOUNDS) - 1)
    proof = float(np.logaddexp.reduce(with_sound, axis=None) - np.logaddexp.reduce(without, axis=None))
    proved = proof >= np.log(PROOF)
    belief = softmax(with_sound if proved else without)
    sound = float(belief.sum(axis=(0, 2)) @ SOUNDS[1:] / (1.0 + np.exp(-proof))) if proved else 0.0
    return Weights(float(belief.sum(axis=(1, 2)) @ HOURS), sound, float(np.exp(belief.sum(axis=(0, 1)) @ logs)))


def softmax(logits: Array) -> Array:
    """Chances that sum to 1 over all of an array, from their logarithms; what is added to all of them changes nothing."""
    chances = np.exp(logits - logits.max())
    return np.asarray(chances / chances.sum())
