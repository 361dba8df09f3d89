"""Alerts by HTTP POST in the manner of ntfy, for phones that cannot hold MQTT in the background. Off unless a URL is set.

A thread of its own sends them, so that a slow server never holds up the monitor. What could not be sent within
`alert_max_age_s` is given up: an old cry does not ring.
"""

import http.client
import json
import logging
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.header import Header
from urllib.parse import urlsplit

from device.clock import Clock, Instant
from device.errors import ConfigError
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEnded,
    EpisodeEscalated,
    EpisodeEvent,
    EpisodeResponded,
    Event,
    FaultCleared,
    FaultRaised,
    MicLost,
    MicRestored,
    Tested,
)
from device.settings import AlertSettings, NurserySettings, PushSettings
from device.sinks import MonitorState, Trouble
from device.texts import acknowledge_label, line

log = logging.getLogger(__name__)

WAITING = 32
"""At most so many messages wait; then the oldest is given up."""

TIMEOUT_S = 10.0

URGENT, HIGH, NORMAL, LOW = 5, 4, 3, 2
"""ntfy's priorities: urgent rings on until somebody looks; low makes no sound."""

_OWN_FAULTS = ("push", "mic_lost", "mic_silent")


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way, and how loud it is."""

    event: Event
    priority: int


class Push:
    """An `EventSink` that posts alerts to `settings.url`.

    With `settings.acknowledge_url` an alert carries a button that posts to `<acknowledge_url>/push/<key>/acknowledge`,
    a path of the page that needs no login but the secret `acknowledge_key`. `retry_s` is the first wait after a failure;
    it doubles each time.
    """

    def __init__(
        self,
        *,
        settings: PushSettings,
        nursery: NurserySettings,
        alerts: AlertSettings,
        clock: Clock,
        acknowledge_key: str = "",
        retry_s: float = 2.0,
    ) -> None:
        """Send nothing yet.

        Raises:
            ConfigError: the URL is not one of http or https.
        """
        if settings.url and urlsplit(settings.url).scheme not in ("http", "https"):
            raise ConfigError(["push.url must begin with https:// (or http:// in the house's own network)"])
        self._settings = settings
        self._nursery = nursery
        self._max_age_s = alerts.alert_max_age_s
        self._clock = clock
        self._key = acknowledge_key
        self._retry_s = retry_s
        self._put: Callable[[object], object] = lambda _item: False
        self._queue: queue.Queue[Message | None] = queue.Queue(WAITING)
        self._answered: tuple[str, Instant] | None = None  # the episode last answered, or said to be none, and when
        self._raised: set[str] = set()
        self._failing = False
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, put: Callable[[object], object]) -> None:
        """Begin, if a URL is set; `put` takes word of a server that does not take messages."""
        self._put = put
        if self._settings.url:
            self._thread = threading.Thread(target=self._run, name="push", daemon=True)
            self._thread.start()

    def handle(self, event: Event) -> None:
        """Queue what is worth a push."""
        answer = isinstance(event, EpisodeAcknowledged | EpisodeResponded | EpisodeEnded)
        if isinstance(event, EpisodeEvent) and (answer or event.episode.false_alarm):
            self._answered = event.episode.id, event.at
        priority = self._priority(event)
        if priority is None or self._thread is None:
            return
        while True:
            try:
                self._queue.put_nowait(Message(event, priority))
                return
            except queue.Full:
                try:
                    self._queue.get_nowait()
                    log.warning("a push message was given up: too many are waiting")
                except queue.Empty:
                    continue

    def update(self, state: MonitorState) -> None:
        """Nothing: only events are pushed."""

    def close(self) -> None:
        """Stop; what waits is given up. Calling it again does nothing."""
        self._closing.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            log.debug("the thread is awake anyway")
        if self._thread is not None:
            self._thread.join(TIMEOUT_S + 1.0)

    def _priority(self, event: Event) -> int | None:
        match event:
            case EpisodeAlerted() | EpisodeEscalated():
                return LOW if event.quiet else URGENT
            case MicLost():
                self._raised.add("mic")
                return HIGH
            case FaultRaised() if event.code not in _OWN_FAULTS:
                self._raised.add(event.code)
                return HIGH
            case MicRestored() | FaultCleared():
                code = event.code if isinstance(event, FaultCleared) else "mic"
                told = code in self._raised
                self._raised.discard(code)
                return NORMAL if told else None
            case EpisodeAcknowledged():
                return LOW
            case Tested():
                return NORMAL
            case _:
                return None

    def _run(self) -> None:
        while not self._closing.is_set():
            message = self._queue.get()
            if message is not None:
                self._deliver(message)

    def _deliver(self, message: Message) -> None:
        event, wait_s = message.event, self._retry_s
        while not self._closing.is_set():
            age_s = max(0.0, self._clock.now().since(event.at))
            if age_s > self._max_age_s or self._overtaken(event):
                log.info("a push message was not worth sending any more: %s", event.id)
                return
            try:
                self._post(message, age_s)
            except (OSError, http.client.HTTPException, ValueError) as error:
                again, why = _failure(error)
                if not self._failing:
                    self._failing = True
                    self._put(Trouble(self._clock.now(), "push", why))
                if not again:
                    return
                self._closing.wait(wait_s)
                wait_s *= 2
            else:
                if self._failing:
                    self._failing = False
                    self._put(Trouble(self._clock.now(), "push", standing=False))
                return

    def _overtaken(self, event: Event) -> bool:
        """True for an alert that was answered after it was raised; a reminder comes after the answer, and rings."""
        if self._answered is None or not isinstance(event, EpisodeAlerted | EpisodeEscalated):
            return False
        episode_id, at = self._answered
        return event.episode.id == episode_id and at.since(event.at) >= 0

    def _post(self, message: Message, age_s: float) -> None:
        event, language = message.event, self._nursery.language
        headers = {
            "Title": Header(self._nursery.name, "utf-8").encode()
            if not self._nursery.name.isascii()
            else self._nursery.name,
            "Priority": str(message.priority),
            "Tags": "baby" if isinstance(event, EpisodeEvent) else "wrench",
            "Content-Type": "text/plain; charset=utf-8",
        }
        if self._settings.token:
            headers["Authorization"] = f"Bearer {self._settings.token}"
        if self._settings.acknowledge_url and self._key and isinstance(event, EpisodeAlerted | EpisodeEscalated):
            page = self._settings.acknowledge_url.rstrip("/")
            action = {
                "action": "http",
                "label": acknowledge_label(language),
                "url": f"{page}/push/{self._key}/acknowledge",
                "method": "POST",
                "clear": True,
            }
            headers["Actions"] = json.dumps([action])
        body = line(event, language=language, age_s=age_s).encode()
        request = urllib.request.Request(self._settings.url, data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            answer.read(1)


def _failure(error: Exception) -> tuple[bool, str]:
    """Is it worth trying again, and what to say; the address is a secret, so it is not in the sentence."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code in (401, 403):
            return False, f"The push server refused the message ({error.code}); check push.url and push.token."
        return (
            error.code == 429 or error.code >= 500,
            f"The push server did not take the message ({error.code} {error.reason}); check push.url.",
        )
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return True, f"The push server cannot be reached ({reason}); check the network and push.url."
