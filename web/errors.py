"""What is said when something cannot be done: one kind sentence, on a page or as JSON."""

import logging

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as BaseResponse

from device.errors import CommandError, ControlError, JournalError, NoEpisodeError, NurseryError
from web.parts import words
from web.security import LIVE, logged_in
from web.shown import wants_json

log = logging.getLogger(__name__)

Answer = tuple[str | Response, int] | BaseResponse


def install(app: Flask) -> None:
    """Set the handlers on the application."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(NurseryError, _nursery)
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> Answer:
    code = error.code or 500
    w = words()
    if code in (301, 302, 303, 307, 308):
        return BaseResponse.force_type(error.get_response())
    text = {
        400: w._("That page was too old or the request was not complete. Please go back, reload, and try again."),
        401: w._("Please log in first."),
        403: w._("This page answers only inside the house's own network."),
        404: w._("There is nothing here. It may have been deleted."),
        405: w._("That cannot be done here."),
        413: w._("That file is too large."),
    }.get(code, w._("That did not work."))
    if code == 401 and not wants_json() and request.endpoint not in LIVE:
        return redirect(url_for("auth.login"), 303)
    if (
        code in (400, 409)
        and error.description not in ("token", None)
        and "browser (or proxy)" not in str(error.description)
    ):
        text = str(error.description)
    answer = make_response(_say(text, code))
    if isinstance(error, MethodNotAllowed):
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return answer


def _nursery(error: NurseryError) -> Answer:
    w = words()
    if isinstance(error, CommandError):
        return _say(w.error(error), 404 if isinstance(error, NoEpisodeError) else 400)
    if isinstance(error, ControlError):
        return _say(w._("The monitor is not answering, so nothing was changed. Please try again in a moment."), 503)
    log.warning("%s", error)
    if isinstance(error, JournalError):
        return _say(w.error(error), 503)
    return _say(w._("That did not work."), 500)


def _unexpected(error: Exception) -> Answer:
    log.error("failed on %s %s", request.method, request.path, exc_info=error)
    return _say(words()._("Something unexpected went wrong on this page. The monitor itself goes on listening."), 500)


def _say(text: str, code: int) -> Answer:
    if wants_json():
        return jsonify(error=text), code
    if not logged_in():
        return text, code
    return render_template("error.html", text=text, code=code), code
