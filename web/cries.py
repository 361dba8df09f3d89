"""Your baby's cries: what has been learned from your tags, how sure it is, and from how many."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, url_for
from markupsafe import Markup

from device.events import Need
from device.journal import EpisodeRow
from web.cry_map import place
from web.parts import now_utc, reader, words
from web.svg import dot, picture, tag
from web.words import Words

blueprint = Blueprint("cries", __name__)

MOST = 400
"""The latest cries that the map shows."""

RECORD = 24
"""The latest guesses that the record is about."""

RECENT_S = 60 * 86400.0
SIDE = 340.0
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Record:
    """Of the last `of` guesses `right` were what you said; always saying the most frequent would have got `plain` right."""

    right: int
    of: int
    plain: int

    @property
    def worth_saying(self) -> bool:
        """True if it does better than the plainest guess."""
        return self.of >= 8 and self.right > self.plain


@blueprint.get("/cries")
def page() -> str:
    """Tags, record, examples and the map."""
    w, history = words(), reader()
    rows = history.rows(since_utc=now_utc() - RECENT_S, newest_first=True)
    counts = {need: history.count(need=need) for need in Need}
    named = sorted((need for need in Need if counts[need]), key=lambda need: -counts[need])
    return render_template(
        "cries.html",
        counts=[(need, counts[need]) for need in named],
        total=sum(counts.values()),
        record=record([row for row in rows if row.need is not None]),
        examples=[(need, history.episodes(need=need, limit=EXAMPLES)) for need in named],
        map=_map(rows, w),
    )


def record(tagged: Sequence[EpisodeRow]) -> Record:
    """How often the latest guesses that were spoken out agreed with the tag that came after, newest rows first."""
    pairs: list[tuple[Need, Need]] = []
    for row in tagged:
        guess = json.loads(row.data).get("guess")
        if guess and guess["guess"] != Need.UNSURE and row.need not in (None, Need.UNSURE):
            pairs.append((Need(guess["guess"]), row.need))
        if len(pairs) == RECORD:
            break
    most = Counter(need for _, need in pairs).most_common(1)
    return Record(sum(1 for guess, need in pairs if guess is need), len(pairs), most[0][1] if most else 0)


def _map(rows: Sequence[EpisodeRow], w: Words) -> Markup | None:
    """Each cry as a point: near one another means alike in sound. None while there are too few."""
    latest = {row.id: row for row in rows[:MOST]}
    known = [each for each in reader().embeddings() if each.episode_id in latest]
    if not known:
        return None
    newest = known[-1].model_version
    known = [each for each in known if each.model_version == newest]
    points = place([each.vector for each in known])
    if points is None:
        return None
    parts = []
    for each, (x, y) in zip(known, points, strict=True):
        row = latest[each.episode_id]
        kind = row.need.value if row.need is not None else "none"
        at = (20 + x * (SIDE - 40), 20 + y * (SIDE - 40))
        parts.append(tag("g", _point(*at, kind), data_href=url_for("episode.page", name=row.id)))
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
