"""The monitor: one inbox, one consumer; detector, tracker, then every sink, of which none stops another."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from device.audio import AudioBlock
from device.clock import Clock, Instant
from device.detector import Heard
from device.episode import EpisodeTracker
from device.errors import NurseryError
from device.events import Event, Tested
from device.evidence import Thresholds
from device.faults import Faults
from device.inbox import Inbox
from device.inputs import (
    AudioLost,
    AudioRestored,
    Edit,
    Forget,
    ImportContexts,
    Score,
    SetAlerts,
    SetSensitivity,
    Tag,
    TestAlert,
    Tick,
    TrackerInput,
)
from device.mic_alarm import MicAlarm
from device.ports import Ear, History, HouseWays, Learning, NoHistory, NoLearning
from device.sinks import BrokerState, Delivered, EventSink, MonitorState, Outbox, Trouble
from device.vocabulary import Mic
from device.wishes import Wishes

log = logging.getLogger(__name__)

OVERLOAD_S = 60.0
"""The processor counts as too slow until no block has been dropped for this long."""

GAP_S = 0.25
"""Blocks further apart than this do not belong together: the detector starts anew."""

UPDATE_S = 1.0

UNEXPECTED = "Something unexpected went wrong; the log tells more."
SINK_FAILED = "The part {} failed; the log tells more."

MENDED_S = 10.0
"""A part that failed counts as mended after so long without failing again."""


class Monitor:
    """Takes everything from its inbox, in order, on one thread."""

    def __init__(
        self,
        *,
        detector: Ear,
        tracker: EpisodeTracker,
        sinks: Mapping[str, EventSink],
        clock: Clock,
        outbox: Outbox | None = None,
        history: History | None = None,
        learning: Learning | None = None,
        thresholds: Callable[[str], Thresholds] | None = None,
        today: Callable[[Instant], Mapping[str, float | int | None]] | None = None,
        alive: Callable[[Instant], None] | None = None,
        house: HouseWays | None = None,
        on_score: Callable[[Score], None] | None = None,
        listeners: Callable[[], int | None] = lambda: None,
        beat: Callable[[], None] = lambda: None,
        state: MonitorState | None = None,
    ) -> None:
        """Put the parts together; `sinks` are told in order, each under the fault code that its failing raises."""
        self._detector = detector
        self._tracker = tracker
        self._sinks = dict(sinks)
        self._clock = clock
        self._outbox = outbox
        self._wishes = Wishes(tracker, history or NoHistory(), house, thresholds)
        self._learning = learning or NoLearning()
        self._today = today
        self._alive = alive
        self._on_score = on_score
        self._listeners = listeners
        self._beat = beat
        self._faults = Faults()
        self._alarm = MicAlarm()
        self.inbox = Inbox()
        self._dropped_seen = 0
        self._dropped_at: Instant | None = None
        self._failed_at: dict[str, Instant] = {}
        self._last_end: Instant | None = None
        self._updated: Instant | None = None
        self.state = state or MonitorState(clock.now(), Mic.LOST, "Not listening yet.")

    def run(self) -> None:
        """Consume until `stop`; returns when it has."""
        while not self.inbox.closed:
            item = self.inbox.get(UPDATE_S)
            self.consume(Tick(self._clock.now()) if item is None else item)

    def stop(self) -> None:
        """Ask `run` to return; safe from any thread and signal handler."""
        self.inbox.close()

    def consume(self, item: object) -> None:
        """Take one item; no item, however broken, ends the monitor, nor does anything that it leads to."""
        self._guard("detector" if isinstance(item, AudioBlock) else "monitor", lambda: self._take(item))
        self._guard("monitor", self._notice_dropped)
        now = self._now()
        if self._updated is None or now.since(self._updated) >= UPDATE_S:
            if not isinstance(item, AudioBlock) or self.state.mic is not Mic.OK:
                self._guard("monitor", lambda: self._track(Tick(now)))
            self._guard("monitor", lambda: self._emit(self._alarm.waited(now)))
            self._guard("monitor", lambda: self._notice_mended(now))
            self._guard("monitor", lambda: self._update(now))
        self._beat()

    def _now(self) -> Instant:
        return self._clock.now()

    def _take(self, item: object) -> None:
        match item:
            case AudioBlock():
                self._hear(item)
            case AudioLost():
                self._detector.reset()
                self.state = replace(
                    self.state, mic=item.mic, mic_text=item.reason, score=0.0, voice=0.0, listening_since=None
                )
                self._track(item)
                self._emit(self._alarm.lost(item))
            case AudioRestored():
                device, since = item.device or self.state.device, self.state.listening_since or item.at
                self.state = replace(self.state, mic=Mic.OK, mic_text="", device=device, listening_since=since)
                self._track(item)
                self._emit(self._alarm.restored(item))
            case Tag() | Edit() | Forget() | ImportContexts() | SetSensitivity() | SetAlerts():
                self.state, events = self._wishes.carry_out(item, self.state)
                self._emit(events)
                self._updated = None
            case TestAlert():
                self._emit((Tested(item.at, "This is a test alert.", token=item.token),))
            case Delivered():
                if self._outbox is not None:
                    self._outbox.delivered(item.event_id)
            case BrokerState():
                self.state = replace(self.state, broker=item.connected)
                self._fault("broker_down", None if item.connected else item.reason, item.at)
            case Trouble():
                self._fault(item.code, item.text if item.standing else None, item.at)
            case _:
                self._track(item)  # type: ignore[arg-type]

    def _fault(self, code: str, text: str | None, at: Instant) -> None:
        self._emit(self._faults.raise_(code, text, at) if text else self._faults.clear(code, at))

    def _hear(self, block: AudioBlock) -> None:
        if self._last_end is not None and abs(block.start.since(self._last_end)) > GAP_S:
            self._detector.reset()
        self._last_end = end = block.end
        for heard in self._detector.feed(block):
            self._score(heard, end)

    def _score(self, heard: Heard, end: Instant) -> None:
        score = heard.score
        self.state = replace(  # once a hop, not once a block: it costs more than the block's way through the detector
            self.state,
            last_block=end,
            score=score.cry,
            voice=score.voice,
            level_dbfs=score.level_dbfs,
            noise_floor_dbfs=self._detector.noise_floor_dbfs,
        )
        if self._on_score is not None:
            self._on_score(score)
        self._learning.hear(score, heard.embedding, crying=self._tracker.crying)
        self._track(score)
        if self._alive is not None:
            self._alive(score.at)

    def _track(self, item: TrackerInput) -> None:
        events = self._tracker.handle(item)
        if events:
            self._emit(events)

    def _emit(self, events: Sequence[Event]) -> None:
        for event in events:
            event = self._completed(event)
            for code, sink in self._sinks.items():
                self._guard(code, partial(sink.handle, event), SINK_FAILED.format(code))
            log.info("%s", event.id)
        if events:
            self._updated = None

    def _completed(self, event: Event) -> Event:
        """The event with what was learned in it; one that cannot be completed is told as it is."""
        try:
            return self._learning.complete(event, self._tracker)
        except Exception:
            log.exception("no guess could be made")
            return event

    def _guard(self, code: str, do: Callable[[], None], text: str = UNEXPECTED) -> None:
        """Do something; its failing becomes a fault, with its own sentence if it has one, told to all sinks that work."""
        try:
            do()
        except Exception as error:
            if isinstance(error, NurseryError):
                text = str(error)
            else:
                log.exception("%s failed", code)
            self._failed_at[code] = self._now()
            self._emit(self._faults.raise_(code, text, self._now()))

    def _notice_mended(self, at: Instant) -> None:
        """A sink's fault is over once it has worked for a while, so that one that comes and goes is told once."""
        for code in [code for code, failed in self._failed_at.items() if at.since(failed) > MENDED_S]:
            del self._failed_at[code]
            self._emit(self._faults.clear(code, at))

    def _update(self, at: Instant) -> None:
        self.state = replace(
            self.state,
            at=at,
            crying=self._tracker.crying,
            quiet_hours=self._tracker.quiet(at),
            episode=self._tracker.episode,
            last=self._tracker.last,
            muted_until=self._tracker.muted_until,
            faults=self._faults.standing,
            ears=self._detector.ears,
            listeners=self._listeners(),
            mic_told=self._alarm.told,
        )
        self._guard("monitor", lambda: self._count_today(at))
        self._updated = at
        for code, sink in self._sinks.items():
            self._guard(code, partial(sink.update, self.state), SINK_FAILED.format(code))
        if self.state.mic is not Mic.OK and self._alive is not None:
            self._alive(at)

    def _count_today(self, at: Instant) -> None:
        if self._today is not None:
            self.state = replace(self.state, today=self._today(at))

    def _notice_dropped(self) -> None:
        now = self._now()
        if (dropped := self.inbox.dropped) > self._dropped_seen:
            count, self._dropped_seen, self._dropped_at = dropped - self._dropped_seen, dropped, now
            self._detector.reset()
            log.warning("dropped %d blocks: the processor is too slow", count)
            self._track(AudioLost(now, "The processor is too slow; some sound was not heard."))
            self._track(AudioRestored(now))
            self._fault("cpu_slow", "The processor cannot keep up; some sound was not heard.", now)
        elif self._dropped_at is not None and now.since(self._dropped_at) > OVERLOAD_S:
            self._dropped_at = None
            self._fault("cpu_slow", None, now)
