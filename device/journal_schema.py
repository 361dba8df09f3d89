"""The journal's SQLite file: how it is opened, its tables, and the way from every earlier version to this one."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from device.errors import N_, JournalError
from device.journal_tables import MIGRATIONS

BUSY_S = 2.0
"""How long a statement waits for another process; longer, and the monitor would fall behind its microphone."""

_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_WHY = {
    sqlite3.SQLITE_FULL: N_("the disk is full; free some space"),
    sqlite3.SQLITE_READONLY: N_("the disk can only be read; it may be failing, so restart the device or replace the card"),
    sqlite3.SQLITE_BUSY: N_("another program holds it; close what else has it open"),
    sqlite3.SQLITE_LOCKED: N_("another program holds it; close what else has it open"),
    sqlite3.SQLITE_CANTOPEN: N_("it cannot be opened; check that its folder exists and belongs to this user"),
    sqlite3.SQLITE_PERM: N_("it belongs to another user; check the owner of its folder"),
    sqlite3.SQLITE_IOERR: N_("the disk gives errors; check its space and its health"),
    sqlite3.SQLITE_CORRUPT: N_("the file is damaged"),
    sqlite3.SQLITE_NOTADB: N_("the file is damaged or is no database"),
}

VERSION = len(MIGRATIONS)


class Damaged(sqlite3.DatabaseError):
    """The file opens, but its check has found damage."""


def is_broken(error: sqlite3.Error) -> bool:
    """True if the error means that the file itself is damaged."""
    return isinstance(error, Damaged) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN


def explain(error: sqlite3.Error, path: Path) -> JournalError:
    """Say in one sentence what is wrong with the journal at `path` and what to do."""
    why = _WHY.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error))
    return JournalError("The history in %(path)s cannot be used: %(why)s.", path=path, why=why)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors within into a `JournalError` about the journal at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Everything within happens, or nothing; the write lock is taken at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def open_writer(path: Path, *, before_migration: Callable[[Path], None] | None = None) -> sqlite3.Connection:
    """Open the journal for its one writer, make it or bring it to the present version; SQLite's errors come as they are.

    `before_migration` gets the path of the backup that is made before an older version is changed. JournalError if a
    newer version wrote the file: it is left untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    db.text_factory = _forgiving
    try:
        # WAL appends each change once and syncs once, and its frames carry checksums; docs/storage.md has the numbers.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA journal_size_limit = 4194304")
        db.execute("PRAGMA cache_size = -512")  # KiB; by default it grows to 2 MB with the history
        _migrate(db, path, before_migration)
        return db
    except BaseException as error:
        db.close()
        raise _damaged(error) from None


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the journal for reading alone, also where its folder cannot be written; SQLite's errors come as they are."""
    uri = path.absolute().as_uri() + "?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError:
        db.close()
        # A database at rest in a folder that this user may not write has no -shm file, and none can be made.
        if not path.exists() or path.with_name(path.name + "-wal").exists():
            raise
        db = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None, check_same_thread=False)
        db.execute("SELECT 1 FROM sqlite_master")
    except BaseException as error:
        db.close()
        raise _damaged(error) from None
    db.text_factory = _forgiving
    # Readers are opened for one look and closed again: a larger cache is not asked twice, and takes memory for nothing.
    db.execute("PRAGMA cache_size = -256")
    return db


def _damaged(error: BaseException) -> BaseException:
    """Where the list of tables is garbage, even SQLite's message about it may be no text."""
    return Damaged("unreadable") if isinstance(error, UnicodeDecodeError) else error


def _forgiving(text: bytes) -> str:
    """A damaged letter must not hide all other rows; whether the text still makes sense is seen where it is used."""
    return text.decode("utf-8", "replace")


def check(db: sqlite3.Connection) -> None:
    """Look the whole file through (about 20 MB a second on a Pi); `Damaged` if something is wrong with it."""
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Damaged(found)


def version(db: sqlite3.Connection) -> int:
    """The schema's version in the file: 0 if it is empty."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def copy_to(db: sqlite3.Connection, target: Path) -> None:
    """Write a consistent copy of the open database to `target`, which appears only when it is complete."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as copy:
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    part.chmod(0o600)
    part.replace(target)


def _migrate(db: sqlite3.Connection, path: Path, before: Callable[[Path], None] | None) -> None:
    found = version(db)
    if found > VERSION:
        raise JournalError(
            f"The history in {path} was written by a newer version of this program (schema {found}, this one knows "
            f"{VERSION}); update the program, or restore a backup made before the update."
        )
    if found == VERSION:
        return
    if found:
        backup = path.with_name(f"{path.stem}-before-{VERSION}-from-{found}.db")
        copy_to(db, backup)
        if before is not None:
            before(backup)
    with transaction(db):
        for number in range(found, VERSION):
            for statement in _statements(MIGRATIONS[number]):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")


def _statements(script: str) -> Iterator[str]:
    """Split a script into its statements: executescript would commit, and a migration must be one transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
