"""How things stand now, live, and the buttons to answer with."""

import json
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, abort, jsonify, render_template, request, session, stream_with_context, url_for
from werkzeug.wrappers import Response as BaseResponse

from device.errors import JournalError
from device.record import Episode
from web import moment
from web.day import coverage, listened_s, listening
from web.live import Live
from web.parts import changes, now_utc, parts, reader, words
from web.present import nothing_heard
from web.ring import ring
from web.shown import done, me

blueprint = Blueprint("now", __name__)

STREAM_S = 55.0
"""A stream ends after this; the browser opens it anew by itself, so that none is held for good."""

BEAT_S = 2.0

LOOK_S = 0.5
"""How often it is seen whether the reader of a stream has gone, which frees its place."""

LATEST = 5


@blueprint.get("/")
def page() -> str:
    """The state in words, who is coming, and the buttons."""
    live, latest = parts().live.now(), _latest()
    quiet = "" if latest else _quiet()
    return render_template("now.html", now=moment.now(live, words()), live=live, latest=latest, quiet=quiet)


@blueprint.get("/live")
def live() -> Response:
    """Server-sent events: `now` with the state's HTML when it changes, `beat` every two seconds."""
    if not parts().streams.acquire(blocking=False):
        abort(Response("", 503, {"Retry-After": "5"}))
    answer = Response(stream_with_context(_stream()), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(parts().streams.release)
    return answer


@blueprint.get("/live/once")
def once() -> Response:
    """The same, once: for a page that could not get a stream."""
    known = parts().live.now()
    return jsonify(_beat(known) | {"html": _card(known)})


def _stream() -> Iterator[str]:
    ears = parts().live
    gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
    clock = parts().clock
    ends = clock.now().monotonic + STREAM_S
    shown: tuple[str, str, str] | None = None
    known = ears.now()
    beaten = -BEAT_S
    yield "retry: 1000\n\n"
    while clock.now().monotonic < ends and not ears.closing and not gone():
        html, beat = _card(known), _beat(known)
        if shown != (news := (_still(html), str(beat["changes"]), str(beat["ring"]))):
            yield _event("now", beat | {"html": html})
            shown = news
            beaten = clock.now().monotonic
        elif clock.now().monotonic - beaten >= BEAT_S:
            yield _event("beat", beat)
            beaten = clock.now().monotonic
        known = ears.wait(known.turn, LOOK_S)


def _card(known: Live) -> str:
    return render_template("now_card.html", now=moment.now(known, words()), live=known)


def _still(html: str) -> str:
    """The card without the seconds, which the browser counts by itself."""
    head, *rest = html.split('data-elapsed="')
    return head + "".join(part.partition("</time>")[2] for part in rest)


def _beat(known: Live) -> dict[str, object]:
    state = known.state if known.reachable else None
    return {
        "reachable": known.reachable,
        "kind": moment.now(known, words()).kind,
        "title": moment.now(known, words()).title,
        "changes": changes(),
        "ring": ring(known),
        "level_dbfs": None if state is None else round(max(-120.0, state.level_dbfs), 1),
    }


def _event(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _latest() -> list[Episode]:
    try:
        return reader().episodes(since_utc=now_utc() - 86400, limit=LATEST)
    except JournalError:
        return []


def _quiet() -> str:
    try:
        heard_s = listened_s(coverage(now_utc() - 86400, now_utc()))
    except JournalError:
        heard_s = 0.0
    return nothing_heard(heard_s, 86400, words(), listening=listening())


# ---- answering ----


@blueprint.post("/do/<any(acknowledge, arrived):command>")
def answer(command: str) -> BaseResponse:
    """On my way; I'm here."""
    name = me()
    parts().live.ask(command, {"caregiver": name} if name else {})
    w, state = words(), parts().live.now().state
    if state is not None and state.episode is None:
        # The monitor keeps it for a cry that has only just begun; otherwise it is in no history, and that is said.
        text = w._(
            "No crying is heard just now, so nothing was written down. "
            "If you were there for a cry, add it on that cry's page."
        )
        return done(text, url_for("now.page"), link=_last())
    text = w._("Thank you. Noted: on the way.") if command == "acknowledge" else w._("Noted: you are there.")
    return done(text, url_for("now.page"))


def _last() -> tuple[str, str] | None:
    """The address and the name of the last episode's page."""
    w = words()
    try:
        found = reader().episodes(limit=1)
    except JournalError:
        found = []
    for each in found:
        when = w.when(each.onset.utc, now_utc())
        return url_for("episode.page", name=each.id), w._("The last cry: %(time)s", time=when)
    return None


@blueprint.post("/do/mute")
def mute() -> BaseResponse:
    """No alerts for a while, or again."""
    minutes = request.form.get("minutes", type=float)
    if minutes is None:
        abort(400)
    parts().live.ask("mute", {"minutes": minutes})
    w = words()
    off = w._("Alerts are off for %(time)s. Listening goes on.", time=w.duration((minutes or 0.0) * 60))
    return done(off if minutes else w._("Alerts are on again."), url_for("now.page"))


@blueprint.post("/do/me")
def who() -> BaseResponse:
    """Say who holds this phone."""
    session["caregiver"] = request.form.get("caregiver", "")[:24]
    return done("", url_for("now.page"))
