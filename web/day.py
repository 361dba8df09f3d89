"""One day, or one night, on a line of time."""

from collections.abc import Sequence
from datetime import date, timedelta

from flask import Blueprint, abort, render_template, request, url_for

from device.journal import Span
from device.record import Episode
from device.vocabulary import Mic
from web import chart_day
from web.parts import now_utc, parts, reader, words
from web.present import nothing_heard
from web.words import Words

blueprint = Blueprint("day", __name__)

LONGEST_S = 12 * 3600.0
"""How far back to look for an episode that reaches into the day."""


@blueprint.get("/day", defaults={"day": None})
@blueprint.get("/day/<day>")
def page(day: str | None) -> str:
    """The day's episodes, gaps and feeds; with ?view=night from evening to morning."""
    w = words()
    night = request.args.get("view") == "night"
    today = w.today(now_utc())
    latest = today if not night or w.local(now_utc()).hour >= 18 else today - timedelta(days=1)
    shown = latest if day is None else day_of(day)
    edges = day_edges(shown, w, night=night)
    found = _episodes(edges[0], edges[-1])
    spans = coverage(edges[0], min(edges[-1], now_utc()))
    contexts = reader().contexts(edges[0], edges[-1])
    picture = chart_day.draw(
        chart_day.Shown(edges, found, spans, contexts, now_utc(), [url_for("episode.page", name=each.id) for each in found]),
        w,
        w.n_("%(n)s episode on %(day)s", "%(n)s episodes on %(day)s", len(found), day=w.long_day(shown)),
    )
    return render_template(
        "day.html",
        chart=picture,
        shown=shown,
        night=night,
        latest=latest,
        before=shown - timedelta(days=1),
        after=shown + timedelta(days=1),
        episodes=found,
        quiet=nothing_heard(
            listened_s(spans), min(edges[-1], now_utc()) - edges[0], w, listening=edges[-1] > now_utc() and listening()
        ),
        gaps=gaps(spans, edges[0], edges[-1], w),
        contexts=contexts,
    )


def day_of(text: str) -> date:
    """The date that an address names, within the years that can be shown; otherwise there is no such page."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        abort(404)
    if not 1971 <= found.year <= 9000:
        abort(404)
    return found


def day_edges(day: date, w: Words, *, night: bool = False) -> tuple[float, ...]:
    """UTC seconds at which the rows of a local day, or of the night after it, begin; and the end of the last one."""
    after = day + timedelta(days=1)
    if night:
        return tuple(w.midnight(d, h) for d, h in ((day, 18), (day, 22), (after, 2), (after, 6), (after, 10)))
    return tuple(w.midnight(d, h) for d, h in ((day, 0), (day, 6), (day, 12), (day, 18), (after, 0)))


def _episodes(start: float, end: float) -> list[Episode]:
    early = reader().episodes(since_utc=start - LONGEST_S, until_utc=start, newest_first=False)
    reaching = [each for each in early if each.onset.utc + (each.offset_s or 0.0) > start]
    return [*reaching, *reader().episodes(since_utc=start, until_utc=end, newest_first=False)]


def coverage(since_utc: float, until_utc: float) -> list[Span]:
    """When the monitor was listening; what it has not marked on disk yet is known from its being there."""
    if until_utc <= since_utc:
        return []
    known = parts().live.now()
    live = known.state.at.utc if known.state is not None and known.reachable else None
    return reader().coverage(since_utc, until_utc, live_until_utc=live)


def listening() -> bool:
    """True if the monitor hears the room just now."""
    known = parts().live.now()
    return known.reachable and known.state is not None and known.state.mic is Mic.OK


def listened_s(spans: Sequence[Span]) -> float:
    """Seconds of the spans that were listened to."""
    return sum(span.end_utc - span.start_utc for span in spans if span.kind == "listening")


def gaps(spans: Sequence[Span], start_utc: float, end_utc: float, w: Words) -> list[str]:
    """When and why nobody was listening between these two instants; without the times where it was all the while."""
    return [
        gap_word(span, w)
        if span.start_utc <= start_utc and span.end_utc >= end_utc
        else f"{w.clock(span.start_utc)}–{w.clock(span.end_utc)}: {gap_word(span, w)}"
        for span in spans
        if span.kind != "listening" and span.end_utc - span.start_utc >= 60
    ]


def gap_word(span: Span, w: Words) -> str:
    """Why nobody was listening."""
    if span.kind == "silent":
        return w._("the microphone was flat: muted or broken")
    if span.kind == "lost":
        return w._("no microphone")
    return {
        "stopped": w._("switched off"),
        "cut": w._("no power"),
        "clock": w._("the clock was set"),
        "empty": w._("before it was first switched on"),
    }.get(span.reason, w._("not listening"))
