"""What guards every request: the house's own network alone, a login, a token on every change, and strict headers."""

import hmac
import secrets
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, request, session, url_for
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as BaseResponse

from web.parts import parts

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "media-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

OPEN = {"auth.login", "auth.api_login", "healthz", "static", "api.openapi", "push.acknowledge"}
"""Endpoints that answer before login."""

LIVE = {"now.live", "now.once"}
"""Endpoints that scripts ask: they are told that there is no login, not led to it."""

_HOUSE = [
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
]


def in_house(address: str) -> bool:
    """True for a private, loopback or link-local address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        return in_house(str(ip.ipv4_mapped))
    return any(ip in network for network in _HOUSE)


def inside(address: str) -> str:
    """The address, if it leads to this page and nowhere else."""
    split = urlsplit(address)
    if split.scheme or split.netloc or not address.startswith("/") or address.startswith(("//", "/\\")):
        return ""
    if any(ord(c) < 32 for c in address):
        abort(400)
    return address


def token() -> str:
    """This session's token, which every change must carry."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return str(session["csrf"])


def logged_in() -> bool:
    """True if this request's cookie was made after the right password."""
    return bool(session.get("family"))


def guard() -> BaseResponse | None:
    """Refuse what must not pass; runs before every view."""
    if parts().config.page.lan_only and not in_house(request.remote_addr or ""):
        abort(403)
    if isinstance(request.routing_exception, MethodNotAllowed):
        return None  # that this program has such an address is no secret of the house
    if not (request.endpoint in OPEN or logged_in()):
        if request.path.startswith("/api/") or request.method != "GET" or request.endpoint in LIVE:
            abort(401)
        return redirect(url_for("auth.login", next=request.full_path.rstrip("?")))
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
        expected = session.get("csrf", "")
        # these have no session: the one takes JSON alone, which no form can send; the other has a secret in its address
        first = request.endpoint in ("auth.api_login", "push.acknowledge")
        if not first and not (expected and hmac.compare_digest(str(sent).encode(), str(expected).encode())):
            abort(400, "token")
    return None


def headers(response: Response) -> Response:
    """Add the headers that every answer carries."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if "v" in request.args else "no-cache"
    else:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Vary"] = "Cookie, Accept-Language"
    return response


def install(app: Flask) -> None:
    """Set guard and headers on the application."""
    app.before_request(guard)
    app.after_request(headers)
