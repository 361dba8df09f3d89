"""The day so far, counted from the journal when something has changed, or once a minute."""

import logging
from collections.abc import Mapping
from datetime import tzinfo

from device.clock import Instant
from device.errors import JournalError
from device.journal import JournalWriter
from device.quiet import family_zone, midnight_utc
from device.statistics import today

log = logging.getLogger(__name__)

EVERY_S = 60.0

BEFORE_S = 6 * 3600.0
"""Crying that began so long before midnight still counts for the day it goes on into."""


class Today:
    """Counts the day's episodes; `changed` has it count anew at the next call."""

    def __init__(self, journal: JournalWriter, zone_name: str) -> None:
        """Take the journal and the name of the family's time zone (empty: the machine's)."""
        self._journal = journal
        self._zone_name = zone_name
        self._zone: tzinfo = family_zone(zone_name)
        self._counted: Instant | None = None
        self._last: Mapping[str, float | int | None] = {}

    def changed(self) -> None:
        """Count anew at the next call."""
        self._counted = None

    def __call__(self, at: Instant) -> Mapping[str, float | int | None]:
        """The counts at `at`; those of before, if the journal cannot be read."""
        if self._counted is None or at.since(self._counted) >= EVERY_S:
            self._counted = at
            try:
                midnight = midnight_utc(at.utc, self._zone_name)
                rows = self._journal.recent(midnight - BEFORE_S)
                self._last = today(rows, self._zone, at.utc, self._journal.coverage(midnight, at.utc))
            except JournalError as error:
                log.warning("%s", error)
        return self._last
