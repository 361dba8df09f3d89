"""What every template may use: words, links, the token for changes, signs and messages."""

from typing import Any

from flask import flash, get_flashed_messages, jsonify, redirect, request, session, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from device.errors import N_, JournalError
from device.vocabulary import Helped, Need
from web import moment, present
from web.parts import changes, now_utc, parts, reader, words
from web.security import logged_in, token

PLACES = (
    ("now.page", N_("Now"), "now"),
    ("day.page", N_("Day"), "day"),
    ("history.page", N_("History"), "list"),
    ("insights.page", N_("Insights"), "curve"),
    ("more.page", N_("More"), "more"),
)


def helpers() -> dict[str, Any]:
    """Names that templates know."""
    w = words()
    return {
        "w": w,
        "_": w._,
        "n_": w.n_,
        "present": present,
        "token": token,
        "logged_in": logged_in,
        "now_utc": now_utc,
        "house": parts().config.nursery,
        "caregivers": caregivers(),
        "me": me(),
        "needs": tuple(Need),
        "helps": tuple(Helped),
        "demo": demo(),
        "sign": sign,
        "places": PLACES,
        "changes": changes,
        "strip": moment.now(parts().live.now(), w),
        "messages": get_flashed_messages,
    }


def caregivers() -> tuple[str, ...]:
    """Who answers in this house, as configured."""
    return parts().config.nursery.caregivers


def me() -> str:
    """Who is holding this phone, as they said; empty if they have not."""
    name = session.get("caregiver", "")
    return name if name in caregivers() else ""


def demo() -> bool:
    """True while what is shown is a demonstration."""
    if not logged_in():
        return False
    state = parts().live.now().state
    if state is not None and state.demo:
        return True
    try:
        return reader().meta().get("demo") == "1"
    except JournalError:
        return False


def sign(name: str) -> Markup:
    """A small drawing that says the same as the word beside it, and is therefore silent to screen readers."""
    return Markup('<svg class="sign" aria-hidden="true" viewBox="0 0 24 24"><use href="{}#{}"></use></svg>').format(
        url_for("static", filename="signs.svg"), name
    )


def said(message: str, undo: bool = False) -> None:
    """Show a message on the next page; with `undo`, a button that takes the last change back."""
    flash(message, "undo" if undo else "message")


def done(
    message: str, back: str, *, undo: bool = False, stays: bool = False, link: tuple[str, str] | None = None
) -> BaseResponse:
    """Answer a change: with a redirect and a message, or in JSON; `stays` keeps the message for the page that follows.

    `link` is an address and its name, shown beside a message that does not stay.
    """
    if wants_json():
        if message and stays:
            said(message, undo)
        return jsonify(ok=True, said="" if stays else message, link=link)
    if link is not None:
        message = Markup('{} <a class="button quiet" href="{}">{}</a>').format(message, *link)
    if message:
        said(message, undo)
    return redirect(back, 303)


def wants_json() -> bool:
    """True if a program asks, not a browser."""
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"
