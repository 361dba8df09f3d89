"""What a cry's sound may add to the guess of a need: a prototype for each need, near which this baby's cries lie. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.need_prior import NEEDS, POPULATION, Array

Vector = NDArray[np.float32]

KAPPA = 5.0
"""Tags that the common mean weighs in every prototype."""


class Mean:
    """The embedding of an episode as it grows: the mean of its hops' embeddings, weighted by how surely they are crying."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._sum: Array | None = None
        self._weight = 0.0

    def add(self, embedding: Vector, cry: float) -> None:
        """Take a hop: its embedding of shape (d,), its cry score (0..1)."""
        weight = max(0.0, cry) ** 2  # squared: hops of doubt are mostly breath, room or voice
        part = weight * embedding.astype(np.float64)
        self._sum = part if self._sum is None else self._sum + part
        self._weight += weight

    @property
    def vector(self) -> Vector | None:
        """The embedding, None before any crying."""
        if self._sum is None or self._weight <= 0.0:
            return None
        return np.asarray(self._sum / self._weight, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Prototypes:
    """A fitted model: `evidence` gives log p(need | sound) − log p_train(need), shape (4,); 0 says nothing."""

    centres: Array
    precision: Array
    log_train: Array

    def evidence(self, embedding: Vector | Array) -> Array:
        """Gaussians with a common covariance round the prototypes (linear discriminant)."""
        away = embedding.astype(np.float64) - self.centres
        density = -0.5 * np.sum((away @ self.precision) * away, axis=1)
        return np.asarray(density - np.logaddexp.reduce(self.log_train + density))


class SoundSums:
    """Running sums over this family's cries, from which prototypes follow at any time."""

    def __init__(self, size: int) -> None:
        """Expect embeddings of `size` numbers."""
        k = len(NEEDS)
        self._heard = np.zeros(1)
        self._sum = np.zeros(size)
        self._squares = np.zeros(size)
        self._count = np.zeros(k)
        self._sums = np.zeros((k, size))
        self._outer = np.zeros((size, size))

    def hear(self, embedding: Vector, target: Array | None) -> None:
        """Take a cry; `target` is its softened tag, None for an untagged one, which still tells how cries vary."""
        x = embedding.astype(np.float64)
        self._heard += 1.0
        self._sum += x
        self._squares += x * x
        if target is not None:
            self._count += target
            self._sums += np.outer(target, x)
            self._outer += np.outer(x, x)

    def fade(self, factor: float) -> None:
        """Let everything heard so far weigh less."""
        for each in (self._heard, self._sum, self._squares, self._count, self._sums, self._outer):
            each *= factor

    def fit(self) -> Prototypes:
        """Prototypes shrunk towards the mean of all cries, and a covariance shrunk towards its diagonal.

        The diagonal counts as many tags as an embedding has numbers, so that few tags cannot invent structure.
        """
        heard = max(1.0, float(self._heard[0]))
        mean = self._sum / heard
        variance = np.maximum(self._squares / heard - mean**2, 1e-6 + 1e-3 * float(np.mean(self._squares / heard)))
        n = self._count[:, None]
        own = self._sums / np.maximum(n, 1e-9)
        centres = (self._sums + KAPPA * mean) / (n + KAPPA)
        scatter = self._outer - (own.T * self._count) @ own
        size = len(mean)
        covariance = (scatter + size * np.diag(variance)) / (float(self._count.sum()) + size)
        train = (self._count + POPULATION) / (self._count.sum() + 1.0)
        return Prototypes(centres, np.linalg.inv(covariance), np.log(train))


def projection(embeddings: Sequence[Vector]) -> Array:
    """Two numbers for each of n embeddings, shape (n, 2): the two directions in which they differ most (PCA).

    Signs are fixed by the largest loading, so that the picture does not flip; within -1..1; zeros for fewer than 3.
    """
    if len(embeddings) < 3:
        return np.zeros((len(embeddings), 2))
    x = np.asarray(embeddings, dtype=np.float64)
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    axes = np.linalg.svd(x, full_matrices=False)[2][:2]
    axes *= np.sign(axes[np.arange(len(axes)), np.argmax(np.abs(axes), axis=1)])[:, None]
    points = x @ axes.T
    if points.shape[1] < 2:
        points = np.column_stack((points, np.zeros(len(points))))
    return np.asarray(points / max(1e-9, float(np.abs(points).max())))
