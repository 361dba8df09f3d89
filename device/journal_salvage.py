"""A damaged journal is moved aside, never deleted, and every row of it that can still be read goes into a new one."""

import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from device.events import EpisodeEdited, EpisodeEvent, Event
from device.journal_rows import episode_of, event_of, put_episode
from device.journal_schema import open_reader, open_writer, transaction

TABLES = ("meta", "boot", "episode", "event", "coverage", "fault", "change", "context", "embedding")
"""In the order in which rows may refer to one another."""

PROBES = 20_000
"""Rows between two damaged places that are asked for one by one."""

_log = logging.getLogger(__name__)


def salvage(path: Path, utc: float) -> tuple[Path, int]:
    """Put a new journal in the place of the damaged one at `path`, with all that could be read of it.

    Returns where the damaged file now lies (`journal-corrupt-<stamp>.db`) and how many episodes were saved. A power cut in
    the middle loses nothing: `finish` at the next start completes it. OSError or sqlite3.Error if the disk refuses.
    """
    new = _new_name(path)
    _remove(new)
    saved = _copy(path, new)
    aside = _free_name(path, utc)
    for suffix in ("-wal", ""):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(aside.with_name(aside.name + suffix))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    new.replace(path)
    _log.error("the journal was damaged; it is kept as %s, %d episodes were saved", aside, saved)
    return aside, saved


def finish(path: Path) -> None:
    """Complete a salvage that a power cut interrupted after the damaged file was moved aside."""
    if not path.exists() and _new_name(path).exists():
        _new_name(path).replace(path)


def _new_name(path: Path) -> Path:
    return path.with_name(path.name + ".saved")


def _free_name(path: Path, utc: float) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(utc))
    names = (path.with_name(f"journal-corrupt-{stamp}{'' if n == 0 else f'-{n}'}.db") for n in range(1000))
    return next(name for name in names if not name.exists())


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _copy(old: Path, new: Path) -> int:
    with closing(open_writer(new)) as target:
        with suppress(sqlite3.Error), closing(open_reader(old)) as source, transaction(target):
            for table in TABLES:
                with suppress(sqlite3.Error):
                    _copy_table(source, target, table)
        saved: int = target.execute("SELECT count(*) FROM episode").fetchone()[0]
        # One file, complete on the disk, before it takes the old one's place.
        target.execute("PRAGMA journal_mode = DELETE")
    return saved


def _copy_table(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    there = [row[1] for row in source.execute(f"PRAGMA table_info({table})")]
    columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})") if row[1] in there]
    if not columns:
        return
    names = ", ".join(columns)
    places = ", ".join("?" * len(columns))
    known = {row[0] for row in target.execute("SELECT id FROM episode")}
    for row in _readable(source, table, names):
        cells = dict(zip(columns, row, strict=True))
        if _sound(table, cells):
            with suppress(sqlite3.Error):
                if table == "event" and cells["episode_id"] not in known:
                    _retell(target, event_of(cells["seq"], cells["boot_id"], cells["data"]).event)
                target.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})", row)


def _retell(target: sqlite3.Connection, event: Event) -> None:
    """An episode whose own row is lost comes back from its events, each of which holds its state at that time."""
    if isinstance(event, EpisodeEvent):
        put_episode(target, event.episode)
    if isinstance(event, EpisodeEdited):
        gone = event.at.utc if event.deleted else None
        target.execute("UPDATE episode SET deleted_utc = ? WHERE id = ?", (gone, event.episode.id))


def _sound(table: str, row: dict[str, Any]) -> bool:
    """A row that came back from a damaged file counts only if its content makes sense."""
    try:
        if table == "episode":
            return bool(episode_of(row["data"]).id == row["id"])
        if table == "event":
            event_of(row["seq"], row["boot_id"], row["data"])
    except (ValueError, TypeError):
        return False
    return True


def _readable(source: sqlite3.Connection, table: str, names: str) -> Iterator[Sequence[Any]]:
    """Read from the front until damage, from the back until damage, and between the two row by row."""
    keyed = table in ("meta", "boot", "embedding")
    if keyed:
        yield from _until_damage(source, f"SELECT {names} FROM {table}")
        return
    low, high = -1, 1 << 62
    for rowid, *row in _until_damage(source, f"SELECT rowid, {names} FROM {table} ORDER BY rowid"):
        low = rowid
        yield row
    for rowid, *row in _until_damage(source, f"SELECT rowid, {names} FROM {table} WHERE rowid > {low} ORDER BY rowid DESC"):
        high = rowid
        yield row
    for rowid in range(low + 1, min(high, low + PROBES)):
        yield from _until_damage(source, f"SELECT {names} FROM {table} WHERE rowid = {rowid}")


def _until_damage(source: sqlite3.Connection, sql: str) -> Iterator[Sequence[Any]]:
    with suppress(sqlite3.Error):
        yield from source.execute(sql)
