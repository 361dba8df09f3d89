"""A damaged journal is moved aside, never deleted, and every row of it that can still be read goes into a new one."""

import logging
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from device.events import EpisodeEdited, EpisodeEvent, Event
from device.journal_rows import episode_of, event_of, put_episode, whole
from device.journal_schema import open_reader, open_writer, transaction

TABLES = ("meta", "boot", "episode", "event", "coverage", "fault", "change", "context", "embedding")
"""In the order in which rows may refer to one another."""

KINDS = {"coverage": ("listening", "silent", "lost"), "context": ("feed", "sleep", "change", "other")}
"""Words that rows of these tables must have to make sense."""

PAGE = 4096
"""SQLite's own page size, which the journal keeps."""

PROBES = 1000
"""Rows between two damaged places are asked for one by one, until so many in a row are lost: a page holds far fewer."""

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


def gather(sources: Sequence[Path], new: Path) -> int:
    """Make a journal `new` of this version of all rows of `sources` that make sense to it, of whatever version they are.

    Where two have the same row, the first source's counts. Returns how many episodes there are. OSError or sqlite3.Error if
    the disk refuses; a source that cannot be read adds nothing.
    """
    _remove(new)
    with closing(open_writer(new)) as target:
        for source in sources:
            with suppress(sqlite3.Error):
                _copy_tables(source, target)
        count: int = target.execute("SELECT count(*) FROM episode WHERE deleted_utc IS NULL").fetchone()[0]
        target.execute("PRAGMA journal_mode = DELETE")
    return count


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
        try:
            _copy_tables(old, target)
        except sqlite3.Error:
            grafted = _grafted(old, target, new.with_name(new.name + ".graft"))
            with suppress(sqlite3.Error):
                _copy_tables(grafted, target)
            _remove(grafted)
        saved: int = target.execute("SELECT count(*) FROM episode").fetchone()[0]
        # One file, complete on the disk, before it takes the old one's place.
        target.execute("PRAGMA journal_mode = DELETE")
    return saved


def _copy_tables(old: Path, target: sqlite3.Connection) -> None:
    with closing(open_reader(old)) as source, transaction(target):
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for table in TABLES:
            with suppress(sqlite3.Error):
                _copy_table(source, target, table)


def _grafted(old: Path, fresh: sqlite3.Connection, copy: Path) -> Path:
    """A copy of a file whose first page is lost, with that of a new journal: in one made alike, the tables lie alike.

    The first page holds the list of tables and is written at every checkpoint. What does not lie where it should makes no
    sense, and `_sound` leaves it out.
    """
    fresh.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Path(fresh.execute("PRAGMA database_list").fetchone()[2]).open("rb") as file:
        page = bytearray(file.read(PAGE))
    # The file is no longer in WAL mode, and its size is that of the copy (file format, bytes 18, 19 and 28 to 31).
    page[18:20] = b"\x01\x01"
    page[28:32] = (old.stat().st_size // PAGE).to_bytes(4, "big")
    page[92:96] = page[24:28]
    shutil.copyfile(old, copy)
    with copy.open("r+b") as file:
        file.write(page)
    return copy


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
            return bool(whole(row["data"], row["outcome"]).id == row["id"])
        if table == "event":
            return bool(event_of(row["seq"], row["boot_id"], row["data"]).event.id == row["id"])
        if table == "change":
            return bool(episode_of(row["before"]).id == row["episode_id"] == episode_of(row["after"]).id)
        if table in KINDS:
            return row["kind"] in KINDS[table]
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
    missed = 0
    for rowid in range(low + 1, high):
        found = list(_until_damage(source, f"SELECT {names} FROM {table} WHERE rowid = {rowid}"))
        yield from found
        missed = 0 if found else missed + 1
        if missed >= PROBES:
            return


def _until_damage(source: sqlite3.Connection, sql: str) -> Iterator[Sequence[Any]]:
    with suppress(sqlite3.Error, UnicodeDecodeError):
        yield from source.execute(sql)
