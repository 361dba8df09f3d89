"""When guesses have earned to be spoken: a test that may be looked at after every tag and that no lucky streak deceives.

Two gamblers bet play money on the guesses, one that more than 70 % are right, one that they beat naming the most common
need, at odds that would be fair if it were not so. Then their money would not grow on average, and the chance that it ever
grows tenfold would be one in ten at most (Ville's inequality), however often one looks. Pure, numpy alone.
"""

import numpy as np

from device.need_prior import Array

MIN_PRECISION = 0.7
"""The share of guesses that must be right."""

CHANCE = 0.1
"""How likely at most a guess of a worse kind is ever spoken."""

STAKES = np.array([0.25, 0.5, 0.75])
"""Shares of the money at risk in one guess, side by side, since nobody knows beforehand how good the guesses will be."""

MOST = 10.0 / CHANCE
"""Money is kept up to here only, so that a record that turns bad is noticed within a few guesses."""


class Trust:
    """Grows with guesses that turn out right, shrinks with those that do not."""

    def __init__(self) -> None:
        """Begin with nothing proved."""
        self._often: Array = np.ones(len(STAKES))
        self._better: Array = np.ones(len(STAKES))

    def learn(self, right: bool, plain: bool) -> None:
        """Take the outcome of a guess, and of naming the most common need in its place."""
        self._often = np.minimum(MOST, self._often * (1.0 + STAKES / MIN_PRECISION * (float(right) - MIN_PRECISION)))
        self._better = np.minimum(MOST, self._better * (1.0 + STAKES * (float(right) - float(plain))))

    @property
    def often_right(self) -> bool:
        """True if it is proved that enough of the guesses are right."""
        return float(self._often.mean()) >= 1.0 / CHANCE

    @property
    def better(self) -> bool:
        """True if it is proved that they are better than naming the most common need."""
        return float(self._better.mean()) >= 1.0 / CHANCE

    @property
    def earned(self) -> bool:
        """True if the next guess may be spoken."""
        return self.often_right and self.better
