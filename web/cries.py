"""Your baby's cries: what has been learned from your tags, how sure it is, and from how many."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, abort, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from device.journal import EpisodeRow
from device.vocabulary import Need, Outcome
from web.learning import taught
from web.parts import parts, reader, words
from web.shown import done
from web.svg import dot, path, picture, tag
from web.taught import LEAST_RECORD, Place, false_alarms, rhythm_lines, safeguard, sound_say
from web.words import Words

blueprint = Blueprint("cries", __name__)

SIDE = 340.0
EXAMPLES = 3


@blueprint.get("/cries")
def page() -> str:
    """Tags, record, what it goes by, false alarms, examples and the map."""
    w, history, learned = words(), reader(), taught()
    known = learned.value
    since = known.begun_utc
    counts = {need: history.count(need=need, since_utc=since) for need in Need}
    named = sorted((need for need in Need if counts[need]), key=lambda need: -counts[need])
    rows = _rows(known.places)
    return render_template(
        "cries.html",
        counts=[(need, counts[need]) for need in named],
        total=sum(counts.values()),
        not_crying=history.count(outcome=Outcome.FALSE_ALARM, since_utc=since),
        taught=known,
        current=learned.current,
        least_record=LEAST_RECORD,
        sound=sound_say(known, w),
        rhythms=rhythm_lines(known.rhythms, w),
        false_alarms=false_alarms(known, w),
        safeguard=safeguard(w),
        examples=[(need, history.episodes(need=need, since_utc=since, limit=EXAMPLES)) for need in named],
        map=_map(known.places, rows, w),
        on_map=[row for row in reversed(rows.values()) if _kind(row) != "none"],
        unnamed=sum(_kind(row) == "none" for row in rows.values()),
    )


@blueprint.post("/cries/forget")
def forget() -> BaseResponse:
    """Learn anew, once it has been confirmed."""
    if request.form.get("sure") != "yes":
        abort(400, words()._("Please tick that you are sure; nothing was changed."))
    parts().live.ask("forget", {})
    return done(words()._("It learns anew from the next cry on."), url_for("cries.page"))


@blueprint.post("/cries/remember")
def remember() -> BaseResponse:
    """Let what was said before teach again."""
    parts().live.ask("forget", {"undo": True})
    return done(words()._("What was said before counts again."), url_for("cries.page"))


def _rows(places: Sequence[Place]) -> dict[str, EpisodeRow]:
    """The episodes on the map, oldest first."""
    if not places:
        return {}
    shown = {each.episode_id for each in places}
    return {row.id: row for row in reader().rows(since_utc=places[0].at_utc, bouts=False) if row.id in shown}


def _kind(row: EpisodeRow) -> str:
    if row.outcome is Outcome.FALSE_ALARM:
        return "false"
    return "none" if row.need is None else row.need.value


def _map(places: Sequence[Place], rows: Mapping[str, EpisodeRow], w: Words) -> Markup | None:
    """Each cry as a point: near one another means alike in sound. None while there are too few."""
    if not places:
        return None
    points = []
    for each in places:
        if each.episode_id in rows:
            at = (20 + each.x * (SIDE - 40), 20 + each.y * (SIDE - 40))
            link = url_for("episode.page", name=each.episode_id)
            points.append(tag("g", _point(*at, _kind(rows[each.episode_id])), data_href=link))
    return picture(
        SIDE, SIDE, w._("Cries as points; alike in sound means near one another. The table below names them."), points
    )


def _point(x: float, y: float, kind: str) -> Markup:
    """A shape for each need, so that colour is not needed to tell them apart."""
    if kind == "hunger":
        return dot(x, y, 6, "n-hunger")
    if kind == "none":
        return dot(x, y, 4, "n-none")
    if kind == "false":
        strokes = (((x - 4, y - 4), (x + 4, y + 4)), ((x + 4, y - 4), (x - 4, y + 4)))
        return tag("g", *(path(stroke, "n-false") for stroke in strokes))
    shapes = {
        "tired": ((-6, 5), (6, 5), (0, -6)),
        "discomfort": ((-5, -5), (5, -5), (5, 5), (-5, 5)),
        "pain": ((0, -7), (7, 0), (0, 7), (-7, 0)),
        "unsure": ((-6, -4), (6, -4), (0, 7)),
    }
    at = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shapes[kind])
    return tag("polygon", points=at, class_=f"n-{kind}")
