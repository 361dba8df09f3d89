"""Keeping the history safe, bringing it back, and deleting all of it."""

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from device.clock import Clock, SystemClock
from device.errors import JournalError
from device.journal_schema import VERSION, copy_to, explained, open_reader, open_writer, transaction, version

_OURS = ("journal.db", "credentials.json", "clips")
"""What shows that a folder is this program's data."""


def backup(path: Path, target: Path) -> None:
    """Write a consistent copy of the journal at `path` to `target`, also while the monitor writes.

    `target` appears only when it is complete and is readable by its owner alone.

    Raises:
        JournalError: there is no journal, or it cannot be read, or the copy cannot be written.
    """
    if not path.exists():
        raise JournalError("There is no history in %(path)s to back up.", path=path)
    try:
        with explained(path), closing(open_reader(path)) as db:
            copy_to(db, target)
    except OSError as error:
        raise JournalError(
            "The backup %(path)s cannot be written: %(why)s; choose another place.", path=target, why=error.strerror
        ) from error


def restore(source: Path, path: Path, *, clock: Clock | None = None) -> Path | None:
    """Put the backup `source` in the place of the journal at `path`; where the journal that was there now lies, or None.

    The backup is checked whole and brought to the present schema first; the journal there is moved aside, never deleted.
    Events that the backup still wanted to send are not sent.

    Raises:
        JournalError: the backup is damaged, no journal or of a newer version, or the monitor runs; nothing is changed.
    """
    utc = (clock or SystemClock()).now().utc
    check_backup(source)
    must_rest(path)
    new = path.with_name(path.name + ".restored")
    with explained(new):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(open_reader(source)) as db:
            copy_to(db, new)
        with closing(open_writer(new)) as db:
            with transaction(db):
                db.execute("UPDATE event SET delivered = ? WHERE delivered IS NULL", (utc,))
                db.execute("UPDATE coverage SET ended = 'cut' WHERE ended = ''")
            db.execute("PRAGMA journal_mode = DELETE")
    return swap_in(new, path, utc)


def swap_in(new: Path, path: Path, utc: float) -> Path | None:
    """Put the journal `new` in the place of `path`; where the one that was there now lies, or None."""
    aside = None
    if path.exists():
        aside = path.with_name(f"journal-before-restore-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(utc))}.db")
        for suffix in ("-wal", ""):
            old = path.with_name(path.name + suffix)
            if old.exists():
                old.replace(aside.with_name(aside.name + suffix))
    if os.geteuid() == 0:
        # Restored by the administrator, but written by whom the folder belongs to.
        owner = path.parent.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(path)
    return aside


def erase(data_dir: Path) -> int:
    """Delete everything in the data folder: history, backups, recordings, passwords; how many files that were.

    Raises:
        JournalError: the folder is none of this program's, the monitor runs, or a file cannot be deleted.
    """
    if not data_dir.is_dir() or not any((data_dir / name).exists() for name in _OURS):
        raise JournalError(f"{data_dir} does not look like this program's data folder; nothing was deleted.")
    must_rest(data_dir / "journal.db")
    files = sum(1 for item in data_dir.rglob("*") if not item.is_dir())
    for item in list(data_dir.iterdir()):
        try:
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            else:
                item.unlink()
        except OSError as error:
            raise JournalError(f"{item} cannot be deleted: {error.strerror}; delete it yourself.") from error
    return files


def check_backup(source: Path) -> None:
    """Refuse what is damaged, no journal of ours, or of a newer version.

    Raises:
        JournalError: it says which.
    """
    if not source.is_file():
        raise JournalError(f"There is no backup {source}; look at the name.")
    try:
        with closing(open_reader(source)) as db:
            found = version(db)
            whole = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            loose = db.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise JournalError(f"The backup {source} is damaged or no backup ({error}); choose another one.") from error
    if whole != "ok" or loose is not None:
        raise JournalError(f"The backup {source} is damaged ({whole if whole != 'ok' else loose}); choose another one.")
    if not {"meta", "episode", "event", "coverage"} <= tables:
        raise JournalError(f"{source} is a database, but not a history of this program; choose another one.")
    if found > VERSION:
        raise JournalError(f"The backup {source} was made by a newer version (schema {found}); update the program first.")


def must_rest(path: Path) -> None:
    """Refuse while another process has the journal open; leaving WAL needs it alone, and puts all into one file.

    Raises:
        JournalError: it has.
    """
    if not path.exists():
        return
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as db:
        try:
            db.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise JournalError(f"The history in {path} is in use; stop the monitor and the page first.") from error
