"""Early rhythm: after how long a need usually comes, said only where this family's tags carry it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device.need_prior import Array
from device.needs import Example
from device.vocabulary import Need

MIN_TAGS = 8
MOST_SPREAD = 0.5
"""The middle half of the waits must lie within this share of their median."""
LONGEST_S = 6 * 3_600.0
CHANCE = 0.05
TRIALS = 500


@dataclass(frozen=True, slots=True)
class Usual:
    """`need` usually comes `median_s` after a `after` (feed or sleep), half of the times within `low_s` to `high_s`."""

    need: Need
    after: str
    median_s: float
    low_s: float
    high_s: float
    tags: int


def usual(examples: Sequence[Example]) -> tuple[Usual, ...]:
    """Hunger after feeds and tiredness after sleep, each only if its waits are alike and unlike those of other cries.

    "Unlike" is a permutation test: in fewer than 5 % of random relabellings the waits of as many cries lie so close.
    """
    found = []
    for need, after in ((Need.HUNGER, "feed"), (Need.TIRED, "sleep")):
        name = f"since_{after}_s"
        waits = [(e.need, getattr(e.situation, name)) for e in examples if not e.not_crying]
        known = [(said, wait) for said, wait in waits if wait is not None and 0 <= wait <= LONGEST_S]
        own = np.array([wait for said, wait in known if said is need])
        if len(own) < MIN_TAGS:
            continue
        low, median, high = (float(value) for value in np.percentile(own, (25, 50, 75)))
        every = np.array([wait for _, wait in known])
        if high - low <= MOST_SPREAD * median and _unlike(own, every):
            found.append(Usual(need, after, median, low, high, len(own)))
    return tuple(found)


def _unlike(own: Array, every: Array) -> bool:
    """The waits lie closer together than those of as many cries drawn from all; True where all are of this need."""
    if len(own) >= 0.9 * len(every):
        return True
    rng = np.random.default_rng(len(own))
    # one trial after the other: all at once would take tens of megabytes
    drawn = np.array([_spread(rng.choice(every, len(own), replace=False)) for _ in range(TRIALS)])
    return bool(np.mean(drawn <= _spread(own)) < CHANCE)


def _spread(waits: Array) -> float:
    """Mean distance from the median."""
    return float(np.mean(np.abs(waits - np.median(waits))))
