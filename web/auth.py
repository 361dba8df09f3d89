"""Logging in and out: one password for the family, tried slowly, a signed cookie for the device that knew it."""

import math
import secrets

from flask import Blueprint, Response, jsonify, redirect, render_template, request, session, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response as BaseResponse

from web.parts import json_object, parts, words
from web.security import inside, logged_in, token
from web.throttle import sender_of

blueprint = Blueprint("auth", __name__)

KNOWN = "known"
"""The cookie that marks a device as the family's; it opens nothing, it only keeps others' mistakes from slowing it."""
KNOWN_DAYS = 400
LONGEST_PASSWORD = 200


@blueprint.get("/login")
@blueprint.post("/login")
def login() -> BaseResponse | str | tuple[str, int, dict[str, str]]:
    """Ask for the password."""
    if request.method == "GET":
        if logged_in():
            return redirect(url_for("now.page"))
        return render_template("login.html", next=inside(request.args.get("next", "")))
    w = words()
    wait = _try(request.form.get("password", ""))
    after = inside(request.form.get("next", ""))
    if wait == 0:
        return _remember(redirect(after or url_for("now.page"), 303))
    if wait < 0:
        return (
            render_template("login.html", next=after, problem=w._("That was not the password. Please try again.")),
            401,
            {},
        )
    problem = w._("Too many tries. Please wait %(time)s and try again.", time=w.duration(wait))
    return render_template("login.html", next=after, problem=problem), 429, {"Retry-After": str(math.ceil(wait))}


@blueprint.post("/api/v1/login")
def api_login() -> Response | tuple[Response, int, dict[str, str]]:
    """Log in a program: takes {"password": …}, gives the token that its changes must carry."""
    body = json_object()
    if body is None or not isinstance(body.get("password"), str):
        return jsonify(error='Send {"password": "…"} as application/json.'), 400, {}
    wait = _try(body["password"])
    if wait == 0:
        answer = jsonify(csrf=token())
        _remember(answer)
        return answer
    if wait < 0:
        return jsonify(error="That was not the password."), 401, {}
    return jsonify(error="Too many tries."), 429, {"Retry-After": str(math.ceil(wait))}


@blueprint.post("/logout")
def logout() -> BaseResponse:
    """Forget this device's login."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    return redirect(url_for("auth.login"), 303)


def _try(password: str) -> float:
    """0 if the password is right and the session is now open, -1 if it is wrong, else the seconds to wait."""
    known, sender = _device()
    throttle = parts().throttle
    wait = throttle.wait_s(sender, known=known, at_s=parts().clock.now().monotonic)
    if wait > 0:
        return wait
    if len(password) > LONGEST_PASSWORD or not parts().keys.verify(password.strip()):
        return -1.0
    throttle.succeeded(sender, known=known)
    open_session()
    return 0.0


def open_session() -> None:
    """Mark this session as the family's, with a fresh token, keeping its language and name."""
    kept = {key: session[key] for key in ("language", "caregiver") if key in session}
    session.clear()
    session.update(kept)
    session.permanent = True
    session["family"] = True
    token()


def _device() -> tuple[bool, str]:
    """Whether this device was logged in before, and the name under which its tries are counted."""
    try:
        name = _signer().loads(request.cookies.get(KNOWN, ""))
        if isinstance(name, str):
            return True, f"device {name}"
    except BadSignature:
        pass
    return False, sender_of(request.remote_addr or "")


def _signer() -> URLSafeSerializer:
    # Signed with the key of this installation, not with the sessions': a new password must not make the phones strangers.
    return URLSafeSerializer(parts().keys.current().mqtt_password, salt="known-device")


def _remember(response: BaseResponse) -> BaseResponse:
    known, _ = _device()
    if not known:
        response.set_cookie(
            KNOWN,
            str(_signer().dumps(secrets.token_urlsafe(12))),
            max_age=KNOWN_DAYS * 86400,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )
    return response
