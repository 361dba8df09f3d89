"""Alerts by HTTP POST in the manner of ntfy, for phones that cannot hold MQTT in the background. Off unless a URL is set.

A thread of its own sends them, so that a slow server never holds up the monitor. What could not be sent within
`alert_max_age_s` is given up: an old cry does not ring. Only a fault that stands is told however late, and that it is over
if it was told.
"""

import http.client
import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
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
from device.push_queue import Message, PushQueue
from device.settings import AlertSettings, NurserySettings, PushSettings
from device.sinks import MonitorState, Trouble
from device.texts import acknowledge_label, line

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0

LONGEST_WAIT_S = 10.0
"""A server that is back is found within this, while the alert is still worth something."""

CLOSE_S = 2.0
"""A post that hangs is left behind: systemd gives the whole stop 10 s, and the history has to be closed in them."""

URGENT, HIGH, NORMAL, LOW = 5, 4, 3, 2
"""ntfy's priorities: urgent rings on until somebody looks; low makes no sound."""

_OWN_FAULTS = ("push", "mic_lost", "mic_silent")


class Push:
    """An `EventSink` that posts alerts to `settings.url`.

    With `settings.acknowledge_url` an alert carries a button that posts to `<acknowledge_url>/push/<key>/acknowledge`,
    a path of the page that needs no login but the secret `acknowledge_key`. `retry_s` is the first wait after a failure;
    it doubles each time, up to `longest_wait_s`.
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
        longest_wait_s: float = LONGEST_WAIT_S,
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
        self._longest_wait_s = longest_wait_s
        self._put: Callable[[object], object] = lambda _item: False
        self._queue = PushQueue()
        self._answered: tuple[str, Instant] | None = None  # the episode last answered, or said to be none, and when
        self._told: set[str] = set()  # faults that were posted, and whose end is therefore worth a word
        self._failing = False
        self._thread: threading.Thread | None = None

    def start(self, put: Callable[[object], object]) -> None:
        """Begin, if a URL is set; `put` takes word of a server that does not take messages."""
        self._put = put
        if self._settings.url:
            self._thread = threading.Thread(target=self._run, name="push", daemon=True)
            self._thread.start()

    def handle(self, event: Event) -> None:
        """Queue what is worth a push."""
        answer = isinstance(event, EpisodeAcknowledged | EpisodeEnded) or _there(event)
        if isinstance(event, EpisodeEvent) and (answer or event.episode.false_alarm):
            self._answered = event.episode.id, event.at
        message = _message(event)
        if message is None or self._thread is None:
            return
        given_up = self._queue.put(message)
        if given_up is not None:
            log.warning("a push message was given up, since too many are waiting: %s", given_up.event.id)

    def update(self, state: MonitorState) -> None:
        """Nothing: only events are pushed."""

    def close(self) -> None:
        """Stop; what waits is given up. Calling it again does nothing."""
        self._queue.close()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    # ---- on the sender's thread ----

    def _run(self) -> None:
        tried, wait_s = None, 0.0
        while (message := self._queue.first()) is not None:
            age_s = max(0.0, self._clock.now().since(message.event.at))
            if not self._wanted(message, age_s):
                log.info("a push message was not worth sending any more: %s", message.event.id)
            elif not self._sent(message, age_s):
                wait_s = min(2 * wait_s, self._longest_wait_s) if message is tried else self._retry_s
                tried = message
                self._queue.rest(wait_s, message)
                continue
            self._queue.done(message)

    def _wanted(self, message: Message, age_s: float) -> bool:
        if message.about:  # a fault that no longer stands has given way to its end
            return isinstance(message.event, MicLost | FaultRaised) or message.about in self._told
        return age_s <= self._max_age_s and not self._overtaken(message.event)

    def _sent(self, message: Message, age_s: float) -> bool:
        """True if there is no more to do: the server has taken the message, or will never."""
        try:
            self._post(message, age_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            again, why = _failure(error)
            if not self._failing:
                self._failing = True
                self._put(Trouble(self._clock.now(), "push", why))
            return not again
        if self._failing:
            self._failing = False
            self._put(Trouble(self._clock.now(), "push", standing=False))
        if isinstance(message.event, MicLost | FaultRaised):
            self._told.add(message.about)
        else:
            self._told.discard(message.about)
        return True

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


def _there(event: Event) -> bool:
    """True if somebody said that they are there; a voice or a movement holds back no alert."""
    arrived = event.episode.arrived if isinstance(event, EpisodeResponded) else None
    return arrived is not None and not arrived.inferred


def _message(event: Event) -> Message | None:
    """How loud an event is and what it is about; None if it is not worth a push."""
    match event:
        case EpisodeAlerted() | EpisodeEscalated():
            return Message(event, LOW if event.quiet else URGENT)
        case EpisodeAcknowledged():
            return Message(event, LOW)
        case MicLost():
            return Message(event, HIGH, "mic")
        case MicRestored():
            return Message(event, NORMAL, "mic")
        case FaultRaised() if event.code not in _OWN_FAULTS:
            return Message(event, HIGH, event.code)
        case FaultCleared() if event.code not in _OWN_FAULTS:
            return Message(event, NORMAL, event.code)
        case Tested():
            return Message(event, NORMAL)
        case _:
            return None


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
