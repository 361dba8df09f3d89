"""Time: one instant holds both clocks, and every part is given its clock instead of asking the system."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment on both clocks.

    `monotonic` counts seconds since boot, suspended time included, and never jumps: every duration comes from it.
    `utc` is Unix time in seconds, for display alone; `synced` is False while it may still be wrong.
    """

    monotonic: float
    utc: float
    synced: bool = True

    def plus(self, seconds: float) -> "Instant":
        """Give the instant `seconds` later (earlier, if negative) on both clocks."""
        return Instant(self.monotonic + seconds, self.utc + seconds, self.synced)

    def since(self, earlier: "Instant") -> float:
        """Seconds from `earlier` to this instant, on the monotonic clock, to the microsecond.

        Rounded, so that the same moment reckoned from blocks of another length falls on the same side of every limit.
        """
        return round(self.monotonic - earlier.monotonic, 6)


class Clock(Protocol):
    """What hands out instants."""

    @property
    def boot_id(self) -> str:
        """Name of the boot that `monotonic` counts from; instants of different boots cannot be subtracted."""
        ...

    def now(self) -> Instant:
        """The present instant."""
        ...


class SystemClock:
    """The machine's own clocks.

    A Raspberry Pi has no battery clock: until systemd-timesyncd (or chrony's hook) has marked the clock as synchronised,
    instants carry `synced=False`. A machine without systemd, or whose clock is plainly right already, counts as synced.
    """

    _mark = Path("/run/systemd/timesync/synchronized")
    _timesyncd = Path("/run/systemd/timesync")
    _boot_id = Path("/proc/sys/kernel/random/boot_id")

    def __init__(self) -> None:
        """Read the boot's name once."""
        try:
            self._boot = self._boot_id.read_text().strip()
        except OSError:
            self._boot = "unknown"
        self._synced = False

    @property
    def boot_id(self) -> str:
        """The kernel's name of this boot."""
        return self._boot

    def now(self) -> Instant:
        """The present instant, from CLOCK_BOOTTIME and CLOCK_REALTIME."""
        utc = time.time()
        if not self._synced:
            self._synced = self._mark.exists() or not self._timesyncd.exists()
        return Instant(time.clock_gettime(time.CLOCK_BOOTTIME), utc, self._synced)
