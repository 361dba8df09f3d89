"""The shapes of what the statistics give."""

from dataclasses import dataclass

from device.vocabulary import Helped

LEAST = 10
"""Fewer episodes make no curve and no range."""


@dataclass(frozen=True, slots=True)
class NotEnough:
    """Too few episodes to say more: `n` of the `least` needed, and their times to an answer for dots."""

    n: int
    least: int
    times_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Usual:
    """Of the answered: the middle three of five lie in [low, high], half within `half`."""

    low_s: float
    half_s: float
    high_s: float
    n: int


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole`, with 95 % limits after Wilson; all three None if the whole is 0."""

    part: int
    whole: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class DayNight:
    """Day and night apart, and the p-value of the log-rank test that both have the same times to an answer."""

    day: Usual | NotEnough
    night: Usual | NotEnough
    p: float | None


@dataclass(frozen=True, slots=True)
class Calm:
    """Times from arriving to calm where this helped (None: all together); middle half in [low, high], None under `LEAST`."""

    helped: Helped | None
    times_s: tuple[float, ...]
    low_s: float | None
    half_s: float | None
    high_s: float | None
