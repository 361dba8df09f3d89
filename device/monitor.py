"""The monitor: one bounded inbox, one consumer; detector, tracker, then every sink, of which none stops another."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from device.audio import AudioBlock
from device.clock import Clock, Instant
from device.detector import Heard
from device.episode import EpisodeTracker
from device.errors import NurseryError
from device.events import Event, MicLost, MicRestored, Tested
from device.evidence import Thresholds
from device.faults import Faults
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
from device.ports import Ear, History, HouseWays, Learning, NoHistory, NoLearning
from device.sinks import BrokerState, Delivered, EventSink, MonitorState, Outbox, Trouble
from device.vocabulary import Mic

log = logging.getLogger(__name__)

INBOX_BLOCKS = 256
"""Blocks that may wait: at 0.1 s each, 25 s of sound (1.6 MB)."""

INBOX_EXTRA = 256
"""Room kept for everything that is not audio, so that sound never pushes out somebody's answer."""

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
        state: MonitorState | None = None,
    ) -> None:
        """Put the parts together; `sinks` are told in order, each under the fault code that its failing raises."""
        self._detector = detector
        self._tracker = tracker
        self._sinks = dict(sinks)
        self._clock = clock
        self._outbox = outbox
        self._history = history or NoHistory()
        self._learning = learning or NoLearning()
        self._thresholds = thresholds
        self._today = today
        self._alive = alive
        self._house = house
        self._on_score = on_score
        self._faults = Faults()
        self._inbox: queue.Queue[object] = queue.Queue(INBOX_BLOCKS + INBOX_EXTRA)
        self._stopping = threading.Event()
        self._dropped = 0
        self._dropped_seen = 0
        self._dropped_at: Instant | None = None
        self._failed_at: dict[str, Instant] = {}
        self._told: Mic | None = None
        self._last_end: Instant | None = None
        self._updated: Instant | None = None
        self.state = state or MonitorState(clock.now(), Mic.LOST, "Not listening yet.")

    # ---- the inbox, from any thread ----

    def put(self, item: object) -> bool:
        """Add to the inbox at once; False if there is no room (a block dropped is counted, and becomes AudioLost)."""
        try:
            if isinstance(item, AudioBlock) and self._inbox.qsize() >= INBOX_BLOCKS:
                raise queue.Full
            self._inbox.put_nowait(item)
            return True
        except queue.Full:
            self._dropped += isinstance(item, AudioBlock)
            return False

    def put_wait(self, item: object) -> None:
        """Add to the inbox, waiting for room: for a recording, of which nothing may be dropped."""
        while not self._stopping.is_set():
            try:
                self._inbox.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    # ---- the consumer ----

    def run(self) -> None:
        """Consume until `stop`; returns when it has."""
        while not self._stopping.is_set():
            try:
                item = self._inbox.get(timeout=UPDATE_S)
            except queue.Empty:
                item = Tick(self._clock.now())
            self.consume(item)

    def stop(self) -> None:
        """Ask `run` to return; safe from any thread and signal handler."""
        self._stopping.set()
        self.put(Tick(self._clock.now()))

    def consume(self, item: object) -> None:
        """Take one item; no item, however broken, ends the monitor, nor does anything that it leads to."""
        self._guard("detector" if isinstance(item, AudioBlock) else "monitor", lambda: self._take(item))
        self._guard("monitor", self._notice_dropped)
        now = self._now()
        if self._updated is None or now.since(self._updated) >= UPDATE_S:
            if not isinstance(item, AudioBlock) or self.state.mic is not Mic.OK:
                self._guard("monitor", lambda: self._track(Tick(now)))
            self._guard("monitor", lambda: self._notice_mended(now))
            self._guard("monitor", lambda: self._update(now))

    def _now(self) -> Instant:
        return self._clock.now()

    def _take(self, item: object) -> None:
        match item:
            case AudioBlock():
                self._hear(item)
            case AudioLost():
                self._detector.reset()
                changed = self._told is not item.mic
                self._told = item.mic
                self.state = replace(
                    self.state, mic=item.mic, mic_text=item.reason, score=0.0, voice=0.0, listening_since=None
                )
                self._track(item)
                if changed:
                    self._emit((MicLost(item.at, item.reason, mic=item.mic),))
            case AudioRestored():
                changed = self._told not in (None, Mic.OK)
                self._told = Mic.OK
                device, since = item.device or self.state.device, self.state.listening_since or item.at
                self.state = replace(self.state, mic=Mic.OK, mic_text="", device=device, listening_since=since)
                self._track(item)
                if changed:
                    self._emit((MicRestored(item.at, item.device),))
            case Tag() if not self._known(item):
                self._tag_old(item)
            case Edit():
                self._edit(item)
            case ImportContexts():
                self._history.import_contexts(item.contexts)
            case Forget():
                self._forget(item)
            case SetSensitivity():
                self._set_sensitivity(item)
            case SetAlerts():
                self._set_alerts(item)
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
        if self._dropped > self._dropped_seen:
            count, self._dropped_seen, self._dropped_at = self._dropped - self._dropped_seen, self._dropped, now
            self._detector.reset()
            log.warning("dropped %d blocks: the processor is too slow", count)
            self._track(AudioLost(now, "The processor is too slow; some sound was not heard."))
            self._track(AudioRestored(now))
            self._fault("cpu_slow", "The processor cannot keep up; some sound was not heard.", now)
        elif self._dropped_at is not None and now.since(self._dropped_at) > OVERLOAD_S:
            self._dropped_at = None
            self._fault("cpu_slow", None, now)

    # ---- people ----

    def _known(self, tag: Tag) -> bool:
        episodes = (self._tracker.episode, self._tracker.last)
        return tag.episode_id is None or any(e is not None and e.id == tag.episode_id for e in episodes)

    def _tag_old(self, tag: Tag) -> None:
        tagged = self._history.tag(tag)
        if tagged is not None:
            self._emit((tagged,))

    def _edit(self, edit: Edit) -> None:
        edited = self._history.apply(edit)
        if edited is None:
            return
        if edited.deleted and self._tracker.last is not None and edited.episode.id == self._tracker.last.id:
            self._tracker.remember(None)
        else:
            self._tracker.adopt(edited.episode)
        self._emit((edited,))

    def _forget(self, wish: Forget) -> None:
        forgotten = self._history.forget(wish)
        if forgotten is not None:
            self._emit((forgotten,))

    def _set_sensitivity(self, wish: SetSensitivity) -> None:
        if self._thresholds is not None:
            self._tracker.set_thresholds(self._thresholds(wish.sensitivity))
        if self._house is not None:
            self._house.keep({"detector.sensitivity": wish.sensitivity})
        self.state = replace(self.state, sensitivity=wish.sensitivity)
        self._updated = None

    def _set_alerts(self, wish: SetAlerts) -> None:
        if self._house is None:
            return
        wishes = {"alerts.alert_after_s": wish.alert_after_s, "alerts.quiet_hours": wish.quiet_hours}
        alerts, quiet = self._house.alerts({name: value for name, value in wishes.items() if value is not None})
        self._tracker.set_alerts(alerts, quiet)
        self.state = replace(self.state, alert_after_s=alerts.alert_after_s, quiet_between=alerts.quiet_hours)
        self._updated = None
