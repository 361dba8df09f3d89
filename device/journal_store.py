"""The writer's SQL: opening with a look at the file's health, storing events, putting times right, forgetting."""

import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from device.clock import Instant
from device.events import EpisodeEvent, EpisodeTagged, EpisodeUpdated, Event, FaultCleared, FaultRaised, Forgotten, Muted
from device.journal_edits import log_tag, stored
from device.journal_forget import forget_sounds, put_right
from device.journal_rows import WHOLE, put_episode, put_event, readable, right_onset
from device.journal_salvage import finish, salvage
from device.journal_schema import check, is_broken, open_writer, transaction
from device.vocabulary import Outcome

UNSENT = (EpisodeUpdated, Forgotten, Muted)
"""Events that are no news to anybody outside; they do not go into the outbox."""

DELETED_KEPT_DAYS = 30.0
"""How long a deleted episode can still be brought back, and the sounds of what is no longer learned from are kept."""

PURGE_ROWS = 200
"""Episodes deleted for good at once, so that no purge holds up the listening."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """Who writes: the boot, the present instant, what goes into the table meta, and whether this run opens it first."""

    boot_id: str
    now: Instant
    about: Mapping[str, str]
    first: bool


def open_store(path: Path, run: Run) -> tuple[sqlite3.Connection, str | None]:
    """Open the journal; a damaged one is salvaged, and the second part then says so to a person.

    After a run that did not end in good order the whole file is checked, once.
    """
    finish(path)
    try:
        return _open(path, run), None
    except sqlite3.Error as error:
        if not is_broken(error):
            raise
    return salvaged(path, run)


def salvaged(path: Path, run: Run) -> tuple[sqlite3.Connection, str]:
    """Salvage the journal, which is known to be damaged, and open the new one."""
    aside, saved = salvage(path, run.now.utc)
    text = f"The history was damaged and begins anew with the {saved} episodes that could be saved; the old file is {aside}."
    return _open(path, Run(run.boot_id, run.now, {**run.about, "salvaged": text}, run.first)), text


def _open(path: Path, run: Run) -> sqlite3.Connection:
    db = open_writer(path)
    try:
        cut = run.first and db.execute("SELECT 1 FROM coverage WHERE ended = '' LIMIT 1").fetchone() is not None
        if cut:
            check(db)
        with transaction(db):
            _introduce(db, run, cut=cut)
        return db
    except BaseException:
        db.close()
        raise


def _introduce(db: sqlite3.Connection, run: Run, *, cut: bool) -> None:
    known = dict(db.execute("SELECT key, value FROM meta"))
    for key, value in {"created_utc": known.get("created_utc", str(run.now.utc)), **run.about}.items():
        if known.get(key) != value:
            db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
    db.execute("INSERT OR IGNORE INTO boot (boot_id, started_utc) VALUES (?, ?)", (run.boot_id, run.now.utc))
    if cut:
        db.execute("UPDATE coverage SET ended = 'cut' WHERE ended = ''")
    if run.first:
        # Faults do not outlive a run: those that still stand are raised anew.
        db.execute("UPDATE fault SET end_utc = max(start_utc, ?) WHERE end_utc IS NULL", (run.now.utc,))
        _end_unreadable(db)


def _end_unreadable(db: sqlite3.Connection) -> None:
    """Nobody can go on with an open episode that is no longer readable; in counts it would go on for ever."""
    for name, *row in db.execute(f"SELECT id, {WHOLE} FROM episode WHERE outcome IS NULL").fetchall():
        if next(readable([row]), None) is None:
            _log.error("the open episode %r in the history cannot be read; it counts as interrupted", name)
            db.execute("UPDATE episode SET outcome = ?, offset_s = crying_s WHERE id = ?", (Outcome.INTERRUPTED.value, name))


def store(db: sqlite3.Connection, event: Event, boot_id: str) -> None:
    """Write an event and its episode's state within the caller's transaction; one that is there already does no harm."""
    if db.execute("SELECT 1 FROM event WHERE id = ?", (event.id,)).fetchone() is not None:
        return
    if isinstance(event, EpisodeUpdated):
        before = stored(db, event.episode.id, deleted=True)
        if before is None or before.open:
            put_episode(db, event.episode)
        return
    if isinstance(event, EpisodeEvent):
        if isinstance(event, EpisodeTagged):
            log_tag(db, event.at.utc, event.episode)
        put_episode(db, event.episode)
    put_event(db, event, boot_id, send=not isinstance(event, UNSENT))
    if isinstance(event, FaultRaised):
        db.execute(
            "INSERT INTO fault (boot_id, code, text, start_utc, start_monotonic, synced) VALUES (?, ?, ?, ?, ?, ?)",
            (boot_id, event.code, event.text, event.at.utc, event.at.monotonic, int(event.at.synced)),
        )
    elif isinstance(event, FaultCleared):
        db.execute(
            "UPDATE fault SET end_utc = max(start_utc, ?) WHERE code = ? AND end_utc IS NULL", (event.at.utc, event.code)
        )


def correct(db: sqlite3.Connection, boot_id: str, offset: float) -> None:
    """The clock has become right: put the times of this boot right that were written while it was wrong."""
    db.execute("UPDATE boot SET utc_minus_monotonic = ? WHERE boot_id = ?", (offset, boot_id))
    for table in ("coverage", "fault"):
        db.execute(
            f"UPDATE {table} SET start_utc = start_monotonic + ?, synced = 1, "
            "end_utc = end_utc - start_utc + start_monotonic + ? WHERE boot_id = ? AND synced = 0",
            (offset, offset, boot_id),
        )
    rows = db.execute(f"SELECT {WHOLE} FROM episode WHERE boot_id = ? AND synced = 0", (boot_id,)).fetchall()
    for episode in readable(rows):
        put_episode(db, right_onset(episode, offset))
    put_right(db, boot_id, offset)


def purge(db: sqlite3.Connection, now_utc: float, history_days: float) -> bool:
    """Forget what was deleted long ago and what is older than `history_days` (0: nothing); True if there is more to do."""
    oldest = now_utc - history_days * 86_400 if history_days > 0 else float("-inf")
    with transaction(db):
        gone = db.execute(
            "DELETE FROM episode WHERE id IN (SELECT id FROM episode WHERE outcome IS NOT NULL AND onset_utc < ? UNION "
            "SELECT id FROM episode WHERE deleted_utc < ? LIMIT ?)",
            (oldest, now_utc - DELETED_KEPT_DAYS * 86_400, PURGE_ROWS),
        ).rowcount
        for sql in (
            "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE episode_id IS NULL AND at_utc < ? LIMIT 1000)",
            "DELETE FROM coverage WHERE end_utc < ?",
            "DELETE FROM fault WHERE end_utc < ?",
            "DELETE FROM context WHERE start_utc < ?",
        ):
            if history_days > 0:
                db.execute(sql, (oldest,))
        forget_sounds(db, now_utc - DELETED_KEPT_DAYS * 86_400, PURGE_ROWS)
    if gone:
        _log.info("forgot %d episodes for good", gone)
    return gone >= PURGE_ROWS
