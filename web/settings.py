"""The few things that are set on the page: the password, the language, how readily it hears."""

import secrets
from dataclasses import replace

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as BaseResponse

from device import __version__
from device.clip_store import ClipStore
from web.auth import open_session
from web.parts import now_utc, parts, words
from web.shown import done, said
from web.words import language_name, languages

blueprint = Blueprint("settings", __name__)

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200
SENSITIVITIES = ("low", "normal", "high")


@blueprint.get("/settings")
def page() -> str:
    """What can be set here, and what is set in the file."""
    live = parts().live.now()
    clips = ClipStore(parts().folder).clips()
    return render_template(
        "settings.html",
        languages=[(each, language_name(each)) for each in languages()],
        chosen=session.get("language", ""),
        zone=parts().zone.key,
        local=words().clock(now_utc()),
        state=live.state if live.reachable else None,
        config=parts().config,
        recordings=len(clips),
        recordings_mb=sum(clip.size_bytes for clip in clips) / 1e6,
        version=__version__,
        shortest=SHORTEST_PASSWORD,
    )


@blueprint.post("/settings/language")
def language() -> BaseResponse:
    """The language of this device."""
    wished = request.form.get("language", "")
    session["language"] = wished if wished in languages() else ""
    return redirect(url_for("settings.page"), 303)


@blueprint.post("/settings/password")
def password() -> BaseResponse:
    """Another password; every other device must log in anew."""
    w = words()
    old, new, again = (request.form.get(name, "") for name in ("old", "new", "again"))
    problem = ""
    wait = parts().throttle.wait_s("password", known=True, at_s=parts().clock.now().monotonic)
    if wait:
        problem = w._("Too many tries. Please wait %(time)s and try again.", time=w.duration(wait))
    elif len(old) > LONGEST_PASSWORD or not parts().keys.verify(old.strip()):
        problem = w._("That was not the present password.")
    elif not SHORTEST_PASSWORD <= len(new.strip()) <= LONGEST_PASSWORD:
        problem = w._("The new password needs at least %(n)s letters.", n=SHORTEST_PASSWORD)
    elif new != again:
        problem = w._("The two new passwords differ.")
    if not problem:
        parts().throttle.succeeded("password", known=True)
        parts().keys.change(new.strip())
        open_session()
        problem = w._("The password is changed. Other devices must log in anew.")
    said(problem)
    return redirect(url_for("settings.page"), 303)


@blueprint.post("/settings/everywhere")
def everywhere() -> BaseResponse:
    """End every session but this one."""
    parts().keys.put(replace(parts().keys.current(), session_key=secrets.token_hex(32)))
    open_session()
    return done(words()._("All other devices are logged out."), url_for("settings.page"))


@blueprint.post("/settings/alerts")
def alerts() -> BaseResponse:
    """How long to wait before the first alert, and when phones do not ring for crying."""
    begin, end = request.form.get("begin", "").strip(), request.form.get("end", "").strip()
    if bool(begin) != bool(end):
        return done(words()._("Please give both times, or neither. Nothing was changed."), url_for("settings.page"))
    hours = f"{begin}-{end}" if begin else ""
    parts().live.ask("alerts", {"alert_after_s": request.form.get("alert_after_s", ""), "quiet_hours": hours})
    return done(words()._("Changed."), url_for("settings.page"))


@blueprint.post("/settings/sensitivity")
def sensitivity() -> BaseResponse:
    """How readily it hears crying."""
    wished = request.form.get("sensitivity", "")
    if wished not in SENSITIVITIES:
        abort(400)
    parts().live.ask("sensitivity", {"sensitivity": wished})
    return done(words()._("Changed."), url_for("settings.page"))


@blueprint.post("/settings/test")
def test() -> BaseResponse:
    """Send a test alert to the phones."""
    parts().live.ask("test", {"token": secrets.token_hex(4)})
    return done(
        words()._("A test alert has been sent. If no phone rings within ten seconds, see “Connect a phone”."),
        url_for("settings.page"),
        link=(url_for("phones.page"), words()._("Connect a phone")),
    )
