"""Who may come into the embedded broker, and what they may say there."""

from dataclasses import dataclass

MONITOR = "monitor"
"""Who may say everything; this login is made anew at each start and is accepted on the private socket alone."""

NOT_AUTHORIZED = b"\x20\x02\x00\x05"
_WRONG_VERSION = b"\x20\x02\x00\x01"
_WRONG_VERSION_5 = b"\x20\x03\x00\x84\x00"


class Rejected(Exception):
    """A client that is not let in; `answer` is what it is told."""

    def __init__(self, why: str, answer: bytes = b"") -> None:
        """Keep both."""
        super().__init__(why)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Hello:
    """A client's first packet (CONNECT), as far as the door needs it.

    `packet` is the packet without its keep-alive, which the door keeps itself.
    """

    level: int
    client_id: str
    will_topic: str
    user: str
    password: str
    keepalive_s: int
    packet: bytes


def read_hello(packet: bytes) -> Hello:
    """Read a CONNECT packet of MQTT 3.1.1 (OASIS standard, section 3.1), with its fixed header.

    Raises:
        Rejected: it is none.
    """
    if packet[0] >> 4 != 1:
        raise Rejected("what it says is not MQTT")
    at = 1
    while packet[at] & 0x80:
        at += 1
    at += 1

    def take(count: int) -> bytes:
        nonlocal at
        if at + count > len(packet):
            raise Rejected("a first packet that is cut short")
        at += count
        return packet[at - count : at]

    def field() -> bytes:
        return take(int.from_bytes(take(2), "big"))

    try:
        protocol = field()
        level, flags = take(2)
        if protocol not in (b"MQTT", b"MQIsdp"):
            raise Rejected("a first packet of another protocol")
        if level != 4:
            raise Rejected(
                f"MQTT protocol level {level}; the client must be set to MQTT 3.1.1",
                _WRONG_VERSION_5 if level > 4 else _WRONG_VERSION,
            )
        keepalive_s = int.from_bytes(take(2), "big")
        packet = packet[: at - 2] + b"\x00\x00" + packet[at:]
        client_id = field().decode()
        will_topic = ""
        if flags & 0x04:
            will_topic = field().decode()
            field()
        user = field().decode() if flags & 0x80 else ""
        password = field().decode() if flags & 0x40 else ""
    except UnicodeDecodeError as error:
        raise Rejected("a first packet that is not UTF-8") from error
    return Hello(level, client_id, will_topic, user, password, keepalive_s, packet)


def allowed(user: str, topic: str, *, publish: bool) -> bool:
    """Clients may publish commands, and what belongs to neither the monitor nor Home Assistant's discovery."""
    if topic.startswith("$"):
        return False
    if not publish or user == MONITOR:
        return True
    levels = topic.split("/")
    if levels[0] == "nursery":
        return len(levels) == 4 and levels[2] == "cmd"
    return levels[-1] != "config"


def covers(pattern: str, topic: str) -> bool:
    """True if a subscription to `pattern`, with MQTT's + and #, brings what is published on `topic`."""
    wanted, given = pattern.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, given = wanted[:-1], given[: len(wanted) - 1]
    return len(wanted) == len(given) and all(each in ("+", level) for each, level in zip(wanted, given, strict=True))
