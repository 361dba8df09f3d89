"""What the weeks say: ranges and shares, never a score."""

from datetime import timedelta
from pathlib import Path

from flask import Blueprint, render_template, request

from device.config import journal_path
from web.day import coverage
from web.figures import BINS_S, PERIODS, Figures, Kept, work_out
from web.insight_pictures import need_rows, outcome_rows, pictures, usually
from web.parts import now_utc, parts, reader, words

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
    key = (*_stamp(journal_path(parts().config)), days, first, int(now // 900))
    found = _kept().get(key)
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
        _kept().put(key, found)
    return found


def _kept() -> Kept:
    return parts().figures


def _stamp(journal: Path) -> tuple[int, ...]:
    """What changes whenever anything is written to the journal."""
    stamp: list[int] = []
    for path in (journal, journal.with_name(journal.name + "-wal")):
        try:
            found = path.stat()
            stamp += (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp += (0, 0)
    return tuple(stamp)
