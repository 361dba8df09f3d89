"""How cries were answered and calmed: the questions of `device.statistics` about single answers. Pure."""

import math
import statistics as plain
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo

from device.cases import LEAST, Calm, Case, DayNight, NotEnough, Share, Usual
from device.events import Helped, Need, Outcome
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

USUALLY = 0.6
"""The share of answered episodes that "usually 1–4 min" covers: the middle three of five."""

NIGHT = (20, 7)
"""Local hours at which night begins and ends."""


def real(episodes: Sequence[Case]) -> list[Case]:
    """Leave out what was no crying."""
    return [episode for episode in episodes if episode.outcome is not Outcome.FALSE_ALARM]


def _answering(episodes: Sequence[Case]) -> tuple[list[float], list[int]]:
    """Times and kinds for the survival estimates: answered, over without an answer, or not known."""
    times, kinds = [], []
    for episode in real(episodes):
        if episode.answered_s is not None:
            times.append(episode.answered_s)
            kinds.append(EVENT)
        else:
            times.append(known_s(episode))
            kinds.append(COMPETING if episode.outcome in (Outcome.SELF_SETTLED, Outcome.UNANSWERED) else CENSORED)
    return times, kinds


def known_s(episode: Case) -> float:
    """How long an episode is known to have gone on."""
    if episode.offset_s is not None:
        return episode.offset_s
    return episode.bouts[-1].end_s if episode.bouts else 0.0


def _too_few(times: Sequence[float], kinds: Sequence[int]) -> NotEnough | None:
    if len(times) >= LEAST:
        return None
    seen = sorted(time for time, kind in zip(times, kinds, strict=True) if kind == EVENT)
    return NotEnough(len(times), LEAST, tuple(seen))


def answered_by(episodes: Sequence[Case]) -> Curve | NotEnough:
    """Share of all cries answered by each time after onset: Aalen–Johansen, with settling alone as a competing event."""
    times, kinds = _answering(episodes)
    return _too_few(times, kinds) or aalen_johansen(times, kinds)


def usual(episodes: Sequence[Case]) -> Usual | NotEnough:
    """The range for "usually 1–4 min; half within 2": quantiles of the answered-by curve among those that were answered."""
    times, kinds = _answering(episodes)
    if few := _too_few(times, kinds):
        return few
    curve = aalen_johansen(times, kinds)
    low, half, high = (quantile(curve, share) for share in (0.5 - USUALLY / 2, 0.5, 0.5 + USUALLY / 2))
    if low is None or half is None or high is None:
        return NotEnough(0, LEAST, ())
    return Usual(low, half, high, kinds.count(EVENT))


def median_response(episodes: Sequence[Case]) -> Estimate | NotEnough:
    """Median time to an answer with 95 % limits, had no cry settled alone: Kaplan–Meier, by inversion of its limits."""
    times, kinds = _answering(episodes)
    return _too_few(times, kinds) or median(kaplan_meier(times, kinds))


def typical(episodes: Sequence[Case]) -> LogNormal | NotEnough | None:
    """Typical time to an answer and its spread as a factor (consistency): censored log-normal. None if all are alike."""
    times, kinds = _answering(episodes)
    return _too_few(times, kinds) or log_normal(times, kinds)


def at_night(episode: Case, zone: tzinfo, night: tuple[int, int] = NIGHT) -> bool:
    """True if it began in the local night."""
    hour = datetime.fromtimestamp(episode.onset.utc, zone).hour
    return night[0] <= hour < night[1] if night[0] < night[1] else hour >= night[0] or hour < night[1]


def day_and_night(episodes: Sequence[Case], zone: tzinfo, night: tuple[int, int] = NIGHT) -> DayNight:
    """Times to an answer by day and by night, by the local hour of onset; p is None unless both have enough episodes."""
    by_night = [episode for episode in episodes if at_night(episode, zone, night)]
    by_day = [episode for episode in episodes if not at_night(episode, zone, night)]
    day, dark = usual(by_day), usual(by_night)
    enough = isinstance(day, Usual) and isinstance(dark, Usual)
    return DayNight(day, dark, log_rank(*_answering(by_day), *_answering(by_night)) if enough else None)


def calmed(episodes: Sequence[Case]) -> list[Calm]:
    """Times from arriving to calm: first all together, then by what helped, the most frequent first."""
    known = [(episode, episode.time_to_calm_s) for episode in real(episodes) if episode.outcome is Outcome.ANSWERED]
    groups: dict[Helped | None, list[float]] = {None: []}
    for episode, seconds in known:
        if seconds is not None:
            for name in (None, *episode.helped):
                groups.setdefault(name, []).append(seconds)
    rest = sorted((name for name in groups if name is not None), key=lambda name: (-len(groups[name]), name))
    return [_calm(name, groups[name]) for name in (None, *rest)]


def _calm(name: Helped | None, times: Sequence[float]) -> Calm:
    if len(times) < LEAST:
        return Calm(name, tuple(sorted(times)), None, None, None)
    low, half, high = plain.quantiles(times, n=4, method="inclusive")
    return Calm(name, tuple(sorted(times)), low, half, high)


def soothed(episodes: Sequence[Case]) -> Share:
    """Share of the crying that waited for somebody in which somebody came and it was soothed to calm.

    Whole: somebody came while it went on, or nobody did though it went on for long (unanswered). Settled alone is neutral,
    and what is not known is not counted at all. Research finds that about half is good enough (docs/storage.md).
    """
    part = whole = 0
    for episode in real(episodes):
        came = episode.time_to_response_s
        if episode.outcome is Outcome.UNANSWERED:
            whole += 1
        elif episode.outcome is Outcome.ANSWERED and came is not None and came <= (episode.offset_s or 0.0):
            whole, part = whole + 1, part + 1
    return _wilson(part, whole)


def _wilson(part: int, whole: int) -> Share:
    if whole == 0:
        return Share(0, 0, None, None, None)
    p, z2 = part / whole, Z95 * Z95
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    width = Z95 * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    return Share(part, whole, p, max(0.0, middle - width), min(1.0, middle + width))


def needs(episodes: Sequence[Case]) -> dict[Need | None, int]:
    """How often each need was tagged, most frequent first; None counts those that nobody tagged."""
    return dict(Counter(episode.need for episode in real(episodes)).most_common())


def outcomes(episodes: Sequence[Case]) -> dict[Outcome | None, int]:
    """How often each outcome came, false alarms included; None counts the open ones."""
    return dict(Counter(episode.outcome for episode in episodes).most_common())
