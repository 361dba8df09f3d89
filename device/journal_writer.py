"""Writing the history: the monitor's sink, its outbox, and what it asks of the past."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from device.clock import Clock, Instant
from device.corrections import apply_tag, interrupted
from device.errors import JournalError
from device.events import EpisodeEdited, EpisodeEnded, EpisodeTagged, Event, Forgotten
from device.inputs import Context, Edit, Forget, Tag
from device.journal_backlog import Backlog
from device.journal_coverage import CoverageLog, read_coverage
from device.journal_disk import Disk, Result
from device.journal_edits import carry_out, stored
from device.journal_forget import carry_out as begin_anew
from device.journal_rows import LIGHT, WHOLE, light, put_contexts, whole
from device.journal_schema import check, explain, open_reader, transaction
from device.journal_shapes import EpisodeRow, Span
from device.journal_store import correct, purge
from device.record import Episode
from device.settings import AlertSettings, StorageSettings
from device.sinks import MonitorState, StoredEvent

PURGE_FIRST_S = 3600.0
"""No history is forgotten before the monitor has run for so long with a clock that is right."""

PURGE_EVERY_S = 86_400.0

Read = TypeVar("Read")

_log = logging.getLogger(__name__)


class JournalWriter:
    """The one writer: an `EventSink`, the `Outbox` and the monitor's `History`; all calls come on the monitor's thread.

    What cannot be written stays in memory in order, up to `backlog` events, and is written when the disk works again;
    until then `handle`, `update` and `delivered` raise a `JournalError` whose sentence says what is wrong. A damaged file
    is moved aside, a new one begins with all that could be saved, and the probe `history_damaged` says so.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        storage: StorageSettings | None = None,
        alerts: AlertSettings | None = None,
        device_id: str = "",
        demo: bool = False,
        backlog: int = 10_000,
    ) -> None:
        """Keep the history in `path`; nothing is opened before `start`. `alerts` tell how a corrected outcome is judged."""
        self._path = path
        self._clock = clock
        self._storage = storage or StorageSettings()
        self._alerts = alerts or AlertSettings()
        self._backlog = Backlog(backlog, clock.boot_id)
        self._coverage = CoverageLog(self._storage.coverage_mark_s, clock.boot_id)
        about = {"device_id": device_id, "demo": "1" if demo else "0"}
        self._disk = Disk(path, clock, about, on_new=self._coverage.renumber)
        self._offset: float | None = None
        self._synced = False
        self._purge_at: float | None = None
        self._unreadable: set[str] = set()
        self._closed = False
        self.revision = 0
        """Counts up whenever an episode may have changed, so that a caller can keep what it has worked out."""

    # ---- the sink ----

    def start(self) -> None:
        """Open the file, bring it up to date, note the boot. A disk that fails is logged here and told by `update`."""
        try:
            self._flush(mark=False)
        except JournalError as error:
            _log.error("%s", error)

    def handle(self, event: Event) -> None:
        """Store an event, and its episode's present state with it, in one transaction; the same event again is harmless."""
        self.revision += 1
        self._backlog.add(event)
        self._flush(mark=True)

    def update(self, state: MonitorState) -> None:
        """Keep coverage: written on a change, at each mark, and with any event; once a day, look after the file."""
        at = state.at
        if at.synced and not self._synced:
            self._synced, self._offset = True, at.utc - at.monotonic
        due = self._coverage.observe(state)
        if due or self._backlog.waiting or self._disk.error or self._offset is not None or self._coverage.waiting:
            self._flush(mark=True)
        self._forget(state)

    def close(self) -> None:
        """Note the orderly stop and close the file; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._coverage.stop()
        self._disk.error = None
        try:
            self._flush(mark=True)
        except JournalError as error:
            _log.error("%s %d events are lost.", error, len(self._backlog.events))
        self._disk.close()

    @property
    def probes(self) -> Mapping[str, Callable[[], str | None]]:
        """Faults that stand although writing works, by code, for the health thread: a slow card, a salvaged history."""
        return {"disk_slow": self._disk.slow, "history_damaged": lambda: self._disk.damaged}

    # ---- the outbox ----

    def pending(self, limit: int = 100) -> list[StoredEvent]:
        """The oldest events that the broker has not acknowledged, in order; also those that still wait for the disk."""
        try:
            if self._disk.db is not None:
                return self._backlog.pending(self._disk.db, limit)
            with closing(open_reader(self._path)) as db:
                return self._backlog.pending(db, limit)
        except sqlite3.Error as error:
            _log.warning("%s", explain(error, self._path))
            return self._backlog.pending(None, limit)

    def delivered(self, event_id: str) -> None:
        """Take an event out of the outbox; unknown ids do no harm."""
        self._backlog.deliver(event_id, self._clock.now().utc)
        self._flush(mark=False)

    # ---- the history ----

    def tag(self, tag: Tag) -> EpisodeTagged | None:
        """Give the stored episode with the tag in it, to be handled as an event; None if there is no such episode."""
        if tag.episode_id is None:
            return None
        before = self._disk.run(lambda db: stored(db, tag.episode_id or ""))
        return None if before is None else EpisodeTagged(tag.at, apply_tag(before, tag))

    def apply(self, edit: Edit) -> EpisodeEdited | None:
        """Carry out a correction: episode, log and event in one transaction; None if it changes nothing.

        JournalError if it cannot be written: then nothing is changed.
        """
        self.revision += 1
        return self._change(lambda db: carry_out(db, edit, self._alerts, self._clock.boot_id))

    def forget(self, wish: Forget) -> Forgotten | None:
        """Begin to learn anew, or take that back: a mark and its event in one transaction; None if nothing changes.

        JournalError as `apply`.
        """
        return self._change(lambda db: begin_anew(db, wish, self._clock.boot_id))

    def import_contexts(self, contexts: Iterable[Context]) -> int:
        """Store a diary's entries (`read_diary`); how many were new: the same again adds none. JournalError: as `apply`."""
        wanted = list(contexts)
        return self._change(lambda db: put_contexts(db, wanted))

    def store_embedding(self, episode_id: str, model_version: str, vector: Iterable[float]) -> None:
        """Keep what the detector heard of an episode, as float32; it goes with its episode."""
        self._backlog.embed(episode_id, model_version, vector)
        self._flush(mark=False)

    def recent(self, since_utc: float) -> list[EpisodeRow]:
        """Episodes that began at `since_utc` or later, oldest first, for today's counts. JournalError if the disk fails."""
        sql = f"SELECT {LIGHT}, data FROM episode WHERE deleted_utc IS NULL AND onset_utc >= ? ORDER BY onset_utc"
        return self._disk.run(lambda db: list(self._readable(db.execute(sql, (since_utc,)), light)))

    def coverage(self, since_utc: float, now_utc: float) -> list[Span]:
        """Spans of [since, now), as the reader gives them while the monitor lives. JournalError if the disk fails."""
        return self._disk.run(lambda db: read_coverage(db, since_utc, now_utc, now_utc))

    def resume(self) -> Episode | None:
        """The episode that was left open, if any; its `boot_id` tells whether its monotonic time still counts."""
        found = self._ended(False, 1)
        return found[0] if found else None

    def last(self) -> Episode | None:
        """The latest episode that has ended, so that it can still be tagged after a restart."""
        found = self._ended(True, 1)
        return found[0] if found else None

    def close_open(self, at: Instant, *, keep: str | None = None) -> tuple[EpisodeEnded, ...]:
        """End every episode left open, but `keep`, at its last known crying; the events are stored, and given to be told.

        An episode counts as answered if somebody had responded, else as interrupted.
        """
        left = [episode for episode in self._ended(False, None) if episode.id != keep]
        ended = tuple(EpisodeEnded(at.plus(n * 0.001), interrupted(episode)) for n, episode in enumerate(reversed(left)))
        for event in ended:
            self.handle(event)
        return ended

    # ---- inside ----

    def _flush(self, *, mark: bool) -> None:
        """Write all that waits in one transaction; `mark` writes how far it has been listening too."""
        numbers = self._disk.run(lambda db: self._write(db, mark=mark))
        if numbers is not None:
            self._coverage.written(numbers)
            self._offset = None
        self._backlog.written()

    def _write(self, db: sqlite3.Connection, *, mark: bool) -> list[int] | None:
        if not mark and not self._backlog.waiting:
            return None
        with transaction(db):
            self._backlog.write(db)
            if not mark:
                return None
            if self._offset is not None:
                correct(db, self._clock.boot_id, self._offset)
            return self._coverage.write(db)

    def _change(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """A person's change comes after everything that waits, in a transaction of its own."""
        self._flush(mark=False)

        def run(db: sqlite3.Connection) -> Result:
            with transaction(db):
                return change(db)

        return self._disk.run(run)

    def _ended(self, ended: bool, limit: int | None) -> list[Episode]:
        """The latest episodes that have ended, or not; none while the disk fails."""
        sql = (
            f"SELECT id, {WHOLE} FROM episode WHERE outcome IS {'NOT ' if ended else ''}NULL AND deleted_utc IS NULL "
            "ORDER BY onset_utc DESC"
        )

        def latest(db: sqlite3.Connection) -> list[Episode]:
            return list(islice(self._readable(db.execute(sql), lambda row: whole(*row[1:])), limit))

        try:
            return self._disk.run(latest)
        except JournalError:
            return []

    def _readable(self, rows: Iterable[tuple[Any, ...]], read: Callable[[tuple[Any, ...]], Read]) -> Iterator[Read]:
        """Read rows that begin with the episode's id; one that a rotting card has spoilt is left out, and logged once."""
        for row in rows:
            try:
                yield read(row)
            except ValueError as error:
                if row[0] not in self._unreadable:
                    self._unreadable.add(row[0])
                    _log.error("the episode %r in the history cannot be read, so it is left out: %s", row[0], error)

    def _look_after(self, db: sqlite3.Connection, utc: float) -> bool:
        """Forget what is old, and see whether the rest is sound: a card may rot where nobody has looked for long."""
        more = purge(db, utc, self._storage.history_days)
        if not more:
            check(db)
        return more

    def _forget(self, state: MonitorState) -> None:
        at = state.at
        if self._purge_at is None or not at.synced:
            self._purge_at = at.monotonic + PURGE_FIRST_S
        if at.monotonic < self._purge_at or state.episode is not None:
            return
        more = self._disk.run(lambda db: self._look_after(db, at.utc))
        self._purge_at = at.monotonic + (0.0 if more else PURGE_EVERY_S)
