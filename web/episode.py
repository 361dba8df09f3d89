"""One episode: what happened when, what it was, and putting its history right."""

from pathlib import Path

from flask import Blueprint, Response, abort, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from device.clip_store import ClipStore
from device.record import Episode
from device.vocabulary import Helped
from web import chart_episode
from web.parts import parts, reader, words
from web.present import ending, guess
from web.shown import caregivers, done
from web.story import story

blueprint = Blueprint("episode", __name__)


@blueprint.get("/episode/<name>")
def page(name: str) -> str:
    """All that is known of one episode."""
    found = _found(name)
    earlier, later = reader().neighbours(name)
    w = words()
    return render_template(
        "episode.html",
        episode=found,
        story=story(found, w),
        chart=chart_episode.draw(
            found, w, w._("Episode at %(time)s: %(ending)s", time=w.clock(found.onset.utc), ending=ending(found, w))
        ),
        guess=guess(found, w),
        earlier=earlier,
        later=later,
        recorded=_recording(name) is not None,
    )


@blueprint.get("/episode/<name>/recording")
def recording(name: str) -> Response:
    """The recording of an episode, whole or in the pieces that a player asks for; only where recordings are kept."""
    _found(name)
    path = _recording(name)
    if path is None:
        abort(404)
    answer = send_file(path, mimetype="audio/flac", conditional=True)
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/episode/<name>/need")
def need(name: str) -> BaseResponse:
    """One tap: what it was, or that it was not crying."""
    _found(name)
    parts().live.ask("need", {"episode": name, "need": request.form.get("need", "")})
    return _back(name, words()._("Thank you, noted."))


@blueprint.post("/episode/<name>/helped")
def helped(name: str) -> BaseResponse:
    """One tap: what calmed the baby, added to what was said before or taken off it."""
    one = request.form.get("helped", type=Helped)
    if one is None:
        abort(400)
    episode = _found(name)
    before = episode.helped
    after = [each.value for each in before if each is not one] if one in before else [*(e.value for e in before), one.value]
    if after:
        parts().live.ask("need", {"episode": name, "helped": after})
    else:  # an empty list means "as it was", so take everything back and say the need again
        parts().live.ask("edit", {"action": "untag", "episode": name})
        need = "not_crying" if episode.false_alarm else episode.need.value if episode.need is not None else ""
        if need:
            parts().live.ask("need", {"episode": name, "need": need})
    return _back(name)


@blueprint.post("/episode/<name>/note")
def note(name: str) -> BaseResponse:
    """A note in the parents' own words."""
    _found(name)
    text = request.form.get("note", "").replace("\r\n", "\n").strip()
    parts().live.ask("edit", {"action": "note", "episode": name, "note": text})
    return _back(name, words()._("The note is kept."))


@blueprint.post("/episode/<name>/<any(acknowledge, arrive):action>")
def correct(name: str, action: str) -> BaseResponse:
    """Put right when somebody said "on my way" or was there; without a time, take it back."""
    _found(name)
    payload: dict[str, object] = {"action": action, "episode": name}
    minutes, seconds = request.form.get("minutes", ""), request.form.get("seconds", "")
    if "forget" not in request.form:
        try:
            if not minutes and not seconds:
                raise ValueError
            payload["at_s"] = float(minutes or 0) * 60 + float(seconds or 0)
        except ValueError:
            abort(400, words()._("Please give the time in minutes and seconds, as numbers."))
        caregiver = request.form.get("caregiver", "")
        if caregiver in caregivers():
            payload["caregiver"] = caregiver
    parts().live.ask("edit", payload)
    return _back(name, words()._("The change is kept."))


@blueprint.post("/episode/<name>/untag")
def untag(name: str) -> BaseResponse:
    """Take back what was said of it."""
    _found(name)
    parts().live.ask("edit", {"action": "untag", "episode": name})
    return _back(name, words()._("What was said of it is taken back."))


@blueprint.post("/episode/<name>/delete")
def delete(name: str) -> BaseResponse:
    """Remove it from history."""
    _found(name)
    parts().live.ask("edit", {"action": "delete", "episode": name})
    return done(words()._("Deleted."), url_for("history.page"), undo=True, stays=True)


def _recording(name: str) -> Path | None:
    return ClipStore(parts().folder).path(name) if parts().config.clips.keep else None


def _found(name: str) -> Episode:
    found = reader().episode(name)
    if found is None:
        abort(404)
    return found


def _back(name: str, message: str = "") -> BaseResponse:
    back = url_for("now.page") if request.form.get("from") == "now" else url_for("episode.page", name=name)
    return done(message, back, undo=True, stays=True)
