"""The journal: the family's history in one SQLite file, written by the monitor alone and read by the page."""

import logging
import sqlite3
from collections import deque
from pathlib import Path

from device.clock import Clock, Instant
from device.errors import JournalError
from device.events import (
    Episode,
    EpisodeEnded,
    EpisodeEvent,
    EpisodeUpdated,
    Event,
    Fault,
    FaultCleared,
    FaultRaised,
    MonitorState,
    Muted,
    StoredEvent,
)
from device.journal_coverage import CoverageLog
from device.journal_reader import JournalReader
from device.journal_rows import (
    Change,
    Context,
    EpisodeRow,
    FaultRecord,
    Span,
    episode_of,
    event_of,
    interrupted,
    put_episode,
    put_event,
    right_onset,
)
from device.journal_schema import explain, open_writer, transaction
from device.settings import StorageSettings

__all__ = ["Change", "Context", "EpisodeRow", "FaultRecord", "JournalReader", "JournalWriter", "Span"]

RETRY_S = 5.0
"""How often a failing disk is tried again."""

SLOW_S = 2.0
"""A write that takes longer is said: the card may be failing."""

SLOW_FOR_S = 600.0
"""How long that is said for."""

_UNSENT = (EpisodeUpdated, Muted)
"""Events that are no news to anybody outside and do not go into the outbox."""

_log = logging.getLogger(__name__)


class JournalWriter:
    """The one writer: an `EventSink` and the `Outbox`, both on the monitor's thread.

    What cannot be written stays in memory in order, up to `backlog` events, and is written when the disk works again;
    until then `handle` and `update` raise a `JournalError` whose sentence says what is wrong. Nothing else is raised.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        storage: StorageSettings | None = None,
        device_id: str = "",
        demo: bool = False,
        backlog: int = 10_000,
    ) -> None:
        """Keep the history in `path`; nothing is opened before `start`."""
        self._path = path
        self._clock = clock
        self._storage = storage or StorageSettings()
        self._about = {"device_id": device_id, "demo": "1" if demo else "0"}
        self._room = backlog
        self._db: sqlite3.Connection | None = None
        self._queue: deque[Event] = deque()
        self._marks: dict[str, float] = {}
        self._coverage = CoverageLog(self._storage.coverage_mark_s, clock.boot_id)
        self._error: JournalError | None = None
        self._failed = 0.0
        self._dropped = 0
        self._synced = False
        self._offset: float | None = None
        self._slow: tuple[Instant, float] | None = None
        self._introduced = False
        self._closed = False

    # ---- the sink ----

    def start(self) -> None:
        """Open the file, bring it up to date, note the boot. A disk that fails here is told by `update` and retried."""
        try:
            self._work()
        except JournalError as error:
            _log.error("%s", error)

    def handle(self, event: Event) -> None:
        """Store an event, and its episode's present state with it, in one transaction; the same event again is harmless."""
        self._queue.append(event)
        self._make_room()
        self._work()

    def update(self, state: MonitorState) -> None:
        """Keep coverage: written on a change, at each mark, and with any event."""
        if state.at.synced and not self._synced:
            self._synced, self._offset = True, state.at.utc - state.at.monotonic
        due = self._coverage.observe(state)
        if due or self._queue or self._marks or self._error or self._offset is not None or self._coverage.waiting:
            self._work(mark=True)

    def close(self) -> None:
        """Note the orderly stop and close the file; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._coverage.stop()
        try:
            self._failed = float("-inf")
            self._work(mark=True)
        except JournalError as error:
            _log.error("%s %d events could not be kept.", error, len(self._queue))
        self._disconnect()

    def notices(self, now: Instant) -> tuple[Fault, ...]:
        """Faults that stand although writing works: a card that has answered slowly of late."""
        if self._slow is None or now.since(self._slow[0]) > SLOW_FOR_S:
            return ()
        at, took_s = self._slow
        return (Fault("disk_slow", f"The memory card took {took_s:.0f} s to store an event; it may be wearing out.", at),)

    # ---- the outbox ----

    def pending(self, limit: int = 100) -> list[StoredEvent]:
        """The oldest events that the broker has not acknowledged, in order; also those that still wait for the disk."""
        found: list[StoredEvent] = []
        last = 0
        if self._db is not None:
            try:
                rows = self._db.execute(
                    "SELECT seq, boot_id, data, id FROM event WHERE delivered IS NULL ORDER BY seq LIMIT ?",
                    (limit + len(self._marks),),
                ).fetchall()
                last = self._db.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0]
            except sqlite3.Error as error:
                rows = []
                _log.warning("%s", explain(error, self._path))
            for seq, boot_id, data, event_id in rows:
                if event_id not in self._marks:
                    found.append(event_of(seq, boot_id, data))
        for number, event in enumerate(self._queue, last + 1):
            if not isinstance(event, _UNSENT) and event.id not in self._marks:
                found.append(StoredEvent(number, event, self._clock.boot_id))
        return found[:limit]

    def delivered(self, event_id: str) -> None:
        """Take an event out of the outbox; unknown ids do no harm."""
        self._marks[event_id] = self._clock.now().utc
        self._work()

    # ---- episodes that a restart left open ----

    def resume(self) -> Episode | None:
        """The episode that was left open, if any; its `boot_id` tells whether its monotonic time still counts."""
        if self._db is None:
            return None
        try:
            row = self._db.execute(
                "SELECT data FROM episode WHERE outcome IS NULL AND deleted_utc IS NULL ORDER BY onset_utc DESC LIMIT 1"
            ).fetchone()
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        return None if row is None else episode_of(row[0])

    def close_open(self, at: Instant, *, keep: str | None = None) -> tuple[EpisodeEnded, ...]:
        """End every episode left open, but `keep`, at its last known crying; the events are stored, and given to be told.

        It counts as answered if somebody had responded, else as interrupted.
        """
        if self._db is None:
            return ()
        try:
            rows = self._db.execute("SELECT data FROM episode WHERE outcome IS NULL AND id IS NOT ?", (keep,)).fetchall()
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        ended = tuple(
            EpisodeEnded(at.plus(number * 0.001), interrupted(episode_of(row[0]))) for number, row in enumerate(rows)
        )
        for event in ended:
            self.handle(event)
        return ended

    # ---- inside ----

    def _work(self, *, mark: bool = False) -> None:
        """Write all that waits; while the disk fails, only every few seconds."""
        now = self._clock.now()
        if self._error is not None and now.monotonic - self._failed < RETRY_S:
            raise self._error
        try:
            self._flush(mark=mark)
        except sqlite3.Error as error:
            self._fail(explain(error, self._path), now)
        except (OSError, JournalError) as error:
            self._fail(
                error
                if isinstance(error, JournalError)
                else JournalError(f"The history in {self._path} cannot be written: {error}."),
                now,
            )
        self._error = None
        took_s = self._clock.now().since(now)
        if took_s > SLOW_S:
            self._slow = (now, took_s)

    def _fail(self, error: JournalError, now: Instant) -> None:
        self._disconnect()
        self._error, self._failed = error, now.monotonic
        raise error

    def _flush(self, *, mark: bool) -> None:
        if self._db is None:
            self._db = open_writer(self._path)
            with transaction(self._db):
                self._introduce(self._db)
            self._introduced = True
        if not (mark or self._queue or self._marks):
            return
        numbers: list[int] | None = None
        with transaction(self._db) as db:
            for event in self._queue:
                self._store(db, event)
            db.executemany(
                "UPDATE event SET delivered = ? WHERE id = ? AND delivered IS NULL",
                [(utc, event_id) for event_id, utc in self._marks.items()],
            )
            if self._offset is not None:
                self._correct(db, self._offset)
            if mark or self._queue:
                numbers = self._coverage.write(db)
        if numbers is not None:
            self._coverage.written(numbers)
        self._queue.clear()
        self._marks.clear()
        self._offset = None

    def _introduce(self, db: sqlite3.Connection) -> None:
        now = self._clock.now()
        about = {"created_utc": str(now.utc), **self._about}
        for key, value in about.items():
            known = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            if known is None or (key != "created_utc" and known[0] != value):
                db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
        db.execute("INSERT OR IGNORE INTO boot (boot_id, started_utc) VALUES (?, ?)", (self._clock.boot_id, now.utc))
        if not self._introduced:
            # Faults do not outlive a run: the ones that stand are raised anew.
            db.execute("UPDATE fault SET end_utc = ? WHERE end_utc IS NULL", (now.utc,))

    def _store(self, db: sqlite3.Connection, event: Event) -> None:
        if isinstance(event, EpisodeEvent):
            put_episode(db, event.episode)
            if isinstance(event, EpisodeUpdated):
                return
        if not put_event(db, event, self._clock.boot_id, send=not isinstance(event, _UNSENT)):
            return
        if isinstance(event, FaultRaised):
            db.execute(
                "INSERT INTO fault (boot_id, code, text, start_utc, start_monotonic, synced) VALUES (?, ?, ?, ?, ?, ?)",
                (self._clock.boot_id, event.code, event.text, event.at.utc, event.at.monotonic, int(event.at.synced)),
            )
        elif isinstance(event, FaultCleared):
            db.execute("UPDATE fault SET end_utc = ? WHERE code = ? AND end_utc IS NULL", (event.at.utc, event.code))

    def _correct(self, db: sqlite3.Connection, offset: float) -> None:
        """The clock has become right: put the times of this boot right that were written while it was wrong."""
        boot = self._clock.boot_id
        db.execute("UPDATE boot SET utc_minus_monotonic = ? WHERE boot_id = ?", (offset, boot))
        for table in ("coverage", "fault"):
            db.execute(
                f"UPDATE {table} SET start_utc = start_monotonic + ?, synced = 1, "
                "end_utc = end_utc - start_utc + start_monotonic + ? WHERE boot_id = ? AND synced = 0",
                (offset, offset, boot),
            )
        for (data,) in db.execute("SELECT data FROM episode WHERE boot_id = ? AND synced = 0", (boot,)).fetchall():
            put_episode(db, right_onset(episode_of(data), offset))

    def _make_room(self) -> None:
        """Beyond the backlog's size the least important goes first: progress reports, then the oldest events."""
        if len(self._queue) <= self._room:
            return
        spare = next((event for event in self._queue if isinstance(event, EpisodeUpdated)), self._queue[0])
        self._queue.remove(spare)
        self._dropped += 1
        _log.error("%d events had to be given up: the history could not be written for too long.", self._dropped)

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
