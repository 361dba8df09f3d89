"""The button On my way of a push message: a phone that has no login, but a secret in the button's address."""

import hmac
import math

from flask import Blueprint, abort, request

from device.credentials import push_key
from web.parts import parts
from web.throttle import sender_of

blueprint = Blueprint("push", __name__)


@blueprint.post("/push/<key>/acknowledge")
def acknowledge(key: str) -> tuple[str, int, dict[str, str]]:
    """Say on my way. A wrong secret counts as a wrong password of its sender."""
    keys, throttle = parts().keys, parts().throttle
    sender = sender_of(request.remote_addr or "")
    wait = throttle.wait_s(sender, known=False, at_s=parts().clock.now().monotonic)
    if wait > 0:
        return "Too many tries.\n", 429, {"Retry-After": str(math.ceil(wait)), "Content-Type": "text/plain"}
    if not hmac.compare_digest(key.encode(), push_key(keys.current()).encode()):
        abort(404)
    throttle.succeeded(sender, known=False)
    parts().live.send("acknowledge", {}, source="push")
    return "ok\n", 200, {"Content-Type": "text/plain"}
