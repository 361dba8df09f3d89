"""Whether crying has come to sound more or less upset, day by day: said only if chance would hardly make it so. Pure."""

from collections.abc import Sequence

import numpy as np

from device.vocabulary import Distress
from web.figures import Day
from web.words import Words

LEAST_DAYS = 14
BEYOND_CHANCE = 2.58
"""Standard deviations that chance exceeds once in a hundred times, in either direction."""

_DEPTH = {Distress.FUSSING: 0.0, Distress.CRYING: 0.5, Distress.SCREAMING: 1.0}


def trend(days: Sequence[Day]) -> int | None:
    """1 if crying sounds more upset from day to day, -1 if less, 0 if neither beyond chance; None if the days are too few.

    Spearman's rank correlation of the days that had crying and were mostly listened to with their mean depth of distress.
    """
    known = [day.minutes for day in days if day.listened >= 0.5 and sum(day.minutes.values()) > 0]
    if len(known) < LEAST_DAYS:
        return None
    depth = [sum(_DEPTH[grade] * m for grade, m in each.items()) / sum(each.values()) for each in known]
    ranks = _ranks(np.array(depth))
    if ranks.std() == 0:
        return 0
    correlation = float(np.corrcoef(np.arange(len(ranks)), ranks)[0, 1])
    z = correlation * (len(ranks) - 1) ** 0.5
    return 0 if abs(z) < BEYOND_CHANCE else int(np.sign(z))


def _ranks(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Ranks, equal values sharing the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place], dtype=np.float64)


def upset_say(days: Sequence[Day], w: Words) -> str:
    """The trend in a sentence; nothing for a period too short to have one."""
    if len(days) < LEAST_DAYS:
        return ""
    return {
        None: w._("Not enough days with crying yet to speak of a trend."),
        0: w._("How upset it sounds goes up and down; there is no trend beyond chance."),
        1: w._("From day to day it has come to sound more upset."),
        -1: w._("From day to day it has come to sound less upset."),
    }[trend(days)]
