"""Your baby's cries: what has been learned from your tags, how sure it is, and from how many."""

from collections.abc import Sequence

from flask import Blueprint, render_template, url_for
from markupsafe import Markup

from device.events import Need
from web.learning import taught
from web.parts import reader, words
from web.svg import dot, picture, tag
from web.taught import Place, false_alarms, rhythm_lines, safeguard, sound_say
from web.words import Words

blueprint = Blueprint("cries", __name__)

SIDE = 340.0
EXAMPLES = 3


@blueprint.get("/cries")
def page() -> str:
    """Tags, record, what it goes by, false alarms, examples and the map."""
    w, history, learned = words(), reader(), taught()
    known = learned.value
    counts = {need: history.count(need=need) for need in Need}
    named = sorted((need for need in Need if counts[need]), key=lambda need: -counts[need])
    return render_template(
        "cries.html",
        counts=[(need, counts[need]) for need in named],
        total=sum(counts.values()),
        taught=known,
        current=learned.current,
        sound=sound_say(known, w),
        rhythms=rhythm_lines(known.rhythms, w),
        false_alarms=false_alarms(known, w),
        safeguard=safeguard(w),
        examples=[(need, history.episodes(need=need, limit=EXAMPLES)) for need in named],
        map=_map(known.places, w),
    )


def _map(places: Sequence[Place], w: Words) -> Markup | None:
    """Each cry as a point: near one another means alike in sound. None while there are too few."""
    if not places:
        return None
    rows = {row.id: row for row in reader().rows(since_utc=places[0].at_utc)}
    parts = []
    for each in places:
        if each.episode_id in rows:
            need = rows[each.episode_id].need
            at = (20 + each.x * (SIDE - 40), 20 + each.y * (SIDE - 40))
            parts.append(
                tag(
                    "g",
                    _point(*at, need.value if need is not None else "none"),
                    data_href=url_for("episode.page", name=each.episode_id),
                )
            )
    return picture(
        SIDE, SIDE, w._("Cries as points; alike in sound means near one another. The list below names them."), parts
    )


def _point(x: float, y: float, kind: str) -> Markup:
    """A shape for each need, so that colour is not needed to tell them apart."""
    if kind == "hunger":
        return dot(x, y, 6, "n-hunger")
    if kind == "none":
        return dot(x, y, 4, "n-none")
    shapes = {
        "tired": ((-6, 5), (6, 5), (0, -6)),
        "discomfort": ((-5, -5), (5, -5), (5, 5), (-5, 5)),
        "pain": ((0, -7), (7, 0), (0, 7), (-7, 0)),
        "unsure": ((-6, -4), (6, -4), (0, 7)),
    }
    at = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shapes[kind])
    return tag("polygon", points=at, class_=f"n-{kind}")
