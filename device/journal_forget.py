"""Beginning to learn anew: what was said before stays in the history but teaches no more, until it is taken back."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace

from device.clock import Instant
from device.events import Forgotten
from device.inputs import Forget
from device.journal_rows import dump, put_event
from device.wire import decode_part, encode_part

KEY = "learned_since"
"""Where the table meta keeps every beginning that stands, oldest first."""

KEPT = 20


@dataclass(frozen=True, slots=True)
class Beginning:
    """When the family wished to begin anew, and the boot whose monotonic time that is."""

    at: Instant
    boot_id: str


def begun(meta: Mapping[str, str]) -> Instant | None:
    """When learning last began anew, as far as that stands, from the table meta; None if it never did."""
    known = _read(meta.get(KEY))
    return known[-1].at if known else None


def carry_out(db: sqlite3.Connection, wish: Forget, boot_id: str) -> Forgotten | None:
    """Begin anew, or take the last beginning back, in the caller's transaction; None if there is none to take back."""
    known = _stored(db)
    if wish.undo and not known:
        return None
    _put(db, known[:-1] if wish.undo else (*known, Beginning(wish.at, boot_id))[-KEPT:])
    text = "What was said before is learned from again." if wish.undo else "Learning begins anew."
    at = wish.at
    # Two wishes within a millisecond would have one id.
    while not put_event(db, event := Forgotten(at, text, undone=wish.undo), boot_id, send=False):
        at = at.plus(0.001)
    return event


def put_right(db: sqlite3.Connection, boot_id: str, offset: float) -> None:
    """The clock has become right: so do the beginnings of this boot that were noted while it was wrong."""
    known = _stored(db)
    right = tuple(
        replace(each, at=Instant(each.at.monotonic, each.at.monotonic + offset))
        if each.boot_id == boot_id and not each.at.synced
        else each
        for each in known
    )
    if right != known:
        _put(db, right)


def forget_sounds(db: sqlite3.Connection, begun_before_utc: float, most: int) -> None:
    """Delete what was heard before a beginning that was made before `begun_before_utc`, at most so many at once."""
    long_ago = [each.at.utc for each in _stored(db) if each.at.synced and each.at.utc < begun_before_utc]
    if long_ago:
        db.execute(
            "DELETE FROM embedding WHERE episode_id IN (SELECT DISTINCT e.episode_id FROM embedding e "
            "JOIN episode p ON p.id = e.episode_id WHERE p.onset_utc < ? LIMIT ?)",
            (long_ago[-1], most),
        )


def _stored(db: sqlite3.Connection) -> tuple[Beginning, ...]:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (KEY,)).fetchone()
    return _read(None if row is None else row[0])


def _put(db: sqlite3.Connection, beginnings: tuple[Beginning, ...]) -> None:
    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (KEY, dump(encode_part(beginnings))))


def _read(text: str | None) -> tuple[Beginning, ...]:
    try:
        known: tuple[Beginning, ...] = decode_part(tuple[Beginning, ...], json.loads(text or "[]"))
    except ValueError:
        return ()
    return known
