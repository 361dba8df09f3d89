"""Corrections of history by people: each is logged with what was before and after, and can be taken back."""

import json
import sqlite3

from device.clock import Instant
from device.corrections import apply_edit, take_back
from device.events import EpisodeEdited
from device.inputs import Edit
from device.journal_rows import WHOLE, dump, episode_of, put_episode, put_event, readable
from device.journal_shapes import Change
from device.record import Episode
from device.settings import AlertSettings
from device.wire import encode_episode

CHANGE = "id, at_utc, source, action, episode_id, undone_utc"
"""The columns of a `Change`, in its order."""


def log_change(
    db: sqlite3.Connection, utc: float, source: str, action: str, before: Episode, after: Episode, *, gone: bool = False
) -> None:
    """Write a change into the log, so that it can be undone."""
    db.execute(
        "INSERT INTO change (at_utc, source, action, episode_id, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        (utc, source, action, before.id, dump(encode_episode(before)), dump({**encode_episode(after), "deleted": gone})),
    )


def log_tag(db: sqlite3.Connection, utc: float, after: Episode) -> None:
    """Log what a tag has changed in the stored episode, before it is overwritten."""
    before = stored(db, after.id)
    if before is None:
        return
    # An open episode's outcome comes from the tracker alone; that is no change by a person.
    names = ("need", "helped", "note", "not_crying" if before.open else "outcome")
    if any(getattr(before, name) != getattr(after, name) for name in names):
        log_change(db, utc, "", "tag", before, after)


def stored(db: sqlite3.Connection, episode_id: str, *, deleted: bool = False) -> Episode | None:
    """The episode as it stands, None if there is none that can be read; deleted ones only if asked for."""
    rows = db.execute(f"SELECT {WHOLE} FROM episode WHERE id = ? AND (? OR deleted_utc IS NULL)", (episode_id, int(deleted)))
    return next(readable(rows), None)


def changes(db: sqlite3.Connection, limit: int) -> list[Change]:
    """The latest changes, newest first."""
    rows = db.execute(f"SELECT {CHANGE} FROM change ORDER BY id DESC LIMIT ?", (limit,))
    return [Change(*row) for row in rows]


def undoable(db: sqlite3.Connection, episode_id: str = "") -> Change | None:
    """The change that is taken back next, of this episode or of any; None if there is none."""
    row = db.execute(
        f"SELECT {CHANGE} FROM change WHERE undone_utc IS NULL AND ? IN ('', episode_id) ORDER BY id DESC LIMIT 1",
        (episode_id,),
    ).fetchone()
    return None if row is None else Change(*row)


def carry_out(db: sqlite3.Connection, edit: Edit, alerts: AlertSettings, boot_id: str) -> EpisodeEdited | None:
    """Carry out a correction within the caller's transaction: episode, log and event together; None if nothing changes."""
    if edit.action == "undo":
        return _undo(db, edit, alerts, boot_id)
    before = stored(db, edit.episode_id)
    if before is None:
        return None
    gone = edit.action == "delete"
    after = apply_edit(before, edit, alerts)
    if after == before and not gone:
        return None
    log_change(db, edit.at.utc, edit.source, edit.action, before, after, gone=gone)
    return _tell(db, edit.at, after, boot_id, gone=gone)


def _undo(db: sqlite3.Connection, edit: Edit, alerts: AlertSettings, boot_id: str) -> EpisodeEdited | None:
    change = undoable(db, edit.episode_id)
    if change is None:
        return None
    episode_id = change.episode_id
    before, after = db.execute("SELECT before, after FROM change WHERE id = ?", (change.id,)).fetchone()
    db.execute("UPDATE change SET undone_utc = ? WHERE id = ?", (edit.at.utc, change.id))
    now = stored(db, episode_id, deleted=True)
    if now is None:
        return None
    try:
        restored = take_back(now, episode_of(before), episode_of(after), alerts)
    except ValueError:
        # A change that a rotting card has made unreadable cannot be taken back, nor may it stand before all others.
        return _undo(db, edit, alerts, boot_id)
    if json.loads(after).get("deleted"):
        db.execute("UPDATE episode SET deleted_utc = NULL WHERE id = ?", (episode_id,))
    gone = db.execute("SELECT deleted_utc IS NOT NULL FROM episode WHERE id = ?", (episode_id,)).fetchone()[0]
    return _tell(db, edit.at, restored, boot_id, gone=bool(gone))


def _tell(db: sqlite3.Connection, at: Instant, episode: Episode, boot_id: str, *, gone: bool) -> EpisodeEdited:
    put_episode(db, episode)
    if gone:
        db.execute("UPDATE episode SET deleted_utc = ? WHERE id = ? AND deleted_utc IS NULL", (at.utc, episode.id))
    # Two corrections within a millisecond would have one id.
    while True:
        event = EpisodeEdited(at, episode, deleted=gone)
        if put_event(db, event, boot_id, send=True):
            return event
        at = at.plus(0.001)
