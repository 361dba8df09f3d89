"""How a phone's app connects: where the broker is, the login for it, and the certificate to trust."""

import re
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, render_template, request

from web.parts import parts

blueprint = Blueprint("phones", __name__)

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.S)


@dataclass(frozen=True, slots=True)
class Broker:
    """What an app is told. `ours` is false for a broker that the house had before: its logins are not known here."""

    host: str
    port: int
    tls: bool
    ours: bool


@blueprint.get("/phones")
@blueprint.post("/phones")
def page() -> str:
    """How to connect; the broker's password only when it is asked for, so that it lies open on no screen by chance."""
    config = parts().config
    found = broker()
    return render_template(
        "phones.html",
        broker=found,
        user=parts().keys.current().mqtt_user if found.ours else "",
        password=parts().keys.current().mqtt_password if found.ours and request.method == "POST" else "",
        base=f"nursery/{config.nursery.id}",
        caregiver=next(iter(config.nursery.caregivers), "Ana"),
        trust=authority() is not None,
    )


@blueprint.get("/phones/authority.crt")
def trust() -> Response:
    """The house's authority, as phones install it."""
    found = authority()
    if found is None:
        abort(404)
    headers = {"Content-Disposition": 'attachment; filename="nursery.crt"'}
    return Response(found, mimetype="application/x-x509-ca-cert", headers=headers)


def broker() -> Broker:
    """The broker as this phone reaches it: on this device under the name that the phone used, unless it is elsewhere."""
    config = parts().config
    here = request.host.rpartition(":")[0] if re.search(r":\d+$", request.host) else request.host
    if not config.mqtt.host:
        return Broker(here, config.broker.port, bool(config.broker.tls_cert), ours=True)
    if config.mqtt.host in ("127.0.0.1", "localhost", "::1"):
        # scripts/install gives mosquitto the family's login from the credentials, and the monitor one of its own.
        return Broker(here, config.mqtt.port, config.mqtt.tls, ours=config.mqtt.user == "nursery-monitor")
    return Broker(config.mqtt.host, config.mqtt.port, config.mqtt.tls, ours=False)


def authority() -> str | None:
    """The last certificate of the page's chain, where there is a chain: the one that signs the others."""
    path = parts().config.page.tls_cert
    try:
        chain = CERTIFICATE.findall(Path(path).read_text()) if path else []
    except (OSError, ValueError):
        return None
    return chain[-1] if len(chain) > 1 else None
