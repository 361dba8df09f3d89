"""The weekly letter: one page to print, for the parents or for their paediatrician."""

from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request

from device import statistics
from device.statistics import LEAST, Week
from web.day import coverage, listening
from web.insight_pictures import usually
from web.parts import now_utc, reader, words

blueprint = Blueprint("letter", __name__)


@blueprint.get("/letter")
def page() -> str:
    """The letter of a week, by default the last whole one."""
    first = asked()
    w = words()
    latest = _monday(w.today(now_utc()))
    found = week(first)
    return render_template(
        "letter.html",
        week=found,
        first=first,
        last=first + timedelta(days=6),
        before=first - timedelta(days=7),
        after=first + timedelta(days=7) if first < latest else None,
        usually=usually,
        listening=first == latest and listening(),
        least=LEAST,
        named={need: count for need, count in found.needs.items() if need is not None},
    )


def asked() -> date:
    """The Monday of the week asked for; the last whole week where none is."""
    given = request.args.get("week", "")
    if not given:
        return _monday(words().today(now_utc())) - timedelta(days=7)
    try:
        found = date.fromisoformat(given)
    except ValueError:
        abort(404)
    if not 1972 <= found.year <= 9000:
        abort(404)
    return _monday(found)


def week(first: date) -> Week:
    """The figures of the seven days from `first` on."""
    w = words()
    since, end = w.midnight(first - timedelta(days=7)), w.midnight(first + timedelta(days=7))
    rows = reader().table(since_utc=since, until_utc=end)
    return statistics.week(rows, coverage(w.midnight(first), min(end, now_utc())), w.zone, first)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
