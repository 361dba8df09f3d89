"""What the weeks say: ranges and shares, never a score."""

from datetime import timedelta

from flask import Blueprint, render_template, request

from web.day import coverage
from web.figures import BINS_S, PERIODS, Figures, work_out
from web.insight_pictures import need_rows, outcome_rows, pictures, usually
from web.learning import taught
from web.parts import now_utc, parts, reader, revision, words
from web.taught import rhythm_lines

blueprint = Blueprint("insights", __name__)


@blueprint.get("/insights")
def page() -> str:
    """A period's figures, each with a sentence, a picture, its numbers, and how it is worked out."""
    days = request.args.get("days", 28, type=int)
    days = days if days in PERIODS else 28
    found = figures(days)
    return render_template(
        "insights.html",
        figures=found,
        pictures=pictures(found, words()),
        days=days,
        periods=PERIODS,
        usually=usually,
        outcome_rows=outcome_rows,
        need_rows=need_rows,
        bin_rows=_bin_rows,
        rhythms=rhythm_lines(taught().rhythms, words()),
    )


def _bin_rows(found: Figures) -> list[tuple[str, int]]:
    w = words()
    names = [f"{w.span(low, high)}" for low, high in zip(BINS_S, BINS_S[1:], strict=False)]
    return list(zip([*names, w._("more than %(time)s", time=w.duration(BINS_S[-1]))], found.bins, strict=True))


def figures(days: int) -> Figures:
    """The figures of the last `days` days, today included."""
    w, now = words(), now_utc()
    first = w.today(now) - timedelta(days=days - 1)
    since, before = w.midnight(first), w.midnight(first - timedelta(days=days))
    key = (*revision(), days, first, int(now // 900))
    found = parts().figures.get(key)
    if found is None:
        history = reader()
        rows = history.rows(since_utc=before)
        found = work_out(
            [row for row in rows if row.onset.utc >= since],
            [row for row in rows if row.onset.utc < since],
            coverage(since, now),
            w.zone,
            days,
            now,
            first,
        )
        parts().figures.put(key, found)
    return found
