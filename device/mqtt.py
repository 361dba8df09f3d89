"""The monitor on MQTT: its state as retained topics, its events, Home Assistant's discovery, and commands from phones."""

import json
import logging
import zoneinfo
from collections.abc import Callable, Mapping

from device import payloads
from device.address import Address, Received, Will
from device.clock import Clock, Instant
from device.commands import BARE_KEY, parse
from device.delivery import Delivery
from device.discovery import discovery
from device.errors import CommandError, NurseryError
from device.events import Event
from device.inputs import Command
from device.link import Link
from device.settings import AlertSettings, MqttSettings, NurserySettings
from device.sinks import BrokerState, MonitorState, Outbox
from device.topics import Topics, dump
from device.vocabulary import Source

log = logging.getLogger(__name__)

MAX_PAYLOAD = 4096
"""Bytes of a command; anything longer is refused unread."""

LEVEL_EVERY_S = 30.0
"""What moves all the time (sound level, seconds of an open episode) is told this often at most."""

_MOVING = ("level_dbfs", "noise_floor_dbfs", "crying_s", "offset_s", "coverage", "guess_p", "time_to_calm_s")

OVER_MQTT = ("acknowledge", "arrived", "need", "mute", "sensitivity", "alerts", "test")
"""Commands taken from here. History is corrected on the page alone, which wants a password of its own."""

Parse = Callable[[str, Mapping[str, object], Instant, Source], Command]


class Mqtt:
    """An `EventSink` that speaks MQTT.

    Nothing here ever waits for the broker but `close`, for two seconds at most. `address` is asked again before each
    attempt to connect. Commands become inputs on the inbox; what is wrong with one is said on the topic `reply`.
    """

    def __init__(
        self,
        *,
        address: Callable[[], Address],
        nursery: NurserySettings,
        settings: MqttSettings,
        alerts: AlertSettings,
        clock: Clock,
        outbox: Outbox | None,
        version: str,
        page_url: str = "",
        parse_command: Parse = parse,
        retry_s: tuple[float, float] = (1.0, 30.0),
    ) -> None:
        """Connect nothing yet; without an `outbox`, events that cannot be sent at once live in memory alone."""
        self._topics = Topics(nursery.id)
        self._nursery = nursery
        self._alerts = alerts
        self._clock = clock
        self._outbox = outbox
        self._parse = parse_command
        self._put: Callable[[object], object] = lambda _item: False
        self._state: MonitorState | None = None
        self._last_response_s: float | None = None
        self._said: dict[str, tuple[str, Mapping[str, object], Instant]] = {}
        self._discovery = (
            discovery(nursery, topics=self._topics, version=version, page_url=page_url) if settings.discovery else None
        )
        self._discovery_topic = f"{settings.discovery_prefix}/device/nursery_{nursery.id}/config"
        self._birth_topic = f"{settings.discovery_prefix}/status"
        self._again = True
        self._closing = False
        self._link = Link(
            address=address,
            client_id=f"nursery-monitor-{nursery.id}",
            clock=clock,
            subscribe=(self._topics.command("+"), self._topics.status, self._birth_topic),
            will=Will(self._topics.status, "offline"),
            up=self._up,
            down=self._down,
            received=self._received,
            retry_s=retry_s,
        )
        self._delivery: Delivery | None = None

    def start(self, put: Callable[[object], object]) -> None:
        """Begin to connect; `put` adds to the inbox: False says that there was no room, a `NurseryError` why not."""
        self._put = put
        zone = self._nursery.time_zone
        self._delivery = Delivery(
            link=self._link,
            topics=self._topics,
            clock=self._clock,
            outbox=self._outbox,
            alert_max_age_s=self._alerts.alert_max_age_s,
            escalate_to=self._alerts.escalate_to,
            language=self._nursery.language,
            zone=zoneinfo.ZoneInfo(zone) if zone else None,
            put=put,
        )
        self._link.start()

    # ---- on the monitor's thread ----

    def handle(self, event: Event) -> None:
        """Send an event, or leave it in the outbox until it can be sent."""
        if self._delivery is not None:
            self._delivery.handle(event, self._state)

    def update(self, state: MonitorState) -> None:
        """Say what has changed, and send what still waits in the outbox."""
        self._state = state
        if self._delivery is None or not self._link.connected:
            return
        self._delivery.drain(state)
        if self._again:
            self._again = False
            self._said.clear()
            if self._discovery is not None:
                self._link.send(self._discovery_topic, dump(self._discovery), retain=True)
        episode = state.episode or state.last
        if episode is not None and episode.time_to_response_s is not None:
            self._last_response_s = episode.time_to_response_s
        self._say(self._topics.mic, state.mic.value, {"mic": state.mic})
        self._say(self._topics.cry, "ON" if state.crying else "OFF", {"cry": state.crying})
        for topic, payload in (
            (self._topics.episode, payloads.episode_payload(episode)),
            (self._topics.today, payloads.today_payload(state, self._last_response_s)),
            (self._topics.settings, payloads.settings_payload(state)),
            (self._topics.health, payloads.health_payload(state, self._nursery.language)),
        ):
            self._say(topic, dump(payload), payloads.steady(payload, _MOVING))

    def close(self) -> None:
        """Say offline and part from the broker; calling it again does nothing."""
        self._closing = True
        self._link.close(last_words=Will(self._topics.status, "offline"))

    def _say(self, topic: str, text: str, steady: Mapping[str, object]) -> None:
        """Send a retained topic if it has changed; what only moves is sent now and then."""
        now = self._clock.now()
        before = self._said.get(topic)
        if before is not None:
            old_text, old_steady, at = before
            if text == old_text or (steady == old_steady and now.since(at) < LEVEL_EVERY_S):
                return
        if self._link.send(topic, text, retain=True):
            self._said[topic] = (text, dict(steady), now)

    # ---- on the network's thread ----

    def _up(self) -> None:
        if self._delivery is not None:
            self._delivery.restart()
        self._again = True
        self._link.send(self._topics.status, "online", retain=True)
        self._put(BrokerState(self._clock.now(), True))

    def _down(self, reason: str) -> None:
        self._put(BrokerState(self._clock.now(), False, reason))

    def _received(self, message: Received) -> None:
        if message.topic == self._topics.status:
            # the will of a connection of ours that died late must not outlive the one that now stands
            if message.payload != b"online" and not self._closing:
                self._link.send(self._topics.status, "online", retain=True)
        elif message.topic == self._birth_topic:
            if message.payload == b"online" and not message.retained:
                self._again = True
        elif message.retained:
            log.warning("ignored a retained message on %s; commands must not be retained", message.topic)
        else:
            self._command(message.topic.rsplit("/", 1)[-1], message.payload)

    def _command(self, name: str, payload: bytes) -> None:
        try:
            if name not in OVER_MQTT:
                raise CommandError(f"{name[:40]!r} is no command here; known are {', '.join(OVER_MQTT)}")
            command = self._parse(name, read_payload(name, payload), self._clock.now(), Source.MQTT)
            error = "" if self._put(command) is not False else "The monitor is too busy just now; please say it again."
        except NurseryError as problem:
            error = str(problem)
        except Exception:  # an exception here would end paho's thread, and with it every command after this one
            log.exception("could not read the command %s", name)
            error = f"{name}: this could not be understood"
        self._link.send(self._topics.reply, dump(payloads.reply_payload(name, error)))


def read_payload(name: str, payload: bytes) -> Mapping[str, object]:
    """Read a command's payload: a JSON object, or a bare word that stands for its main key, or nothing.

    Raises:
        CommandError: it is none of these.
    """
    if len(payload) > MAX_PAYLOAD:
        raise CommandError(f"{name}: a payload of {len(payload)} bytes is too long; at most {MAX_PAYLOAD} are read")
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise CommandError(f"{name}: the payload is not UTF-8 text") from None
    if not text:
        return {}
    if text.startswith(("{", "[", '"')):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise CommandError(f"{name}: {text[:40]!r} is not valid JSON") from None
        if isinstance(value, dict):
            return value
        raise CommandError(f"{name}: the JSON must be an object like {{...}}, or write a bare word")
    return {BARE_KEY[name]: text}
