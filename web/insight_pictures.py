"""The pictures of the insights page, each with its text alternative."""

import math
from collections.abc import Mapping

from markupsafe import Markup

from device.statistics import Calm, Curve, NotEnough, Usual
from device.vocabulary import Need, Outcome
from web import charts, charts_days
from web.charts import Range
from web.figures import BINS_S, Figures
from web.present import helped_word, need_word, outcome_word
from web.words import Words


def usually(usual: Usual | NotEnough, w: Words) -> str:
    """A range in a sentence; or that there is not enough yet."""
    if isinstance(usual, Usual):
        half = w.middle(usual.half_s, usual.low_s, usual.high_s)
        return w._("Usually %(span)s; half within %(half)s.", span=w.span(usual.low_s, usual.high_s), half=half)
    return w._("Not enough yet to say (%(n)s of %(least)s episodes).", n=usual.n, least=usual.least)


def pictures(f: Figures, w: Words) -> Mapping[str, Markup]:
    """Every picture by its name; those for which there is nothing to draw are left out."""
    found: dict[str, Markup] = {}
    if sum(f.outcomes.values()):
        found["outcomes"] = charts_days.bars(
            outcome_rows(f.outcomes, w), w, w._("How crying ended; the table below says the same.")
        )
    if isinstance(f.usual, Usual):
        found["usual"] = charts.distribution(f.bins, BINS_S, w, usually(f.usual, w))
    elif f.usual.times_s:
        found["usual"] = charts.dots(f.usual.times_s, w, w._("Single times until somebody was there."))
    if isinstance(f.curve, Curve):
        before = f.curve_before if isinstance(f.curve_before, Curve) else None
        found["curve"] = charts.answered_by(
            f.curve,
            before,
            longest_s(f.curve),
            w,
            w._("Share of cries answered by each time; the table below says the same."),
        )
    if isinstance(f.day_night.day, Usual) or isinstance(f.day_night.night, Usual):
        rows = [_usual(w._("by day"), f.day_night.day), _usual(w._("by night"), f.day_night.night)]
        found["day_night"] = charts.ranges(
            rows,
            w,
            w._("By day: %(day)s By night: %(night)s", day=usually(f.day_night.day, w), night=usually(f.day_night.night, w)),
        )
    calm = [_calm(each, w) for each in f.calm[:6] if each.times_s]
    if calm:
        found["calm"] = charts.ranges(
            calm, w, w._("Time from somebody being there until calm; the table below says the same.")
        )
    if any(map(any, f.rhythm.listened_s)):
        window = (f.window.start_hour, f.window.end_hour) if f.window else None
        found["rhythm"] = charts_days.heat(
            f.rhythm, window, w, w._("Minutes of crying by weekday and hour; the table below says the same.")
        )
    tagged = need_rows(f.needs, w)
    if tagged:
        found["needs"] = charts_days.bars(tagged, w, w._("Needs as you named them; the table below says the same."))
    found["days"] = charts_days.by_day(f.by_day, w, w._("Minutes of crying on each day; the table below says the same."))
    return found


def longest_s(curve: Curve) -> float:
    """How far the curve is drawn: until nearly all that is answered has been, in steps that read well."""
    last = curve.p[-1] if curve.p else 0.0
    far = next((t for t, p in zip(curve.times_s, curve.p, strict=True) if p >= 0.95 * last), 600.0)
    step = 240.0 if far <= 1200 else 1200.0
    return max(240.0, math.ceil(far / step) * step)


def outcome_rows(outcomes: Mapping[Outcome | None, int], w: Words) -> list[tuple[str, int]]:
    """How episodes ended, with their counts."""
    return [(outcome_word(each, w), count) for each, count in outcomes.items()]


def need_rows(needs: Mapping[Need | None, int], w: Words) -> list[tuple[str, int]]:
    """Needs as tagged, with their counts."""
    return [(need_word(need, w), count) for need, count in needs.items() if need is not None]


def _usual(name: str, usual: Usual | NotEnough) -> Range:
    if isinstance(usual, Usual):
        return Range(name, usual.low_s, usual.half_s, usual.high_s)
    return Range(name, None, None, None, usual.times_s)


def _calm(calm: Calm, w: Words) -> Range:
    name = w._("all together") if calm.helped is None else helped_word(calm.helped, w)
    return Range(name, calm.low_s, calm.half_s, calm.high_s, calm.times_s)
