"""The page: how things stand now, and how the days go; served to the house alone, after a login."""

import hashlib
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from device import __version__
from device.clock import Clock, SystemClock
from device.config import data_dir, socket_path
from device.quiet import family_zone
from device.settings import Config
from web import (
    api,
    auth,
    cries,
    day,
    episode,
    errors,
    export,
    health,
    history,
    imports,
    insights,
    learning,
    letter,
    more,
    now,
    phones,
    push,
    security,
    settings,
)
from web.keys import Keys
from web.live import LiveMonitor
from web.parts import Parts, tidy
from web.shown import helpers
from web.throttle import Throttle

STREAMS = 8
"""Live streams at a time; each holds a thread of the server. A page that gets none asks every few seconds instead."""

LARGEST_REQUEST = 2_500_000


class _Sessions(SecureCookieSessionInterface):
    """Signs cookies with the key in the credentials file, so that a new password ends every session at once."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        app.secret_key = self._keys.current().session_key
        return super().get_signing_serializer(app)


def create_app(
    config: Config,
    *,
    clock: Clock | None = None,
    live: LiveMonitor | None = None,
    keys: Keys | None = None,
    streams: int = STREAMS,
) -> Flask:
    """Put the page together. `live` is started by whoever made it; without one, it follows the configured socket.

    Raises:
        ConfigError: the secrets cannot be read or made.
    """
    clock = clock or SystemClock()
    keys = keys or Keys(data_dir(config))
    if live is None:
        live = LiveMonitor(socket_path(config), clock)
        live.start()
    app = Flask(__name__)
    app.session_interface = _Sessions(keys)
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        PERMANENT_SESSION_LIFETIME=timedelta(days=config.page.session_days),
        SESSION_COOKIE_NAME="nursery",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=bool(config.page.tls_cert),
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["nursery"] = Parts(
        config,
        clock,
        live,
        keys,
        Throttle(),
        family_zone(config.nursery.time_zone),
        BoundedSemaphore(streams),
        learning.work(config, clock, live),
    )
    security.install(app)
    errors.install(app)
    app.teardown_request(tidy)
    app.context_processor(helpers)
    app.add_url_rule("/healthz", "healthz", lambda: ("ok\n", 200, {"Content-Type": "text/plain"}))
    _version_static(app)
    nightly = (auth, now, day, history, episode, insights, letter, cries)
    for topic in (*nightly, export, imports, health, settings, phones, more, api, push):
        app.register_blueprint(topic.blueprint)
    return app


def _version_static(app: Flask) -> None:
    """Give static files their content's mark, so that browsers keep them until they change."""
    marks = {
        path.name: hashlib.sha256(path.read_bytes() + __version__.encode()).hexdigest()[:8]
        for path in Path(app.static_folder or "").iterdir()
        if path.is_file()
    }

    @app.url_defaults
    def add(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and values.get("filename") in marks:
            values.setdefault("v", marks[values["filename"]])
