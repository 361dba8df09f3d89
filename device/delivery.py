"""The way of an event from the outbox to the phones: in order, once per id, with its age; old cries do not ring.

Everything here runs on the monitor's thread but the acknowledgements, which come on the network's.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import tzinfo
from functools import partial
from itertools import chain

from device.clock import Clock, Instant
from device.errors import NurseryError
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEnded,
    EpisodeEscalated,
    EpisodeResponded,
    Event,
    FaultCleared,
    FaultRaised,
    MicLost,
    MicRestored,
    Tested,
)
from device.link import Link
from device.payloads import EVENT_TYPES, event_payload
from device.sinks import Delivered, MonitorState, Outbox
from device.texts import line, untold
from device.topics import Topics, dump

log = logging.getLogger(__name__)

WINDOW = 20
"""At most so many events are under way at a time."""

REMEMBERED = 200
"""So many undelivered events are kept in memory, for the time in which the journal cannot be read."""

FRESH_S = 5.0
"""An alert younger than this rings without asking whether somebody has come meanwhile."""

FORGOTTEN_S = 5.0
"""An arrival that the outbox has not noted within this is said again: a full inbox may have lost it."""

_SILENT_FAULTS = ("broker_down", "mic_lost", "mic_silent")
"""The first cannot be told this way; the others are told as mic_lost."""


class Flight:
    """An event under way: done when the broker has acknowledged all `left` messages of it."""

    def __init__(self, event_id: str, left: int) -> None:
        """Nothing has been acknowledged."""
        self.event_id = event_id
        self.left = left


class Delivery:
    """Sends events through a link, and says on the inbox which of them have arrived."""

    def __init__(
        self,
        *,
        link: Link,
        topics: Topics,
        clock: Clock,
        outbox: Outbox | None,
        alert_max_age_s: float,
        escalate_to: tuple[str, ...],
        language: str,
        zone: tzinfo | None,
        put: Callable[[object], object],
    ) -> None:
        """Send nothing yet; without an `outbox` events live in memory alone."""
        self._link = link
        self._topics = topics
        self._clock = clock
        self._outbox = outbox
        self._alert_max_age_s = alert_max_age_s
        self._escalate_to = escalate_to
        self._language = language
        self._zone = zone
        self._put = put
        self._lock = threading.Lock()
        self._flying: dict[str, Flight] = {}
        self._arrived: dict[str, Instant] = {}
        self._mine: OrderedDict[str, Event] = OrderedDict()
        self._alarmed: set[str] = set()

    def restart(self) -> None:
        """A new connection: what was under way on the old one is sent again."""
        with self._lock:
            self._flying.clear()

    def handle(self, event: Event, state: MonitorState | None) -> None:
        """Take an event, and send what can be sent."""
        if event.event_type not in EVENT_TYPES:
            return
        self._mine[event.id] = event
        while len(self._mine) > REMEMBERED:
            self._mine.popitem(last=False)
        self.drain(state)

    def drain(self, state: MonitorState | None) -> None:
        """Send what waits, oldest first, as far as the window allows; before all the latest alert of a cry that goes on.

        An event that cannot be put into words is given up, and its error raised when the others are on their way.
        """
        if not self._link.connected:
            return
        failed: Exception | None = None
        urgent = self._urgent(state)
        for event, boot_id in chain(urgent, self._waiting()):
            with self._lock:
                if event.id in self._flying or event.id in self._arrived:
                    continue
                if len(self._flying) >= WINDOW and (event, boot_id) not in urgent:
                    break
            try:
                if not self._send(event, boot_id, state):
                    break
            except Exception as error:
                self._mine.pop(event.id, None)
                self._put(Delivered(event.id))
                failed = error
        if failed is not None:
            raise failed

    def _urgent(self, state: MonitorState | None) -> list[tuple[Event, str]]:
        """After a long outage hundreds of old events may wait: nobody shall wait behind them to hear of this cry."""
        now = state.episode if state is not None else None
        alerts = (each for each in reversed(self._mine.values()) if isinstance(each, EpisodeAlerted | EpisodeEscalated))
        latest = next((each for each in alerts if now is not None and each.episode.id == now.id), None)
        return [] if latest is None else [(latest, self._clock.boot_id)]

    def _waiting(self) -> Iterator[tuple[Event, str]]:
        """What is not yet delivered, oldest first: from the outbox, then what the outbox does not know."""
        stored = []
        limit = 5 * WINDOW
        if self._outbox is not None:
            try:
                stored = self._outbox.pending(limit)
            except NurseryError as error:
                log.warning("the outbox cannot be read, so events go out from memory: %s", error)
        known = {entry.event.id for entry in stored}
        with self._lock:
            for event_id in [event_id for event_id in self._mine if event_id in self._arrived]:
                del self._mine[event_id]
            self._arrived = {event_id: at for event_id, at in self._arrived.items() if event_id in known}
            late = [event_id for event_id, at in self._arrived.items() if self._clock.now().since(at) > FORGOTTEN_S]
            self._arrived |= dict.fromkeys(late, self._clock.now())
        for event_id in late:
            self._put(Delivered(event_id))
        for entry in stored:
            if entry.event.event_type in EVENT_TYPES:
                yield entry.event, entry.boot_id
            else:
                self._put(Delivered(entry.event.id))
        if len(stored) < limit:
            for event in [event for event_id, event in self._mine.items() if event_id not in known]:
                yield event, self._clock.boot_id

    def _send(self, event: Event, boot_id: str, state: MonitorState | None) -> bool:
        age_s = self._age_s(event, boot_id)
        messages = self._messages(event, age_s, state)
        flight = Flight(event.id, len(messages))
        with self._lock:
            self._flying[event.id] = flight
        for topic, payload in messages:
            if not self._link.send(topic, payload, acked=partial(self._acknowledged, flight)):
                with self._lock:
                    self._flying.pop(event.id, None)
                return False
        return True

    def _acknowledged(self, flight: Flight) -> None:
        with self._lock:
            flight.left -= 1
            if flight.left:
                return
            if self._flying.get(flight.event_id) is flight:
                del self._flying[flight.event_id]
            self._arrived[flight.event_id] = self._clock.now()
        self._put(Delivered(flight.event_id))

    def _age_s(self, event: Event, boot_id: str) -> float | None:
        now = self._clock.now()
        if boot_id == self._clock.boot_id:
            return max(0.0, now.since(event.at))
        return max(0.0, now.utc - event.at.utc) if now.synced and event.at.synced else None

    def _messages(self, event: Event, age_s: float | None, state: MonitorState | None) -> list[tuple[str, str]]:
        """The lines that an event is worth, then the event itself."""
        fresh = age_s is not None and age_s <= self._alert_max_age_s
        text = line(event, language=self._language, age_s=age_s or 0.0)
        told, lines = True, []
        match event:
            case EpisodeAlerted() | EpisodeEscalated():
                just_now = fresh and (age_s or 0.0) <= FRESH_S
                told = just_now or ((fresh or _latest(event, state)) and _still_wanted(event, state))
                if told and event.quiet:
                    lines = [self._topics.notice]
                elif told:
                    lines = [self._topics.alert]
                    if isinstance(event, EpisodeEscalated):
                        lines += [self._topics.alert_to(caregiver) for caregiver in self._escalate_to]
            case MicLost() | FaultRaised():
                code = event.code if isinstance(event, FaultRaised) else "mic"
                told = fresh or _standing(code, state)
                if told and code not in _SILENT_FAULTS:
                    self._alarmed.add(code)
                    lines = [self._topics.alert]
            case MicRestored() | FaultCleared():
                code = event.code if isinstance(event, FaultCleared) else "mic"
                if code in self._alarmed:
                    self._alarmed.discard(code)
                    lines = [self._topics.alert]
            case EpisodeAcknowledged() | EpisodeResponded() | EpisodeEnded() if fresh and text:
                lines = [self._topics.notice]
            case Tested() if fresh:
                lines = [self._topics.alert]
            case _:
                pass
        if not told:
            text = untold(event, language=self._language, age_s=age_s, zone=self._zone)
        payload = event_payload(event, age_s=age_s, told=told, text=text)
        return [*((topic, text) for topic in lines), (self._topics.event, dump(payload))]


def _still_wanted(event: EpisodeAlerted | EpisodeEscalated, state: MonitorState | None) -> bool:
    """An alert delayed by an outage is worth ringing for while its episode goes on and nobody has answered.

    A reminder is for those who did answer: it is worth it until somebody says anew that they are there.
    """
    if state is None:
        return True
    now = state.episode
    if now is None or now.id != event.episode.id or now.not_crying:
        return False
    if isinstance(event, EpisodeEscalated) and event.reminder:
        answered = bool(now.alerts) and now.alerts[-1].answered
        return not answered and (now.arrived is None or now.arrived.inferred or now.arrived == event.episode.arrived)
    first = isinstance(event, EpisodeAlerted)  # which no voice and no movement holds back
    there = now.arrived is not None and not (now.arrived.inferred and (first or now.arrived == event.episode.arrived))
    return now.acknowledged is None and not there


def _latest(event: EpisodeAlerted | EpisodeEscalated, state: MonitorState | None) -> bool:
    """An alert of an episode that goes on, after which none has come: however old, it is the one that tells of this cry.

    No further one may come, if there were `max_alerts` while nobody could be reached.
    """
    now = state.episode if state is not None else None
    return now is not None and now.id == event.episode.id and now.alerts == event.episode.alerts


def _standing(code: str, state: MonitorState | None) -> bool:
    if state is None:
        return False
    return state.mic != "ok" if code == "mic" else any(fault.code == code for fault in state.faults)
