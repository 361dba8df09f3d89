"""Where a broker is, and sentences about why it cannot be reached."""

import socket
import ssl
from dataclasses import dataclass, field

from device.settings import MqttSettings


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is and how to log in; `socket` is the path of a Unix socket, used instead of host and port."""

    host: str = "127.0.0.1"
    port: int = 1883
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: str = ""
    socket: str = ""

    def __str__(self) -> str:
        """The place, as a person would say it."""
        return "the built-in broker" if self.socket else f"the broker at {self.host}:{self.port}"

    def __format__(self, spec: str) -> str:
        """As `str`; with the format `S` it can begin a sentence."""
        place = str(self)
        return place[0].upper() + place[1:] if spec == "S" else place


def address_of(settings: MqttSettings) -> Address:
    """The house's own broker, as the settings name it; this machine if they name no host."""
    return Address(
        settings.host or "127.0.0.1",
        settings.port,
        settings.user,
        settings.password,
        settings.tls,
        settings.ca_file,
    )


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker; `retained` if it is an old one that the broker had kept."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker is to say, retained, if we vanish."""

    topic: str
    payload: str


def refused(code: str, address: Address) -> str:
    """A sentence about a broker that answered no; `code` is its answer in words."""
    if code in ("Not authorized", "Bad user name or password"):
        return (
            f"{address:S} refused the login {address.user!r}; check mqtt.user and mqtt.password."
            if address.user
            else f"{address:S} wants a login; set mqtt.user and mqtt.password."
        )
    return f"{address:S} refused the connection ({code})."


def unreachable(error: Exception, address: Address) -> str:
    """A sentence about a connection that could not be made at all."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {address} is not trusted ({error.verify_message}); set mqtt.ca_file to its authority."
    if isinstance(error, ssl.SSLError):
        return f"{address:S} does not speak TLS as expected ({error.reason}); check mqtt.port and mqtt.tls."
    if isinstance(error, socket.gaierror):
        return f"The name {address.host!r} cannot be found; check mqtt.host."
    if isinstance(error, FileNotFoundError) and not address.socket:
        return f"mqtt.ca_file = {address.ca_file!r} cannot be read; give the path of a certificate."
    if isinstance(error, TimeoutError):
        return f"{address:S} does not answer; is it on, and in this network?"
    return f"{address:S} cannot be reached ({error.strerror or error if isinstance(error, OSError) else error})."
