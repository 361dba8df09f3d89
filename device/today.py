"""The day so far, counted from the journal when something has changed, or once a minute."""

import logging
from collections.abc import Mapping
from datetime import tzinfo

from device.clock import Instant
from device.errors import JournalError
from device.journal import JournalWriter
from device.quiet import midnight_utc
from device.statistics import today

log = logging.getLogger(__name__)

EVERY_S = 60.0

BEFORE_S = 6 * 3600.0
"""Crying that began so long before midnight still counts for the day it goes on into."""


class Today:
    """Counts the day's episodes anew whenever the journal has changed, and as the day goes on."""

    def __init__(self, journal: JournalWriter, zone: tzinfo) -> None:
        """Take the journal and the family's time zone."""
        self._journal = journal
        self._zone = zone
        self._counted: Instant | None = None
        self._revision = -1
        self._last: Mapping[str, float | int | None] = {}

    def __call__(self, at: Instant) -> Mapping[str, float | int | None]:
        """The counts at `at`; those of before, if the journal cannot be read."""
        fresh = self._counted is not None and at.since(self._counted) < EVERY_S
        if not fresh or self._journal.revision != self._revision:
            self._counted, self._revision = at, self._journal.revision
            try:
                midnight = midnight_utc(at.utc, self._zone)
                rows = self._journal.recent(midnight - BEFORE_S)
                self._last = today(rows, self._zone, at.utc, self._journal.coverage(midnight, at.utc))
            except JournalError as error:
                log.warning("%s", error)
        return self._last
