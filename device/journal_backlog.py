"""What waits for the disk: kept in order while it fails, bounded, and written in one transaction when it works."""

import logging
import sqlite3
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from device.events import EpisodeUpdated, Event
from device.journal_rows import blob_of, event_of
from device.journal_store import UNSENT, store
from device.sinks import StoredEvent

_log = logging.getLogger(__name__)


class Backlog:
    """Events, marks of delivery and embeddings that are not yet on the disk. Usually each is written at once."""

    def __init__(self, room: int, boot_id: str) -> None:
        """Hold at most `room` events."""
        self._room = room
        self._boot_id = boot_id
        self.events: deque[Event] = deque()
        self._delivered: dict[str, float] = {}
        self._vectors: deque[tuple[str, str, bytes]] = deque(maxlen=1000)
        self.dropped = 0

    @property
    def waiting(self) -> bool:
        """True if there is anything to write."""
        return bool(self.events or self._delivered or self._vectors)

    def add(self, event: Event) -> None:
        """Take an event. Beyond the room the least important goes: a progress report, else the oldest event."""
        self.events.append(event)
        if len(self.events) > self._room:
            spare = next((old for old in self.events if isinstance(old, EpisodeUpdated)), self.events[0])
            self.events.remove(spare)
            self.dropped += 1
            _log.error("%d events had to be given up: the history could not be written for too long", self.dropped)

    def deliver(self, event_id: str, utc: float) -> None:
        """The broker has the event."""
        self._delivered[event_id] = utc

    def embed(self, episode_id: str, model_version: str, vector: Iterable[float]) -> None:
        """Take what the detector heard of an episode."""
        self._vectors.append((episode_id, model_version, blob_of(vector)))

    def pending(self, db: sqlite3.Connection | None, limit: int) -> list[StoredEvent]:
        """The oldest events that the broker has not acknowledged: first those on the disk, then those that wait for it."""
        found: list[StoredEvent] = []
        last = 0
        if db is not None:
            rows = db.execute(
                "SELECT seq, boot_id, data, id FROM event WHERE delivered IS NULL ORDER BY seq LIMIT ?",
                (limit + len(self._delivered),),
            ).fetchall()
            last = db.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0]
            for seq, boot_id, data, name in rows:
                # An event that only a newer version knew cannot be sent by this one.
                with suppress(ValueError):
                    if name not in self._delivered:
                        found.append(event_of(seq, boot_id, data))
        for number, event in enumerate(self.events, last + 1):
            if not isinstance(event, UNSENT) and event.id not in self._delivered:
                found.append(StoredEvent(number, event, self._boot_id))
        return found[:limit]

    def write(self, db: sqlite3.Connection) -> None:
        """Write everything within the caller's transaction."""
        for event in self.events:
            store(db, event, self._boot_id)
        db.executemany(
            "UPDATE event SET delivered = ? WHERE id = ? AND delivered IS NULL",
            [(utc, event_id) for event_id, utc in self._delivered.items()],
        )
        db.executemany(
            "INSERT OR REPLACE INTO embedding (episode_id, model_version, vector) "
            "SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM episode WHERE id = ?1)",
            self._vectors,
        )

    def written(self) -> None:
        """The transaction of `write` is committed."""
        self.events.clear()
        self._delivered.clear()
        self._vectors.clear()
