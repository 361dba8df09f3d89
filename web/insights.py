"""What the weeks say: ranges and shares, never a score."""

from datetime import timedelta

from flask import Blueprint, render_template, request

from device.statistics import LEAST
from web.day import coverage, listening
from web.figures import BINS_S, PERIODS, Figures, work_out
from web.insight_pictures import need_rows, outcome_rows, pictures, usually
from web.learning import taught
from web.parts import now_utc, reader, words
from web.taught import rhythm_lines
from web.upset import upset_say

blueprint = Blueprint("insights", __name__)


@blueprint.get("/insights")
def page() -> str:
    """A period's figures, each with a sentence, a picture, its numbers, and how it is worked out."""
    days = request.args.get("days", 28, type=int)
    days = days if days in PERIODS else 28
    found, learned = figures(days), taught()
    return render_template(
        "insights.html",
        figures=found,
        pictures=pictures(found, words()),
        days=days,
        listening=listening(),
        periods=PERIODS,
        usually=usually,
        outcome_rows=outcome_rows,
        need_rows=need_rows,
        bin_rows=_bin_rows,
        upset=upset_say(found.by_day, words()),
        rhythms=rhythm_lines(learned.value.rhythms, words()),
        learned=learned.current,
        least=LEAST,
    )


def _bin_rows(found: Figures) -> list[tuple[str, int]]:
    w = words()
    names = [f"{w.span(low, high)}" for low, high in zip(BINS_S, BINS_S[1:], strict=False)]
    return list(zip([*names, w._("more than %(time)s", time=w.duration(BINS_S[-1]))], found.bins, strict=True))


def figures(days: int) -> Figures:
    """The figures of the last `days` days, today included."""
    w, now = words(), now_utc()
    first = w.today(now) - timedelta(days=days - 1)
    since = w.midnight(first)
    rows = reader().table(since_utc=w.midnight(first - timedelta(days=days)))
    mine = rows.onset_utc >= since
    return work_out(rows.where(mine), rows.where(~mine), coverage(since, now), w.zone, days, now, first)
