"""How cries were answered and calmed: the questions of `device.statistics` about single answers. Pure."""

import math
import statistics as plain
from collections.abc import Sequence
from datetime import tzinfo
from typing import TypeVar

import numpy as np

from device.cases import LEAST, Calm, DayNight, NotEnough, Share, Usual
from device.hours import DAY_S, HOUR_S, local_time
from device.lognormal import LogNormal, log_normal
from device.survival import (
    CENSORED,
    COMPETING,
    EVENT,
    Z95,
    Curve,
    Estimate,
    aalen_johansen,
    kaplan_meier,
    log_rank,
    median,
    quantile,
)
from device.table import HELPED, NEEDS, NONE, OUTCOMES, Array, Cases, Codes, Table, table
from device.vocabulary import Helped, Need, Outcome

Name = TypeVar("Name", Need, Outcome)

USUALLY = 0.6
"""The share of answered episodes that "usually 1–4 min" covers: the middle three of five."""

NIGHT = (20, 7)
"""Local hours at which night begins and ends."""


def _answering(cases: Table) -> tuple[Array, Codes]:
    """Times and kinds for the survival estimates: answered, over without an answer, or not known."""
    answered = ~np.isnan(cases.answered_s)
    over = np.isin(cases.outcome, [OUTCOMES.index(each) for each in (Outcome.SELF_SETTLED, Outcome.UNANSWERED)])
    kinds = np.where(answered, EVENT, np.where(over, COMPETING, CENSORED))
    return np.where(answered, cases.answered_s, cases.known_s()), kinds


def _too_few(times: Array, kinds: Codes) -> NotEnough | None:
    if len(times) >= LEAST:
        return None
    return NotEnough(len(times), LEAST, tuple(np.sort(times[kinds == EVENT]).tolist()))


def answered_by(episodes: Cases) -> Curve | NotEnough:
    """Share of all cries answered by each time after onset: Aalen–Johansen, with settling alone as a competing event."""
    times, kinds = _answering(table(episodes).real())
    return _too_few(times, kinds) or aalen_johansen(times, kinds)


def usual(episodes: Cases) -> Usual | NotEnough:
    """The range for "usually 1–4 min; half within 2": quantiles of the answered-by curve among those that were answered."""
    return usual_of(answered_by(episodes))


def usual_of(curve: Curve | NotEnough) -> Usual | NotEnough:
    """The same from the curve."""
    if isinstance(curve, NotEnough):
        return curve
    low, half, high = (quantile(curve, share) for share in (0.5 - USUALLY / 2, 0.5, 0.5 + USUALLY / 2))
    if low is None or half is None or high is None:
        return NotEnough(0, LEAST, ())
    return Usual(low, half, high, curve.events)


def median_response(episodes: Cases) -> Estimate | NotEnough:
    """Median time to an answer with 95 % limits, had no cry settled alone: Kaplan–Meier, by inversion of its limits."""
    times, kinds = _answering(table(episodes).real())
    return _too_few(times, kinds) or median(kaplan_meier(times, kinds))


def typical(episodes: Cases) -> LogNormal | NotEnough | None:
    """Typical time to an answer and its spread as a factor (consistency): censored log-normal. None if all are alike."""
    times, kinds = _answering(table(episodes).real())
    return _too_few(times, kinds) or log_normal(times, kinds)


def day_and_night(episodes: Cases, zone: tzinfo, night: tuple[int, int] = NIGHT) -> DayNight:
    """Times to an answer by day and by night, by the local hour of onset; p is None unless both have enough episodes."""
    cases = table(episodes).real()
    hour = local_time(zone, cases.onset_utc) % DAY_S // HOUR_S
    late, early = hour >= night[0], hour < night[1]
    dark = late & early if night[0] < night[1] else late | early
    by_day, by_night = cases.where(~dark), cases.where(dark)
    in_day, in_night = usual(by_day), usual(by_night)
    enough = isinstance(in_day, Usual) and isinstance(in_night, Usual)
    return DayNight(in_day, in_night, log_rank(*_answering(by_day), *_answering(by_night)) if enough else None)


def calmed(episodes: Cases) -> list[Calm]:
    """Times from arriving to calm: first all together, then by what helped, the most frequent first."""
    cases = table(episodes)
    calm_s = np.maximum(0.0, cases.offset_s - cases.response_s)
    known = (cases.outcome == OUTCOMES.index(Outcome.ANSWERED)) & ~np.isnan(calm_s)
    groups = {name: calm_s[known & cases.with_help(name)] for name in HELPED}
    rest = sorted((name for name in HELPED if len(groups[name])), key=lambda name: (-len(groups[name]), name))
    return [_calm(None, calm_s[known]), *(_calm(name, groups[name]) for name in rest)]


def _calm(name: Helped | None, seconds: Array) -> Calm:
    times = tuple(np.sort(seconds).tolist())
    if len(times) < LEAST:
        return Calm(name, times, None, None, None)
    low, half, high = plain.quantiles(times, n=4, method="inclusive")
    return Calm(name, times, low, half, high)


def soothed(episodes: Cases) -> Share:
    """Share of the crying that waited for somebody in which somebody came and it was soothed to calm.

    Whole: somebody came while it went on, or nobody did though it went on for long (unanswered). Settled alone is neutral,
    and what is not known is not counted at all. Research finds that about half is good enough (docs/storage.md).
    """
    cases = table(episodes)
    alone = cases.outcome == OUTCOMES.index(Outcome.UNANSWERED)
    answered = cases.outcome == OUTCOMES.index(Outcome.ANSWERED)
    came = answered & (cases.response_s <= np.nan_to_num(cases.offset_s))
    part = int(np.count_nonzero(came))
    return _wilson(part, part + int(np.count_nonzero(alone)))


def _wilson(part: int, whole: int) -> Share:
    if whole == 0:
        return Share(0, 0, None, None, None)
    p, z2 = part / whole, Z95 * Z95
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    width = Z95 * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    return Share(part, whole, p, max(0.0, middle - width), min(1.0, middle + width))


def needs(episodes: Cases) -> dict[Need | None, int]:
    """How often each need was tagged, most frequent first; None counts those that nobody tagged."""
    return _counted(table(episodes).real().need, NEEDS)


def outcomes(episodes: Cases) -> dict[Outcome | None, int]:
    """How often each outcome came, false alarms included; None counts the open ones."""
    return _counted(table(episodes).outcome, OUTCOMES)


def _counted(found: Codes, names: Sequence[Name]) -> dict[Name | None, int]:
    values, first, counts = np.unique(found, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    return {None if values[at] == NONE else names[values[at]]: int(counts[at]) for at in order}
