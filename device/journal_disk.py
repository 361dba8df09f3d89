"""The writer's hold on the file: opened when needed, tried again when it fails, salvaged when it is damaged."""

import logging
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from device.clock import Clock, Instant
from device.errors import JournalError
from device.journal_schema import explain, is_broken
from device.journal_store import Run, open_store, salvaged

RETRY_S = 5.0
"""How often a failing disk is tried again."""

SLOW_S = 2.0
"""A write that takes longer is said: the card may be failing."""

SLOW_FOR_S = 600.0
"""How long that is said for."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Disk:
    """Runs what is to be done with the database, and turns everything that can go wrong with it into a `JournalError`."""

    def __init__(self, path: Path, clock: Clock, about: Mapping[str, str], on_new: Callable[[], None]) -> None:
        """Open nothing yet. `on_new` is called when the file has been replaced by a new one."""
        self._path = path
        self._clock = clock
        self._about = about
        self._on_new = on_new
        self._opened = False
        self._failed = 0.0
        self._stale = False
        self._slow: tuple[Instant, float] | None = None
        self.db: sqlite3.Connection | None = None
        self.error: JournalError | None = None
        self.damaged: str | None = None

    def run(self, action: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do something with the database; while it fails, only every few seconds.

        Raises:
            JournalError: it could not be done, or it failed a moment ago; nothing of it is on the disk.
        """
        now = self._clock.now()
        if self.error is not None and now.monotonic - self._failed < RETRY_S:
            raise self.error
        try:
            result = self._attempt(action, now)
        except JournalError as error:
            raise self._fail(error, now, keep=False) from error
        except sqlite3.Error as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            raise self._fail(explain(error, self._path), now, keep=busy) from error
        except OSError as error:
            told = JournalError(f"The history in {self._path} cannot be used: {error.strerror or error}; look at the disk.")
            raise self._fail(told, now, keep=False) from error
        if self.error is not None:
            _log.info("the history can be written again")
        self.error = None
        took_s = self._clock.now().since(now)
        if took_s > SLOW_S:
            self._slow = (now, took_s)
        return result

    def slow(self) -> str | None:
        """A sentence if the card has been slow of late."""
        if self._slow is None or self._clock.now().since(self._slow[0]) > SLOW_FOR_S:
            return None
        return f"The memory card took {self._slow[1]:.0f} s to store something; it may be wearing out."

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        if self.db is not None:
            self.db.close()
            self.db = None

    def _attempt(self, action: Callable[[sqlite3.Connection], Result], now: Instant) -> Result:
        run = Run(self._clock.boot_id, now, self._about, first=not self._opened)
        if self.db is None or self._stale:
            db, text = open_store(self._path, run)
            self.close()
            self.db, self._stale, self._opened = db, False, True
            if text is not None:
                self._replaced(text)
        try:
            return action(self.db)
        except sqlite3.Error as error:
            if not is_broken(error):
                raise
        self.close()
        self.db, text = salvaged(self._path, run)
        self._replaced(text)
        return action(self.db)

    def _replaced(self, text: str) -> None:
        self.damaged = text
        self._on_new()

    def _fail(self, error: JournalError, now: Instant, *, keep: bool) -> JournalError:
        # A file opened while the disk could only be read stays so: it is opened anew next time, and read until then.
        self._stale = not keep
        if self.error is None:
            _log.error("%s", error)
        self.error, self._failed = error, now.monotonic
        return error
