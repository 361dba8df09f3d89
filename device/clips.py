"""Recordings around episodes, for families who turned them on: a ring in memory, short files, limits that hold."""

import importlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device.audio import RATE_HZ, AudioBlock
from device.clip_store import ClipStore, finish
from device.clock import Clock, Instant
from device.events import EpisodeEdited, EpisodeEnded, EpisodeStarted, Event
from device.settings import ClipSettings
from device.sinks import MonitorState, Trouble

log = logging.getLogger(__name__)

BEFORE_S = 2.0
"""A recording begins this long before the onset, and ends this long after the offset."""

RECOGNISED_S = 30.0
"""An onset is back-dated by less than this."""

PRUNE_S = 3600.0
WAITING_JOBS = 32


@dataclass(slots=True)
class _Wanted:
    episode_id: str
    start_s: float
    end_s: float


class Clips:
    """An EventSink that also listens to the source: `tap` puts it between the source and the inbox."""

    def __init__(self, *, settings: ClipSettings, data_dir: Path, clock: Clock, history_days: float = 0.0) -> None:
        """Take the limits; a recording is never older than the history (`history_days`, 0: kept)."""
        self._settings = settings
        self._store = ClipStore(data_dir)
        self._clock = clock
        days = settings.max_days
        self._max_age_s = 86400 * (min(days, history_days) if history_days else days)
        self._put: Callable[[object], object] = lambda item: None
        self._lock = threading.Lock()
        self._ring: deque[tuple[float, NDArray[np.int16]]] = deque()
        self._wanted: list[_Wanted] = []
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING_JOBS)
        self._thread: threading.Thread | None = None
        self._pruned: Instant | None = None
        self._failing = False

    def start(self, put: Callable[[object], object]) -> None:
        """Begin. Turned off, it only looks after recordings of an earlier time; without any it does nothing at all."""
        self._put = put
        if self._settings.keep or self._store.folder.exists():
            self._thread = threading.Thread(target=self._work, name="clips", daemon=True)
            self._thread.start()

    def tap(self, put: Callable[[object], object]) -> Callable[[object], object]:
        """Give a `put` for the source that lets this listen along; turned off, it is the one given."""
        if not self._settings.keep:
            return put

        def both(item: object) -> object:
            if isinstance(item, AudioBlock):
                self.hear(item)
            return put(item)

        return both

    def hear(self, block: AudioBlock) -> None:
        """Keep a block in the ring, and cut out a recording that is now whole."""
        samples = np.rint(np.clip(block.samples, -1.0, 1.0) * 32767).astype(np.int16)
        with self._lock:
            self._ring.append((block.start.monotonic, samples))
            oldest_s = block.end.monotonic - self._settings.max_s - BEFORE_S - RECOGNISED_S
            while self._ring and self._ring[0][0] + len(self._ring[0][1]) / RATE_HZ < oldest_s:
                self._ring.popleft()
            for wanted in [wanted for wanted in self._wanted if wanted.end_s <= block.end.monotonic]:
                self._cut(wanted)

    def handle(self, event: Event) -> None:
        """An episode begins, ends, or is deleted."""
        if isinstance(event, EpisodeEdited) and event.deleted:
            with self._lock:
                self._wanted = [wanted for wanted in self._wanted if wanted.episode_id != event.episode.id]
            self._do(lambda: self._store.delete(event.episode.id))
        elif isinstance(event, EpisodeStarted) and self._settings.keep:
            start_s = event.episode.onset.monotonic - BEFORE_S
            with self._lock:
                self._wanted.append(_Wanted(event.episode.id, start_s, start_s + self._settings.max_s))
        elif isinstance(event, EpisodeEnded):
            offset = event.episode.offset
            with self._lock:
                for wanted in [wanted for wanted in self._wanted if wanted.episode_id == event.episode.id]:
                    if offset is not None:
                        wanted.end_s = min(wanted.end_s, offset.monotonic + BEFORE_S)
                    self._cut(wanted)

    def update(self, state: MonitorState) -> None:
        """Keep the limits, once an hour."""
        if self._pruned is None or state.at.since(self._pruned) > PRUNE_S:
            self._pruned = state.at
            self._do(self._prune)

    def close(self) -> None:
        """Write what is whole, and stop."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(timeout=10)
            self._thread = None

    # ---- cutting; the lock is held ----

    def _cut(self, wanted: _Wanted) -> None:
        self._wanted.remove(wanted)
        pieces = []
        for start_s, samples in self._ring:
            first = max(0, round((wanted.start_s - start_s) * RATE_HZ))
            last = min(len(samples), round((wanted.end_s - start_s) * RATE_HZ))
            if first < last:
                pieces.append(samples[first:last])
        if pieces:
            sound = np.concatenate(pieces)
            self._do(lambda: self._write(wanted.episode_id, sound))

    # ---- the disk, on a thread of its own: a slow card delays nobody ----

    def _do(self, job: Callable[[], None]) -> None:
        if self._thread is None:
            return
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._tell("The card is too slow for recordings; some were not kept.")

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:
                log.warning("recordings: %s", error)
                self._tell(f"A recording could not be kept or deleted ({error}); check {self._store.folder}.")
            else:
                self._tell("")

    def _tell(self, text: str) -> None:
        if text or self._failing:
            self._put(Trouble(self._clock.now(), "clips", text, standing=bool(text)))
        self._failing = bool(text)

    def _write(self, episode_id: str, sound: NDArray[np.int16]) -> None:
        part, final = self._store.room(episode_id)
        # Only here: with recordings off, the library stays out of memory.
        importlib.import_module("soundfile").write(part, sound, RATE_HZ, format="FLAC", subtype="PCM_16")
        finish(part, final)
        self._prune()

    def _prune(self) -> None:
        now = self._clock.now()
        # While the clock may be wrong, no recording is called old.
        older = now.utc - self._max_age_s if now.synced else None
        self._store.prune(max_bytes=self._settings.max_mb * 1e6, older_than_utc=older)
