"""When guesses have earned to be spoken: a test that may be looked at after every tag and that no lucky streak deceives.

Two gamblers bet play money on the guesses, one that more than 70 % are right, one that they beat naming the most common
need, at odds that would be fair if it were not so. Then their money would not grow on average, and the chance that it ever
grows twentyfold would be one in twenty at most (Ville's inequality), however often one looks. Pure.
"""

MIN_PRECISION = 0.7
"""The share of guesses that must be right."""

CHANCE = 0.05
"""How likely at most a guess of a worse kind is ever spoken."""

MOST = 10.0 / CHANCE
"""Money is kept up to here only, so that a record that turns bad is noticed within a few guesses."""

MOST_STAKE = 0.95
"""The share of the money at risk in one guess, at most: never all of it."""


class Trust:
    """Grows with guesses that turn out right, shrinks with those that do not, and with the surest ones most.

    What is staked rests on what the guess says of itself, known before the tag; a guess that is surer than it should be
    loses more. So no choice of stakes can make the odds unfair.
    """

    def __init__(self) -> None:
        """Begin with nothing proved."""
        self._often = self._better = 1.0

    def learn(self, right: bool, plain: bool, p: float, p_plain: float) -> None:
        """Take the outcome of a guess, and of naming the most common need in its place; before, they had these chances."""
        stake = min(MOST_STAKE, max(0.0, 2.0 * p - 1.0))
        self._often = min(MOST, self._often * (1.0 + stake / MIN_PRECISION * (right - MIN_PRECISION)))
        # it decides only where the two differ and one of them is right: the guess, with the chance p / (p + p_plain)
        stake = min(MOST_STAKE, max(0.0, (p - p_plain) / (p + p_plain)))
        self._better = min(MOST, self._better * (1.0 + stake * (float(right) - float(plain))))

    @property
    def often_right(self) -> bool:
        """True if it is proved that enough of the guesses are right."""
        return self._often >= 1.0 / CHANCE

    @property
    def better(self) -> bool:
        """True if it is proved that they are better than naming the most common need."""
        return self._better >= 1.0 / CHANCE

    @property
    def earned(self) -> bool:
        """True if the next guess may be spoken."""
        return self.often_right and self.better
